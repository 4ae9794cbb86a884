"""Write the tables that ``extract/disguise`` reads: look-alike letters, letter pairs, and the lexicon.

Usage: ``python tests/extract/make_tables.py <confusables.json> <folder of JSONL>``.
Sources: Unicode UTS 39 confusables.txt, in the JSON form of the package confusable-homoglyphs 3.3.1 (only single
letters that look like one ASCII letter, and that compatibility normalisation does not already fold); and the project's
own training prompts, of which the frequency of letter pairs and the words that come in several are kept.
"""

from __future__ import annotations

import json
import math
import re
import sys
import textwrap
import unicodedata
from collections import Counter
from itertools import pairwise
from pathlib import Path

TARGET = Path(__file__).parents[2] / "src/safe_azure_openai/extract/disguise"
LATIN_LANGUAGES = {
    "en",
    "de",
    "fr",
    "es",
    "pt",
    "it",
    "nl",
    "pl",
    "cs",
    "sv",
    "tr",
    "id",
    "vi",
    "sw",
    "ro",
    "da",
    "no",
    "fi",
}
MIN_PROMPTS = 4
SYMBOLS = " abcdefghijklmnopqrstuvwxyz"
#: Letters used to look like others that UTS 39 does not list: small capitals, turned and hooked letters, Cyrillic and
#: Greek letters of like shape, currency signs. Target, then the letters that stand for it.
MORE = """
a ᴀɐ∆Λλдª@ą4 b ʙвβƀɓ฿ c ᴄɔ¢₵ćƈ d ᴅđɗ e ᴇǝεєɛ€ë f ꜰɟƒ₣ g ɢƃɠ₲ h ʜɥнħђ₶ i ɪᴉıїι j ᴊɾɉ k ᴋʞкκƙ₭ l ʟłℓ₤£ m ᴍɯмɱ₥
n ɴпηɲиₙ₦ñ o ᴏøθ p ᴘþƥ₱ q ǫ r ʀɹяг s ꜱʂ$ş t ᴛʇтτŧƭ₮ u ᴜυц v ᴠʌν w ᴡʍωшщ₩ x ×χ y ʏʎ¥ўү z ᴢžʐ
"""


def is_living(char: str) -> bool:
    """Letters of living languages in Latin script, such as the dotless i of Turkish, stand for themselves."""
    return "\u00c0" <= char < "\u0180" and char != "×"


def lookalikes(source: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for char, entries in json.loads(source.read_text(encoding="utf-8")).items():
        for target in (entry["c"] for entry in entries):
            if len(char) == 1 and not char.isascii() and len(target) == 1 and target.isascii() and target.isalpha():
                folded = unicodedata.normalize("NFKC", char)
                if unicodedata.category(char)[0] == "L" and folded == char and not is_living(char):
                    found.setdefault(target, set()).add(char)
                break
    words = MORE.split()
    for target, chars in zip(words[::2], words[1::2], strict=True):
        # Accented Latin letters are letters of living languages: they are marks' business, not look-alikes.
        kept = {c for c in chars if not c.isascii() and unicodedata.normalize("NFD", c) == c and not is_living(c)}
        found.setdefault(target, set()).update(kept - set().union(*found.values()))
    return found


def pairs(folder: Path) -> list[list[int]]:
    counts: Counter[tuple[str, str]] = Counter()
    for file in sorted(folder.rglob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            if row.get("lang", "en") in LATIN_LANGUAGES:
                text = unicodedata.normalize("NFD", " ".join(str(row.get(key, "")) for key in "su").lower())
                text = "".join(
                    char if char in SYMBOLS else " " if not unicodedata.combining(char) else "" for char in text
                )
                text = " " + " ".join(text.split()) + " "
                counts.update(pairwise(text))
    table: list[list[int]] = []
    for first in SYMBOLS:
        total = sum(counts[first, second] for second in SYMBOLS) + len(SYMBOLS)
        table.append([round(10 * math.log2((counts[first, second] + 1) / total)) for second in SYMBOLS])
    return table


def lexicon(folder: Path) -> list[str]:
    """Return the words of three letters and more that come in several prompts, without accents, in lower case."""
    counts: Counter[str] = Counter()
    for file in sorted(folder.rglob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            text = unicodedata.normalize("NFD", " ".join(str(row.get(key, "")) for key in ("s", "u", "tr")).lower())
            counts.update(set(re.findall(r"[a-z]{3,}", re.sub("[\u0300-\u036f]", "", text))))
    return sorted(word for word, count in counts.items() if count >= MIN_PROMPTS)


def main(confusables: Path, prompts: Path) -> None:
    lines = [
        "# Letters that look like ASCII letters: the ASCII letter, then its look-alikes.",
        "# Made by tests/extract/make_tables.py. Source: Unicode UTS 39 (confusables.txt); common forms added.",
        "# Unicode data: copyright Unicode, Inc., under the Unicode License v3.",
    ]
    lines += [f"{target} {''.join(sorted(chars))}" for target, chars in sorted(lookalikes(confusables).items())]
    (TARGET / "lookalikes.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    lines = [
        "# Ten times the base-2 logarithm of how likely the second symbol follows the first; symbols: blank, a to z.",
        "# Made by tests/extract/make_tables.py from the project's own prompts in languages of Latin script.",
    ]
    lines += [" ".join(map(str, row)) for row in pairs(prompts)]
    words = "\n".join(textwrap.wrap(" ".join(lexicon(prompts)), 120))
    (TARGET / "lexicon.txt").write_text(
        "# Words of several of the project's own prompts, without accents. Made by tests/extract/make_tables.py.\n"
        + words
        + "\n",
        encoding="utf-8",
    )
    (TARGET / "pairs.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
