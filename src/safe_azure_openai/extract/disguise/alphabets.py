"""Letters spelt in other alphabets: Morse, braille, Greek, the NATO alphabet, first letters of lines or words."""

from __future__ import annotations

import re
from itertools import product

from ..view import Edit
from .letters import common_share, fold, is_plausible, known, segment
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
_MORSE_PAIR = re.compile(r"[.\-·•−–—_][ /|\n]{1,4}[.\-·•−–—_]")  # in hardly a plain text
#: Source: Unified English Braille, letters and stops; the signs for capitals and figures say nothing of their own.
_BRAILLE = str.maketrans("⠁⠃⠉⠙⠑⠋⠛⠓⠊⠚⠅⠇⠍⠝⠕⠏⠟⠗⠎⠞⠥⠧⠺⠭⠽⠵⠂⠆⠒⠲⠦⠖⠄⠤\u2800", "abcdefghijklmnopqrstuvwxyz,;:.?!'- ", "⠠⠼")
_BRAILLE_CELL = re.compile(r"[\u2801-\u28ff]")
# Must not match the single cells of a spinner ("⠋", "⠙").
_BRAILLE_RUN = re.compile(r"[\u2801-\u28ff]{2}[\u2800-\u28ff]*(?:[^\w\n]{1,2}[\u2800-\u28ff]+)*")
#: What each Greek letter may stand for where somebody writes another language in them.
_GREEK = dict(
    zip("αβγδεζηθικλμνξοπρσςτυφχψω", "a bv gy d e z hi qt i kc l m n xj o p r s s t uy f cx py wo".split(), strict=True)
)
_GREEK_WORD = re.compile(r"[\u0370-\u03ff\u1f00-\u1fff]+")
_MAX_SPELLINGS = 256
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
_ANNOUNCING = _ACROSTIC | _LETTER
_FIRST_LETTERS = re.compile(
    r"(?:first|initial|capital|ersten?|premi[èe]res?|primeir[ao]s?|primeras?|prim[ae]|eerste|pierwsze|ilk)\s"
    r"(?:letter|buchstabe|lettre|letra|litery|harf)",
    re.IGNORECASE,
)
#: Letters of an acrostic looked at.
_MAX_LETTERS = 200


def morse(traits: Traits) -> list[Edit]:
    """Words in Morse code; a slash, a bar or more than one blank parts words."""
    if _MORSE_PAIR.search(traits.text) is None or len(traits.made_of(".-·•−–—_/|", 1)) < 4:
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


def braille(traits: Traits) -> list[Edit]:
    """Words in the cells of braille."""
    if _BRAILLE_CELL.search(traits.foreign) is None:
        return []
    edits: list[Edit] = []
    for found in _BRAILLE_RUN.finditer(traits.text):
        words = found[0].translate(_BRAILLE)
        if len(words) > 3 and words.isascii() and (is_plausible(words) or common_share(words) > 0.3):
            edits.append(Edit(found.start(), found.end(), words, is_decoded=True))
    return edits


def greek(traits: Traits) -> list[Edit]:
    """Words of another language in Greek letters. Greek itself stays: hardly a word of it is one elsewhere."""
    if _GREEK_WORD.search(traits.foreign) is None:
        return []
    spelt = [(found, _spelt(fold(found[0]))) for found in _GREEK_WORD.finditer(traits.text)]
    letters = sum(len(word) for _, word in spelt)
    sure = sum(len(word) for _, word in spelt if len(word) > 3 and known(word))
    if letters < 8 or sure * 2 < letters:
        return []
    return [Edit(found.start(), found.end(), word, is_decoded=True) for found, word in spelt]


def _spelt(word: str) -> str:
    """Return a known word that ``word`` may spell, else its likeliest letters."""
    choices = [_GREEK.get(char, char) for char in word]
    count = 1
    for choice in choices:
        count *= len(choice)
    plain = "".join(choice[0] for choice in choices)
    if count > _MAX_SPELLINGS:
        return plain
    return next((spelling for spelling in map("".join, product(*choices)) if known(spelling)), plain)


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
    if _ANNOUNCING.isdisjoint(tokens):
        return []
    if _ACROSTIC.isdisjoint(tokens) and (_FIRST.isdisjoint(tokens) or _FIRST_LETTERS.search(text) is None):
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
