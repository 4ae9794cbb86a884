"""Disguises made of spacing: l e t t e r s, d.o.t.t.e.d, under_scores and camelCase."""

from __future__ import annotations

import re

from ..view import Edit
from .letters import common, known, plausibility, segment, words
from .traits import Traits

# Single letters parted by one and the same sign, at least four; two blanks or a slash part words. Must not match
# "e.g. a", a row of a table ("| a | b |") or initials ("J. R. R. Tolkien": the sign there is two characters).
_SPACED = re.compile(
    r"(?<![^\W_])[^\W_](?P<sign>[ .\-_*|/~+,·•\u00a0\t]|, )[^\W_]"
    r"(?:(?:(?P=sign)|(?P=sign)?[ /|]{2,3}|[ \n])[^\W_](?![^\W_])){2,}(?![^\W_])"
)
_SPACED_ODD = re.compile(r"[.\-_*|/~+,·•][^\W_][.\-_*|/~+,·•](?<![^\W_]{2}...)(?<=[^\W_]...)[^\W_](?![^\W_])")
_SINGLE = frozenset(char for char in map(chr, range(0x30, 0x500)) if char.isalnum()) - frozenset("aAI")
_SINGLES = re.compile(r"\s[^\W_],?\s{1,3}[^\W_],?\s{1,3}[^\W_](?![^\W_])")
# An identifier: no blank in it, and a mark or capital that parts words.
_IDENTIFIER = re.compile(r"[\w.\-/:@]{3,160}\Z")
_PARTS = re.compile(r"[_.\-/:@]+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_JOINED = re.compile(r"[^\W\d_]{2}_[^\W\d_]{2}|[a-z]{2}[A-Z][a-z]{2}|_[^\W\d_]{3}")
_SNAKE_SIGNS = re.compile(r"(?:[_.*~+|][^\W_]+){4}")  # of such a sentence, and found faster
_SNAKE_SENTENCE = re.compile(r"(?<![\w])[^\W_]+(?:([_.*~+|])[^\W_]+){4,}(?!\w)")


def spaced(traits: Traits) -> list[Edit]:
    """Letters parted by blanks, dots or other signs come together, cut into words where the cuts were lost."""
    has_singles = len(traits.tokens & _SINGLE) > 2 and _SINGLES.search(" " + traits.text) is not None
    if not has_singles and _SPACED_ODD.search(traits.text) is None:
        return []
    edits: list[Edit] = []
    for found in _SPACED.finditer(traits.text):
        words = _together(found[0], found["sign"].strip() or " ")
        if words is not None:
            edits.append(Edit(found.start(), found.end(), words))
    return edits


def _together(run: str, sign: str) -> str | None:
    gaps = r"[ \u00a0\t]{2,}|[/|\n]" if sign == " " else r"[ \n]+|/{2}"
    groups = ["".join(filter(str.isalnum, group)) for group in re.split(gaps, run)]
    letters = "".join(groups)
    if sum(map(str.isalpha, letters)) * 3 < len(letters) * 2 or len(set(letters.lower())) < 3:
        return None
    cuts: list[str] = []
    for group in filter(None, groups):
        cut = None if known(group.lower()) else segment(group)
        cuts += cut or [group]
    # A legend ("a b c d"), options ("A / B / C / D") and spelt names do not become words.
    shared = sum(len(word) for word in cuts if len(word) > 2 and is_common(word.lower()))
    is_words = shared * 2 >= len(letters) or (len(letters) > 11 and plausibility(" ".join(cuts)) > -4.2)
    return " ".join(cuts) if is_words or not letters.isascii() else None


def is_common(word: str) -> bool:
    """Return whether ``word`` is common, and not so short that letters make it by chance."""
    return known(word) if len(word) > 3 else word in words("function", "field", "german")


def identifiers(traits: Traits) -> list[Edit]:
    """The words of an identifier that is the whole text, or of a sentence whose blanks were replaced."""
    text = traits.text
    if len(traits.tokens) == 1 and len(text) <= 160 and _IDENTIFIER.match(text) is not None:
        # Hyphens and dots part words for every reader; a low line and a capital do not.
        if "://" in text or _JOINED.search(text) is None:
            return []
        return [Edit(found.start(), found.end(), " ") for found in _PARTS.finditer(text)]
    long = [token for token in traits.long if len(token) > 11]
    if not any(token.count(sign) > 3 for token in long for sign in "_.*~+|") or _SNAKE_SIGNS.search(text) is None:
        return []
    edits: list[Edit] = []
    for found in _SNAKE_SENTENCE.finditer(traits.text):
        pieces = found[0].lower().split(found[1])
        if len(common().intersection(pieces)) * 2 >= len(pieces):
            edits.append(Edit(found.start(), found.end(), found[0].replace(found[1], " ")))
    return edits
