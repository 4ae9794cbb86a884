"""The readings that a disguise could hide in a text."""

from __future__ import annotations

from .view import View

__all__ = ["View", "views"]


def views(text: str) -> tuple[View, ...]:
    """Return the readings that a disguise could hide in ``text``, plainest first."""
    return (View(text),)
