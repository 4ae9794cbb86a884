"""The fixed words of the API: keys, literal values and path words, read once when first needed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Words that the API itself defines. A string that is exactly one of ``values`` carries no message."""

    keys: frozenset[str]
    values: frozenset[str]
    paths: frozenset[str]


@cache
def vocabulary() -> Vocabulary:
    """Return the words of ``vocabulary.txt``, made from the types of ``openai`` by tests/extract/make_vocabulary.py."""
    sections: dict[str, set[str]] = {"keys": set(), "values": set(), "paths": set()}
    current: set[str] = set()
    text = files(__name__.rpartition(".")[0]).joinpath("vocabulary.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        if line.startswith("["):
            current = sections[line.strip("[]")]
        else:
            current.add(line)
    return Vocabulary(**{name: frozenset(words) for name, words in sections.items()})
