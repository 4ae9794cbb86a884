"""Whether the name of a deployment, a user, a file or a tag says anything of who asks or what for."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

__all__ = ["tells"]

_PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_WHOLE_ONLY = 3


@lru_cache
def _telling() -> tuple[frozenset[str], tuple[str, ...]]:
    """Return the parts that must be whole, and the beginnings."""
    lines = (Path(__file__).parent / "names.txt").read_text(encoding="utf-8").splitlines()
    words = {word for line in lines if not line.startswith("#") for word in line.split()}
    short = frozenset(word for word in words if len(word) <= _WHOLE_ONLY)
    return short, tuple(sorted(words - short))


@lru_cache(maxsize=4096)
def tells(name: str) -> bool:
    """Return whether ``name`` is to be read: words, another script, or an identifier with a telling part.

    Names are everywhere and mostly arbitrary. An encoder that reads them all takes the unusual for the suspicious.
    """
    if not name.isascii() or " " in name.strip():
        return True
    short, beginnings = _telling()
    return any(part in short or part.startswith(beginnings) for part in map(str.lower, _PART.findall(name)))
