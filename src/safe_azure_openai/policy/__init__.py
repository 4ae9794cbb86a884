"""Rules as data, and the engine that applies them to facts."""

from __future__ import annotations

from .engine import Alternative, Pack, Policy, Rule
from .pack import BUILT_IN, Case, read_cases

__all__ = ["BUILT_IN", "Alternative", "Case", "Pack", "Policy", "Rule", "read_cases"]
