"""The readings that a disguise could hide in a text.

Each disguise is a *step*: a function from the text to the edits that undo it, none for a text without it. Steps are
tried in turn until none finds anything, so disguises may be combined. Nearly every text is plain, and that must cost
next to nothing to find out: a step is tried only on a text with one of the signs that its disguise takes, and begins
with a test that plain texts fail fast.
"""

from __future__ import annotations

import re
import string
from array import array
from collections.abc import Callable, Iterator
from functools import lru_cache

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

# The signs of a text are bytes: one stands for all digits, and one for all that is not ASCII.
_DIGIT, _FOREIGN = b"0", b"\x80"
_ANY = b""

#: Each step with the signs one of which its disguise takes. In this order: what hides characters, what spells them
#: otherwise, what moves them.
STEPS: tuple[tuple[str, Step, bytes], ...] = (
    ("invisible", invisible, _FOREIGN),
    ("marks", marks, _FOREIGN),
    ("styled", styled, _FOREIGN),
    ("lookalike", lookalikes, _FOREIGN),
    ("percent", percent, b"%"),
    ("entity", entities, b"&"),
    ("escape", backslashes, b"\\+"),
    ("quoted_printable", quoted_printable, b"="),
    ("markup", markup, b"*~<{(["),
    ("join", joins, b'-"+&|<'),
    ("assembled", assembled, b"+{("),
    ("numbered", numbered, b"\n:="),
    ("binary", binary, _DIGIT),
    ("hex", hexadecimal, _ANY),
    ("base64", base64_text, _ANY),
    ("base32", base32_text, _ANY),
    ("ascii85", ascii85, _ANY),
    ("uuencoded", uuencoded, b"\n"),
    ("braille", braille, _FOREIGN),
    ("greek", greek, _FOREIGN),
    ("morse", morse, b".-_" + _FOREIGN),
    ("numbers", numbers, _DIGIT + _FOREIGN),
    ("nato", nato, _ANY),
    ("spaced", spaced, _ANY),
    ("leet", leet, _DIGIT + b"@$!|+\\/" + _FOREIGN),
    ("pig_latin", pig_latin, _ANY),
    ("reversed", reversed_whole, _ANY),
    ("shifted", shifts, _ANY),
    ("acrostic", acrostic, _ANY),
)
#: Steps that would undo themselves, or find themselves again.
ONCE = frozenset({"reversed", "shifted", "acrostic"})
#: Other ways to undo what a step of the same round undid, tried on the text that it found.
ALTERNATIVES: dict[str, tuple[str, Step]] = {"reversed": ("reversed_words", reversed_words)}
#: Applied once to what is left: no disguise, but words that a reader of words would miss.
LAST: tuple[tuple[str, Step], ...] = (("identifier", identifiers),)

_SIGNS = b"".join(signs for _, _, signs in STEPS)
_AS_SIGNS = bytes(
    ord(_DIGIT) if chr(byte) in string.digits else ord(_FOREIGN) if byte > 0x7F else byte for byte in range(256)
)
_NO_SIGNS = bytes(byte for byte in range(256) if _AS_SIGNS[byte] not in _SIGNS)

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
    traits, possible = Traits(text), _possible(text)
    others: list[View] = []
    undone: set[str] = set()
    latest = ""  # the step that found something last; those behind it have seen what it left
    for _ in range(MAX_ROUNDS):
        before = current
        for name, step, _ in STEPS:
            edits = step(traits) if name in possible and name not in undone else []
            if edits:
                latest = name
                if name in ONCE:
                    undone.add(name)
                if name in ALTERNATIVES:
                    kind, other = ALTERNATIVES[name]
                    others.append(current.edited(other(traits), kind))
                current = current.edited(edits, name)
                traits, possible = Traits(current.text), _possible(current.text)
            elif name == latest and current is before:
                break
        if current is before:
            break
    for name, step in LAST:
        edits = step(traits)
        current = current.edited(edits, name) if edits else current
    return [current, *others] if current.kind != "plain" else others


def _possible(text: str) -> frozenset[str]:
    """Return the names of the steps that may find something, by the signs that the text has."""
    return _with_signs(frozenset(text.encode("utf-8", "surrogatepass").translate(_AS_SIGNS, _NO_SIGNS)))


@lru_cache(maxsize=1024)
def _with_signs(present: frozenset[int]) -> frozenset[str]:
    return frozenset(name for name, _, signs in STEPS if signs == _ANY or not present.isdisjoint(signs))


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
