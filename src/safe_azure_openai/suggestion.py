"""Guesses at what was meant by a word that is not a choice."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["did_you_mean"]


def did_you_mean(value: str, choices: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the nearest choice, or an empty string where none is near."""
    import difflib  # for a wrong value only

    known = {choice.lower(): choice for choice in choices}
    near = difflib.get_close_matches(value.strip().lower(), known, n=1, cutoff=0.5)
    return f"; did you mean {known[near[0]]!r}?" if near else ""
