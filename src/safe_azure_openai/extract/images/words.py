"""What people wrote into a file, as one text."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from .metadata import Metadata

__all__ = ["words_of"]

MAX_CHARS = 600


@lru_cache
def _ordinary() -> tuple[str, ...]:
    lines = (Path(__file__).parent / "ordinary.txt").read_text(encoding="utf-8").splitlines()
    return tuple(line for line in lines if line and not line.startswith("#"))


def words_of(metadata: Metadata) -> str:
    """Return the words, a line each, without what devices and programs write by themselves; bounded."""
    own = [words for words in metadata.words if any(map(str.isalpha, words)) and not _is_ordinary(words)]
    return "\n".join(own)[:MAX_CHARS]


def _is_ordinary(words: str) -> bool:
    return words.lower().startswith(_ordinary())
