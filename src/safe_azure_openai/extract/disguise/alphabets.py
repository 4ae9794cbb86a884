"""Letters spelt in other alphabets: Morse, the NATO alphabet, first letters of lines or words."""

from __future__ import annotations

import re

from ..view import Edit
from .letters import is_plausible, known, segment
from .traits import Traits

#: Source: ITU-R M.1677-1.
_MORSE: dict[str, str] = dict(
    zip(
        ".- -... -.-. -.. . ..-. --. .... .. .--- -.- .-.. -- -. --- .--. --.- .-. ... - ..- ...- .-- -..- -.-- --.. "
        "----- .---- ..--- ...-- ....- ..... -.... --... ---.. ----. .-.-.- --..-- ..--.. -....- .----.".split(),
        "abcdefghijklmnopqrstuvwxyz0123456789.,?-'",
        strict=True,
    )
)
_STROKES = str.maketrans("·•−–—_", "..----")
_MORSE_RUN = re.compile(r"(?<![\w.\-])[.\-·•−–—_]{1,6}(?:[ /|\n]{1,4}[.\-·•−–—_]{1,6}){4,}(?![\w.\-])")
#: Source: ICAO Annex 10, volume II, with the spellings in use.
_NATO = {
    word: word[0]
    for word in (
        "alfa alpha bravo charlie delta echo foxtrot golf hotel india juliett juliet kilo lima mike november oscar "
        "papa quebec romeo sierra tango uniform victor whiskey whisky xray x-ray yankee zulu"
    ).split()
}
_NATO_FORMS = frozenset(
    form + mark for word in _NATO for form in (word, word.capitalize(), word.upper()) for mark in ("", ",", ".", "-")
)
_NATO_RUN = re.compile(r"(?:\b(?:" + "|".join(_NATO) + r")\b[\s,./|-]*){3,}", re.IGNORECASE)


def _forms(words: str) -> frozenset[str]:
    return frozenset(
        form + mark for word in words.split() for form in (word, word.capitalize()) for mark in ("", *".,:;?!")
    )


#: Words that announce an acrostic in the languages of the corpus: one of the first, or one each of the others.
_ACROSTIC = _forms(
    "acrostic acrostics acróstico acrostiche acrostico akrostichon acrostichon akrostych anfangsbuchstabe "
    "anfangsbuchstaben inicjały"
)
_LETTER = _forms("letter letters buchstabe buchstaben lettre lettres letra letras lettera lettere litery harfler harf")
_FIRST = _forms(
    "first initial capital ersten erste première premières primera primeras primeira primeiras prima prime eerste "
    "pierwsze ilk"
)
_FIRST_LETTERS = re.compile(
    r"(?:first|initial|capital|ersten?|premi[èe]res?|primeir[ao]s?|primeras?|prim[ae]|eerste|pierwsze|ilk)\s"
    r"(?:letter|buchstabe|lettre|letra|litery|harf)",
    re.IGNORECASE,
)
#: Letters of an acrostic looked at.
_MAX_LETTERS = 200


def morse(traits: Traits) -> list[Edit]:
    """Words in Morse code; a slash, a bar or more than one blank parts words."""
    if len(traits.made_of(".-·•−–—_/|", 1)) < 4:
        return []
    edits: list[Edit] = []
    for found in _MORSE_RUN.finditer(traits.text):
        words = [
            "".join(_MORSE.get(code, "#") for code in word.split())
            for word in re.split(r"/|\||\n| {3,}", found[0].translate(_STROKES))
        ]
        letters = " ".join(filter(None, words))
        if "#" not in letters and len(set(letters)) > 3:
            cut = segment(letters) if " " not in letters else None
            edits.append(Edit(found.start(), found.end(), " ".join(cut) if cut else letters, is_decoded=True))
    return edits


def nato(traits: Traits) -> list[Edit]:
    """Foxtrot Alfa Charlie Echo becomes face."""
    if len(traits.tokens & _NATO_FORMS) < 3:
        return []
    edits: list[Edit] = []
    for found in _NATO_RUN.finditer(traits.text):
        groups = re.split(r"[/|\n]|  +", found[0])
        letters = [
            "".join(_NATO[name.lower()] for name in re.findall(r"[\w-]+", group) if name.lower() in _NATO)
            for group in groups
        ]
        cuts = [" ".join(segment(group) or [group]) for group in letters if group]
        tail = found[0][len(found[0].rstrip(" \n,./|-")) :]
        edits.append(Edit(found.start(), found.start() + len(found[0]), " ".join(cuts) + tail, is_decoded=True))
    return edits


def acrostic(traits: Traits) -> list[Edit]:
    """The first letters of lines, sentences or words after the text itself, where it speaks of first letters."""
    text = traits.text
    tokens = traits.tokens
    if _ACROSTIC.isdisjoint(tokens) and (
        _LETTER.isdisjoint(tokens) or _FIRST.isdisjoint(tokens) or _FIRST_LETTERS.search(text) is None
    ):
        return []
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    sources = (lines, [part for part in re.split(r"(?<=[.!?;])\s+|\n", text) if part.strip()], text.split())
    for source in sources:
        letters = "".join(next(filter(str.isalpha, piece), "") for piece in source[:_MAX_LETTERS])
        # The line that announces it and a remark after it are not of it.
        for start in (0, 1, 2):
            cut = segment(letters[start:]) if len(letters) - start >= 5 else None
            if cut is not None and is_plausible(" ".join(cut)):
                while cut and not known(cut[0].lower()):
                    cut.pop(0)
                while cut and not known(cut[-1].lower()):
                    cut.pop()
                return [Edit(len(text), len(text), "\n" + " ".join(cut).lower(), is_decoded=True)]
    return []
