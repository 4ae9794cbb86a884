"""Guesses at what was meant by a word that is not a choice."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["did_you_mean"]

#: What people write instead, by the choice that they mean.
_MEANT = {
    "law_enforcement": ("police", "sheriff", "sheriffs"),
    "government": ("govt",),
    "healthcare": ("hospital", "medical"),
    "monitor": ("audit", "dry-run", "log", "warn"),
    "block": ("deny", "raise", "refuse"),
    "directory": ("entra", "graph"),
    "off": ("disabled", "false", "no", "none"),
    "true": ("enabled",),
    "false": ("disabled", "none"),
}


def did_you_mean(value: str, choices: Iterable[str], *, prefix: str = "") -> str:
    """Return ``"; did you mean 'x'?"`` for the nearest choice, or an empty string where none is near.

    Args:
        prefix: what all choices begin with, in whatever case; it brings nothing nearer.
    """
    import difflib  # for a wrong value only

    def key(word: str) -> str:
        return word.strip().lower().removeprefix(prefix.lower())

    known, written = {key(choice): choice for choice in choices}, key(value)
    near = [choice for choice in known if written in _MEANT.get(choice, ())]
    near += [choice for choice in known if len(written) > 2 and choice.startswith(written)]
    near += difflib.get_close_matches(written, known, n=1)
    return f"; did you mean {known[near[0]]!r}?" if near else ""
