"""The readings that a disguise could hide in a text.

Each disguise is a *step*: a function from the text to the edits that undo it, none for a text without it. Steps are
tried in turn until none finds anything, so disguises may be combined. A step begins with a test that costs next to
nothing on plain text.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterator

from ..view import Edit, View
from .alphabets import acrostic, braille, greek, morse, nato
from .assembly import assembled, numbered
from .ciphers import pig_latin, reversed_whole, reversed_words, shifts
from .encodings import ascii85, base32_text, base64_text, binary, hexadecimal, numbers, uuencoded
from .escapes import backslashes, entities, joins, markup, percent, quoted_printable
from .leet import leet
from .spacing import identifiers, spaced
from .traits import Traits
from .unicode import invisible, lookalikes, marks, styled

__all__ = ["readings"]

_BLANK = re.compile(r"\s")

Step = Callable[[Traits], list[Edit]]

#: In this order: what hides characters, what spells them otherwise, what moves them.
STEPS: tuple[tuple[str, Step], ...] = (
    ("invisible", invisible),
    ("marks", marks),
    ("styled", styled),
    ("lookalike", lookalikes),
    ("percent", percent),
    ("entity", entities),
    ("escape", backslashes),
    ("quoted_printable", quoted_printable),
    ("markup", markup),
    ("join", joins),
    ("assembled", assembled),
    ("numbered", numbered),
    ("binary", binary),
    ("hex", hexadecimal),
    ("base64", base64_text),
    ("base32", base32_text),
    ("ascii85", ascii85),
    ("uuencoded", uuencoded),
    ("braille", braille),
    ("greek", greek),
    ("morse", morse),
    ("numbers", numbers),
    ("nato", nato),
    ("spaced", spaced),
    ("leet", leet),
    ("pig_latin", pig_latin),
    ("reversed", reversed_whole),
    ("shifted", shifts),
    ("acrostic", acrostic),
)
#: Steps that would undo themselves, or find themselves again.
ONCE = frozenset({"reversed", "shifted", "acrostic"})
#: Other ways to undo what a step of the same round undid, tried on the text that it found.
ALTERNATIVES: dict[str, tuple[str, Step]] = {"reversed": ("reversed_words", reversed_words)}
#: Applied once to what is left: no disguise, but words that a reader of words would miss.
LAST: tuple[tuple[str, Step], ...] = (("identifier", identifiers),)

MAX_ROUNDS = 4
#: Characters undone together. In a long text the little that looks odd somewhere must not set off a search everywhere.
CHUNK = 8192


def readings(text: str, max_chars: int) -> list[View]:
    """Return the readings of a text besides the plain one; ``views`` says more."""
    if len(text) <= CHUNK and len(text) <= max_chars:
        return _readings(text)
    return _joined([(chunk, _readings(chunk)) for chunk in _chunks(text[:max_chars])], text[max_chars:])


def _readings(text: str) -> list[View]:
    """Return the readings of a text besides the plain one, the one that undoes most first."""
    current = View(text)
    traits = Traits(text)
    others: list[View] = []
    undone: set[str] = set()
    for _ in range(MAX_ROUNDS):
        before = current
        for name, step in STEPS:
            edits = step(traits) if name not in undone else []
            if edits:
                if name in ONCE:
                    undone.add(name)
                if name in ALTERNATIVES:
                    kind, other = ALTERNATIVES[name]
                    others.append(current.edited(other(traits), kind))
                current = current.edited(edits, name)
                traits = Traits(current.text)
        if current is before:
            break
    for name, step in LAST:
        edits = step(traits)
        current = current.edited(edits, name) if edits else current
    return [current, *others] if current.kind != "plain" else others


def _chunks(text: str) -> Iterator[str]:
    """Cut a text at line ends, or else at blanks, or else not at all: a long code stays whole."""
    start = 0
    while len(text) - start > CHUNK:
        end = text.rfind("\n", start + CHUNK // 2, start + CHUNK) + 1
        end = end or text.rfind(" ", start + CHUNK // 2, start + CHUNK) + 1
        if not end:
            found = _BLANK.search(text, start + CHUNK)
            end = found.end() if found else len(text)
        yield text[start:end]
        start = end
    yield text[start:]


def _joined(chunks: list[tuple[str, list[View]]], rest: str) -> list[View]:
    """Return the readings of a text from those of its chunks; a chunk that has fewer repeats its first."""
    ranks = max(len(readings) for _, readings in chunks)
    joined: list[View] = []
    for rank in range(ranks):
        indexes: array[int] = array("q")
        parts: list[str] = []
        kinds: dict[str, None] = {}
        is_decoded, start = False, 0
        for chunk, readings in chunks:
            view = readings[rank] if rank < len(readings) else readings[0] if readings else View(chunk)
            parts.append(view.text)
            origins = range(len(chunk)) if view.indexes is None else view.indexes
            indexes.extend(array("q", [start + index for index in origins]))
            if view.kind != "plain":
                kinds.update(dict.fromkeys(view.kind.split("+")))
            is_decoded = is_decoded or view.is_decoded
            start += len(chunk)
        indexes.extend(range(start, start + len(rest)))
        joined.append(View("".join(parts) + rest, "+".join(kinds), is_decoded, indexes))
    return joined
