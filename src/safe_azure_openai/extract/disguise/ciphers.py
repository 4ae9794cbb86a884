"""Disguises that move letters: Caesar shifts, Atbash, reversal, pig latin."""

from __future__ import annotations

import re
import string
from functools import cache

from ..view import Edit
from .letters import PLAUSIBLE_BITS, common_share, known, lexicon, plausibility, words, written
from .traits import Traits

_LOWER, _UPPER = string.ascii_lowercase, string.ascii_uppercase
#: A text shorter than this is looked at even if no common word of it is recognised in disguise.
_SHORT = 480
#: How much likelier than as it stands a text must be, in bits per letter pair.
_MARGIN_BITS = 0.7
_CLAUSE = re.compile(r"[^\n.:;!?\"“”()\[\]{}]+")
# What may announce a backward stretch ends with a colon, a quotation mark or a line.
_STRETCH = re.compile(r"[^\n:\"“”]*[^\W\d_][^\n:\"“”]*")
_LETTERS = re.compile(r"[A-Za-z]+")
_PIG = re.compile(r"\b[A-Za-z'-]{1,30}ay\b|\b[A-Z'-]{1,30}AY\b")
_ONSETS = frozenset(
    "b bl br c ch chr cl cr d dr dw f fl fr g gh gl gn gr h j k kn kl kr l m n p ph phr pl pr ps q qu r rh s sc sch "
    "scr sh shr sk sl sm sn sp sph spl spr squ st str sw t th thr tr tw v w wh wr x y z".split()
)


@cache
def _shift(by: int) -> dict[int, str]:
    """The table that moves each letter ``by`` places on; 26 stands for Atbash, which swaps a and z."""
    order = _LOWER[::-1] if by == 26 else _LOWER[by:] + _LOWER[:by]
    return {ord(char): new for char, new in zip(_LOWER + _UPPER, order + order.upper(), strict=True)}


@cache
def _disguised() -> dict[str, int]:
    """Common words in disguise, with the table that undoes it; -1 stands for reversal.

    Only words of three letters and more, and none that is a word itself ("was" and "saw").
    """
    table: dict[str, int] = {}
    for word in words("function", "field", "german", "romance"):
        if len(word) > 2 and word.isascii() and word.isalpha():
            for undo in (-1, 13, 26, *range(1, 13), *range(14, 26)):
                spelt, title = word[::-1], word.capitalize()[::-1]
                if undo != -1:
                    spelt = word.translate(_shift((26 - undo) % 26 if undo < 26 else 26))
                    title = spelt.capitalize()
                if not known(spelt):
                    table.setdefault(spelt, undo)
                    table.setdefault(title, undo)
    return table


@cache
def _disguised_words() -> frozenset[str]:
    return frozenset(_disguised())


@cache
def _written_backwards() -> frozenset[str]:
    return frozenset(word[::-1] for word in written())


def _elected(traits: Traits) -> int | None:
    """Return the table that most disguised words ask for, if there are enough: one may be a name by chance.

    Three words of three letters do, or two with a longer one.
    """
    found = traits.tokens & _disguised_words()
    if len(found) < 2:
        return None
    table = _disguised()
    votes: dict[int, list[str]] = {}
    for token in found:
        votes.setdefault(table[token], []).append(token)
    weight = {undo: sum(len(token) - 2 for token in tokens) for undo, tokens in votes.items() if len(tokens) > 1}
    best = max(weight, key=lambda undo: weight[undo], default=None)
    return best if best is not None and weight[best] > 2 else None


def shifts(traits: Traits) -> list[Edit]:
    """Clauses in rot13, another Caesar shift or Atbash."""
    undo = _best_shift(traits)
    if undo is None:
        return []
    table = _shift(undo)
    edits: list[Edit] = []
    for found in _CLAUSE.finditer(traits.text):
        clause = found[0]
        moved = clause.translate(table)
        # A short clause follows the others unless it reads better as it is.
        if moved != clause and plausibility(moved) > plausibility(clause) and common_share(clause) < 0.5:
            edits.append(Edit(found.start(), found.end(), moved, is_decoded=True))
    return edits


def _best_shift(traits: Traits) -> int | None:
    elected = _elected(traits)
    if elected is not None:
        return elected if elected > 0 else None
    strange = _strange_clause(traits.text)
    if not strange:
        return None
    before = plausibility(strange)
    best = max(range(1, 27), key=lambda undo: plausibility(strange.translate(_shift(undo))))
    after = plausibility(strange.translate(_shift(best)))
    if after > PLAUSIBLE_BITS + 0.5 and after > before + 2 * _MARGIN_BITS and len(strange) > 11:
        return best
    # A few letters can be likely by chance; common words cannot.
    best = max(range(1, 27), key=lambda undo: common_share(strange.translate(_shift(undo))))
    return best if common_share(strange.translate(_shift(best))) > 0.6 else None


def _strange_clause(text: str) -> str:
    """Return the longest clause of a short text that can be no words as it stands, ``""`` if all can."""
    if not 7 < len(text) <= _SHORT:
        return ""
    clauses = sorted((clause for clause in _CLAUSE.findall(text) if len(clause) > 7), key=len, reverse=True)
    strange = next(filter(_is_strange, clauses), "")
    return strange if strange and plausibility(strange) < PLAUSIBLE_BITS else ""


def _is_strange(clause: str) -> bool:
    """Return whether a clause is mostly ASCII letters and has hardly a common word."""
    tokens = clause.split()
    return (
        clause.isascii()
        and len(written().intersection(tokens)) * 5 < len(tokens)
        and sum(map(len, _LETTERS.findall(clause))) > max(7, len(clause) * 2 // 3)
    )


def is_reversed(traits: Traits) -> bool:
    """Return whether words of the text stand backwards."""
    if _elected(traits) == -1:
        return True
    text = traits.text
    if not 7 < len(text) <= _SHORT:
        return False
    common = len(written() & traits.tokens)
    if common * 2 >= len(traits.tokens):
        return False
    if len(_written_backwards() & traits.tokens) <= common:
        return False  # nearly every text
    backwards = text[::-1]
    shares = common_share(backwards) - common_share(text)
    bits = plausibility(backwards) - plausibility(text)
    return (shares >= 0.3 and bits > 0) or (shares >= 0.1 and bits >= _MARGIN_BITS)


def reversed_whole(traits: Traits) -> list[Edit]:
    """The stretch that stands backwards, from its last letter to its first; what announces it stays."""
    if not is_reversed(traits):
        return []
    text = traits.text
    backward = [found for found in _STRETCH.finditer(text) if _reads_backwards(found[0])]
    if not backward:
        return [Edit(0, len(text), text[::-1], is_reversed=True, is_decoded=True)]
    if "\n" in text[backward[0].start() : backward[-1].end()]:
        spans = [(found.start(), found.end()) for found in backward]
    else:
        spans = [(backward[0].start(), backward[-1].end())]
    return [Edit(start, end, text[start:end][::-1], is_reversed=True, is_decoded=True) for start, end in spans]


def _reads_backwards(stretch: str) -> bool:
    there, back = common_share(stretch), common_share(stretch[::-1])
    return back > there or (there == 0.0 and plausibility(stretch[::-1]) > plausibility(stretch))


def reversed_words(traits: Traits) -> list[Edit]:
    """The text with each of its backward words turned, in the order it stands in."""
    if not is_reversed(traits):
        return []
    edits: list[Edit] = []
    for found in re.finditer(r"[^\W\d_]{2,}", traits.text):
        word = found[0]
        if not known(word.lower()) or known(word[::-1].lower()):
            edits.append(Edit(found.start(), found.end(), word[::-1], is_reversed=True, is_decoded=True))
    return edits


def pig_latin(traits: Traits) -> list[Edit]:
    """Etectiveday becomes detective."""
    text = traits.text
    # Three words at least, and a third of them: a word takes some seven characters.
    endings = text.count("ay") + text.count("AY")
    if endings < 3 or endings * 30 < len(text):
        return []
    found = list(_PIG.finditer(text))
    ordinary = words("ay")
    odd = sum(match[0].lower() not in ordinary for match in found)
    if odd < 3 or odd * 3 < len(_LETTERS.findall(text)):
        return []
    readings = [(match, _from_pig(match[0])) for match in found]
    return [
        Edit(match.start(), match.end(), reading, is_decoded=True)
        for match, reading in readings
        if match[0].lower() not in ordinary or reading in words("function")
    ]


def _from_pig(word: str) -> str:
    stem = word[:-2].replace("-", "")
    candidates = [stem[-count:] + stem[:-count] for count in (3, 2, 1) if stem[-count:].lower() in _ONSETS]
    if stem[-1:].lower() in ("w", "y", "h"):
        candidates.append(stem[:-1])  # the word began with a vowel
    candidates.append(stem)
    if stem[:1].lower() in "aeiou" and stem[-1:].lower() == "w":
        candidates.insert(0, stem[:-1])
    candidates = [candidate.lower() for candidate in candidates]
    for vocabulary in (words("function", "field"), lexicon()):
        for candidate in candidates:
            if candidate in vocabulary:
                return candidate
    return candidates[0]
