"""Rules as data, and the engine that applies them to facts. The files are read by ``pack``, when a policy is loaded."""

from __future__ import annotations

from .engine import Alternative, Pack, Policy, Rule

__all__ = ["Alternative", "Pack", "Policy", "Rule"]
