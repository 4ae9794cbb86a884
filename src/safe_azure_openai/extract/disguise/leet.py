"""Digits and signs in the place of letters."""

from __future__ import annotations

import re
from itertools import product

from ..view import Edit
from .letters import known, plausibility, words
from .traits import Traits

#: Several characters that draw one letter, longest first; then single ones with the letters they may stand for.
_DRAWN = {
    "|_|": "u", "|\\|": "n", "|-|": "h", "|\\/|": "m", "\\/\\/": "w", "|3": "b", "|)": "d", "|<": "k", "|>": "p",
    "/\\": "a", "\\/": "v", "><": "x", "(_)": "u",
}  # fmt: skip
_SINGLE = {
    "0": "o", "1": "il", "2": "z", "3": "e", "4": "a", "5": "s", "6": "g", "7": "t", "8": "b", "9": "g", "@": "a",
    "$": "s", "!": "il", "+": "t", "€": "e", "£": "l",
}  # fmt: skip
_DRAWN_PATTERN = re.compile("|".join(map(re.escape, sorted(_DRAWN, key=len, reverse=True))))
_TOKEN = re.compile(r"\S+")
# A sign or digit with a letter after it, or a letter drawn of signs. Must not match "2024-05-01" or "$100".
_ODD = re.compile(r"[0-9@$!|+€£\\/](?:(?=[A-Za-z])|(?<=[A-Za-z].)|(?<=\|)_\||(?<=\\)/|(?<=/)\\)")
# What looks like it and is not: ordinals, units, versions, sizes, model names. Must not match "f4c14l" or "1s".
_ORDINARY = re.compile(
    r"\d+(?:[-–.]\d+)*[a-z]{0,3}\Z|[a-z]{1,12}-?\d{1,6}[a-z]?\Z|v?\d+(?:\.\d+)*\Z|[a-f0-9]{8,}\Z|\d+x\d+\Z|[a-z]+\+\Z"
    r"|\d+-[a-z]+\Z|[@$][a-z]+\Z",
    re.IGNORECASE,
)
_MAX_AMBIGUOUS = 4
#: Different common words in disguise from which on figures alone are read as letters too.
_CERTAIN = 3


def leet(traits: Traits) -> list[Edit]:
    """f4c14l r3c0gn1t10n becomes facial recognition; ordinals, units and model numbers stay."""
    if _ODD.search(traits.text) is None:
        return []
    readings: dict[str, tuple[int, int, str]] = {}
    faint: dict[str, tuple[int, int, str]] = {}
    certain = likely = 0
    for token in filter(_ODD.search, traits.odd):
        if len(token) > 40:
            continue
        start, end = _trimmed(token)
        word, is_likely = _word(token[start:end])
        if not word:
            continue
        # "1s" is a second, and "is" among other words in disguise; alone it proves nothing.
        if is_likely and not _ORDINARY.match(token[start:end]):
            certain += known(word.lower()) and len(word) > 3
            likely += 1
        (readings if is_likely else faint)[token] = (start, end, word)
    if not certain and likely < 2:
        return []
    if certain >= _CERTAIN or len(readings) * 2 >= len(traits.tokens):
        readings.update(faint)
        for token in traits.odd:
            if token not in readings and len(token) < 5 and (word := _figures(token)):
                readings[token] = (0, len(token), word)
    edits: list[Edit] = []
    for found in _TOKEN.finditer(traits.text):
        if found[0] in readings:
            start, end, word = readings[found[0]]
            edits.append(Edit(found.start() + start, found.start() + end, word))
    return edits


def _figures(token: str) -> str:
    """Return the common word that figures and signs alone spell, as 15 for "is"; ``""`` if they spell none."""
    spelling = "".join(_SINGLE.get(char, char)[0] for char in token.rstrip(".,;:?"))
    return spelling if spelling in words("function", "german") else ""


def _trimmed(token: str) -> tuple[int, int]:
    """Return where the word in a token begins and ends; signs that spell letters count as the word."""
    lead = re.match(r"(?:[\"'\[{<]|\((?!_\)))*", token)
    start = lead.end() if lead else 0
    end = len(token.rstrip("\"')]}>.,;:?!"))
    return start, max(end, start)


def _word(token: str) -> tuple[str, bool]:
    """Return the word that a token spells, ``""`` for none, and whether it is likely that it means to."""
    if _ODD.search(token) is None or "://" in token:
        return "", False
    drawn = _DRAWN_PATTERN.sub(lambda found: _DRAWN[found[0]], token)
    choices = [_SINGLE.get(char, char) for char in drawn]
    if not any(map(str.isalpha, drawn)) or not all(choice.isalpha() or choice in "'-" for choice in choices):
        return "", False
    if sum(len(choice) > 1 for choice in choices) > _MAX_AMBIGUOUS:
        choices = [choice[0] for choice in choices]
    spellings = ["".join(letters) for letters in product(*choices)]
    for spelling in spellings:
        if known(spelling.lower()):
            return spelling, True
        if "ph" in spelling and known(spelling.replace("ph", "f").lower()):
            return spelling.replace("ph", "f"), True
    best = max(spellings, key=plausibility)
    is_spelt = sum(map(str.isalpha, token)) >= 2 and len(best) > 3
    return best, is_spelt and plausibility(best) > -4.6
