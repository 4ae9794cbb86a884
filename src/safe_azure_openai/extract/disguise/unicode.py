"""Disguises made of characters: invisible ones, styled letters, look-alikes, piled-up marks."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from ..view import Edit
from .letters import data_lines, fold
from .traits import Traits

# Characters that show nothing or only steer: default-ignorable characters of Unicode 15 and bidirectional controls.
# Must not match a blank.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\U0001d173-\U0001d17a\U000e0000-\U000e01ef]+"
)
_TAGS = re.compile("[\U000e0020-\U000e007e]+")
_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]{4,}")
_BITS = re.compile("[\u200b\u200c\u200d\u2060\ufeff]{24,}")
_OVERRIDE = re.compile("\u202e([^\u202c\u2069\n]+)[\u202c\u2069]?")
_MARKS = re.compile("[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]")
_ACCENTED = re.compile("[\u00c0-\u024f\u1e00-\u1eff]")
_MARKED = re.compile(r"(\w)([\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+)")
# A word that may hold currency and mathematical signs among its letters. Must not match "€100".
_WORDLIKE = re.compile(r"[^\W\d_][\w¢£¥€₣₤₦₩₭₮₱₲₵₶฿∆×]*|[¢£¥€₣₤₦₩₭₮₱₲₵₶฿∆](?=[^\W\d_])[\w¢£¥€]*")
_STYLED = re.compile(
    "[\u00aa\u00ba\u02b0-\u02b8\u1d2c-\u1d6a\u2070-\u209c\u2100-\u214f\u2160-\u217f\u2460-\u24ff\ua7f2-\ua7f4"
    "\uff10-\uff5a\U0001d400-\U0001d7ff\U0001f110-\U0001f189\U0001f1e6-\U0001f1ff\U000107b0]"
)


def invisible(traits: Traits) -> list[Edit]:
    """Hidden characters go; text written in tags, variation selectors or zero-width bits shows."""
    if _INVISIBLE.search(traits.foreign) is None:
        return []
    text = traits.text
    edits: list[Edit] = []
    idle: list[Edit] = []  # between signs and blanks: of interest only beside others
    end = 0
    for match in sorted(
        [*_INVISIBLE.finditer(text), *_OVERRIDE.finditer(text)], key=lambda found: (found.start(), -found.end())
    ):
        if match.start() < end:
            continue
        end = match.end()
        if match.re is _OVERRIDE:  # shown from right to left
            edits.append(Edit(match.start(), end, _INVISIBLE.sub("", match[1])[::-1]))
            continue
        hidden = _hidden(match[0], text[match.start() - 1 : match.start()])
        edit = Edit(match.start(), end, hidden and f" {hidden} ", is_decoded=bool(hidden))
        if hidden or _parts_letters(text, match.start(), end):
            edits.append(edit)
        elif text[match.start() - 1 : match.start()].isascii() and text[end : end + 1].isascii():
            idle.append(edit)
    return sorted(edits + idle, key=lambda edit: edit.start) if edits else []


def _parts_letters(text: str, start: int, end: int) -> bool:
    """Return whether hidden characters stand at a letter of a script that never needs them.

    Persian, Indic scripts and emoji are spelt with joiners; Latin, Greek, Cyrillic, Chinese and braille are not.
    """
    around = (text[start - 1 : start], text[end : end + 1])
    of_emoji = all(char in "\u200d\ufe0e\ufe0f" for char in text[start:end])
    return (all if of_emoji else any)(
        (char.isalnum() and (char < "\u0590" or "\u1e00" <= char < "\u2000" or char > "\u3000"))
        or "\u2800" < char <= "\u28ff"
        for char in around
    )


def _hidden(run: str, before: str) -> str:
    tags = "" if before == "\U0001f3f4" else "".join(_TAGS.findall(run))  # a black flag and tags are a country's flag
    if tags:
        return "".join(chr(ord(char) - 0xE0000) for char in tags)
    selectors = _SELECTORS.search(run)
    if selectors:
        numbers = [ord(char) for char in selectors[0]]
        return _utf8(bytes(number - 0xFE00 if number < 0xE0000 else number - 0xE0100 + 16 for number in numbers))
    if _BITS.match(run) and len(set(run)) == 2:
        for zero in sorted(set(run)):
            bits = "".join("0" if char == zero else "1" for char in run)
            found = _utf8(bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits) - 7, 8)))
            if found:
                return found
    return ""


def _utf8(data: bytes) -> str:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    return text if text.isprintable() else ""


@cache
def _styled() -> dict[str, str]:
    """Styled letters that compatibility normalisation leaves: flags, and white letters on black."""
    table = {chr(0x1F1E6 + index): chr(65 + index) for index in range(26)}
    for first in (0x1F150, 0x1F170):
        table.update({chr(first + index): chr(65 + index) for index in range(26)})
    table.update({chr(0x1F110 + index): chr(65 + index) for index in range(26)})  # instead of "(A)"
    table.update({chr(0x249C + index): chr(97 + index) for index in range(26)})
    return table


def styled(traits: Traits) -> list[Edit]:
    """Bold, script, full-width, circled, squared and flag letters become letters."""
    if _STYLED.search(traits.foreign) is None:
        return []
    text = traits.text
    special = _styled()
    edits: list[Edit] = []
    letters = 0
    for match in _STYLED.finditer(text):
        char = match[0]
        plain = special.get(char) or unicodedata.normalize("NFKC", char)
        if plain != char:
            letters += plain.isalpha()
            edits.append(Edit(match.start(), match.end(), plain))
    # One or two are "cm²", "№ 5" or a flag; a word takes more.
    return edits if letters > 2 else []


@cache
def _lookalikes() -> dict[str, str]:
    return {char: line[0] for line in data_lines("lookalikes.txt") for char in line[2:]}


def lookalikes(traits: Traits) -> list[Edit]:
    """Letters of other scripts become the Latin letters they look like, in words that are Latin otherwise.

    A word of look-alikes alone counts only where the text has no words that are plainly of that script.
    """
    table = _lookalikes()
    if table.keys().isdisjoint(traits.foreign):
        return []
    text = traits.text
    mixed: list[Edit] = []
    whole: list[Edit] = []
    words = foreign = 0
    for match in _WORDLIKE.finditer(text):
        word = match[0]
        if word.isascii():
            continue
        odd = [index for index, char in enumerate(word) if not char.isascii()]
        known = [index for index in odd if word[index] in table]
        if not known:
            foreign += word.isalpha() and not _is_latin(word)
            continue
        edits = [Edit(match.start() + i, match.start() + i + 1, table[word[i]]) for i in known]
        if any(char.isascii() and char.isalpha() for char in word):
            mixed += edits
            words += 1
        elif len(known) == len(word):
            whole += edits
            words += 1
        else:
            foreign += 1
    # One Cyrillic letter in a Latin word is no accident; one Greek letter may be science ("TNFα").
    if len(mixed) + len(whole) < 2 and not any("\u0400" <= text[edit.start] < "\u0530" for edit in mixed):
        return []
    return sorted(mixed + whole if foreign * 4 <= words else mixed, key=lambda edit: edit.start)


def _is_latin(word: str) -> bool:
    return all(char < "\u0250" or "\u1e00" <= char < "\u1f00" for char in word)


def marks(traits: Traits) -> list[Edit]:
    """Marks piled on letters go; a letter and its usual accent become one character."""
    text = traits.text
    edits: list[Edit] = []
    if _MARKS.search(traits.foreign):
        for match in _MARKED.finditer(text):
            composed = unicodedata.normalize("NFC", match[0])
            is_usual = len(composed) == 1 or (len(match[2]) == 1 and match[1] > "\u0370")
            edits.append(
                Edit(match.start(), match.end(), composed if is_usual else unicodedata.normalize("NFD", match[1])[0])
            )
        edits = [edit for edit in edits if edit.new != text[edit.start : edit.end]]
    return edits or (_accents(text) if _ACCENTED.search(traits.foreign) else [])


def _accents(text: str) -> list[Edit]:
    """Accents on nearly half of the letters: no language in Latin script has so many."""
    if len(_ACCENTED.findall(text)) * 4 < len(text):
        return []
    letters = [(at, char) for at, char in enumerate(text) if char.isalpha()]
    accented = [(at, fold(char)) for at, char in letters if "\u00c0" <= char < "\u0250" and fold(char).isascii()]
    if len(accented) * 5 < len(letters) * 2 or len(accented) < 4:
        return []
    return [Edit(at, at + 1, plain) for at, plain in accented]
