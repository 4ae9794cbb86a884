"""What kind of organisation a name, a domain or a tag belongs to, and in which country: all of it data.

``*.toml`` beside this file hold the patterns, each with its source, an example and a near miss; tests run all of them.
A name is compared without case, accents, points and apostrophes; a pattern of a domain counts for its subdomains too.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import cast

from .. import countries
from ..toml_source import TomlSource

__all__ = ["Match", "classify_domain", "classify_name", "classify_tag", "entries", "plain"]

#: A longer name is none; patterns are tried on this much of it.
MAX_CHARS = 256
_FILES = ("police_domains", "police_names", "places", "not_police", "sectors", "tags")
#: Thai, Lao, Burmese, Khmer, Japanese, Chinese and Korean: a class of characters for regular expressions.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_ACCENTS = re.compile("[\u0300-\u036f]")
#: Top-level domains that are no country's code, or not that of the standard.
_TOP_LEVEL = {"uk": "GB", "рф": "RU", "香港": "HK", "台灣": "TW", "中国": "CN"}


@dataclass(frozen=True, slots=True)
class Match:
    """What a name or a domain says, and the pattern of the data that says it."""

    sector: str
    country: str | None
    pattern: str


@dataclass(frozen=True, slots=True)
class _Pattern:
    text: str
    compiled: re.Pattern[str]
    sector: str
    country: str | None
    usually: str | None
    unless: re.Pattern[str] | None

    def span(self, text: str) -> int:
        """Return how much of a name is what the pattern says; 0 where nothing is."""
        found = self.compiled.search(text)
        return found.end() - found.start() if found is not None else 0

    def excludes(self, text: str) -> bool:
        return self.span(text) > 0 and not (self.unless is not None and self.unless.search(text))


def classify_name(name: str) -> Match | None:
    """Return what the name of an organisation says of its sector and country, or None where it says nothing.

    A name that only speaks of the police, such as that of a union, a shop, a museum or a band, is none of theirs.
    """
    text = plain(name)
    if text and not any(pattern.excludes(text) for pattern in _patterns("not_police", "name")):
        said = [(pattern, found) for pattern in _patterns("police_names", "name") if (found := pattern.span(text))]
        if said:
            # A pattern of one country before one of all, and "New South Wales Police" before "South Wales Police".
            pattern, _ = max(said, key=lambda item: (item[0].country is not None, item[1]))
            return Match("law_enforcement", _country(pattern, text, said), pattern.text)
    for pattern in _patterns("sectors", "name"):
        if pattern.span(text):
            return Match(pattern.sector, pattern.country, pattern.text)
    return None


def _country(pattern: _Pattern, text: str, said: list[tuple[_Pattern, int]]) -> str | None:
    """Return the country that a pattern tells, or a place in the name, or that of most bodies so called."""
    if pattern.country is not None:
        # Kosovo's XK is no code of the standard: told as none, and not as that of a neighbour with the same words.
        return pattern.country if pattern.country in countries.CODES else None
    usual = [(length, one.usually) for one, length in said if one.usually is not None]
    return _place(text) or max(usual, key=lambda item: item[0], default=(0, None))[1]


def _place(text: str) -> str | None:
    """Return the country of the longest place that a name tells, or None where it tells none."""
    told = [(place.span(text), place.country) for place in _patterns("places", "place")]
    length, country = max(told, key=lambda item: item[0])
    return country if length else None


def classify_domain(domain: str) -> Match | None:
    """Return what a domain says of the sector and country of its owner, or None where it says nothing."""
    text = _unicode(domain.strip().rstrip(".").lower())[:MAX_CHARS]
    for pattern in (*_patterns("police_domains", "domain"), *_patterns("sectors", "domain")):
        if pattern.compiled.fullmatch(text) and not (pattern.unless is not None and pattern.unless.search(text)):
            country = _country_of(text) if pattern.country == "of domain" else pattern.country
            return Match(pattern.sector, country, pattern.text)
    return None


def classify_tag(key: str, value: str) -> Iterator[tuple[str, str, str]]:
    """Yield field, value and pattern for what a tag of an Azure resource says; nothing for most tags."""
    name, said = re.sub(r"[\W_]+", "", key.lower()), plain(value)
    for entry in entries("tags", "key"):
        if name not in cast("list[str]", entry["names"]):
            continue
        field = str(entry["field"])
        if field == "country":
            if value.strip() in countries.CODES:
                yield field, value.strip(), key.lower()
            continue
        yield from _said_by(field, said, value)


def _said_by(field: str, said: str, value: str) -> Iterator[tuple[str, str, str]]:
    for entry in entries("tags", "value"):
        if said in cast("list[str]", entry["words"]):
            yield field, str(entry["sector"]), said
            return
    match = classify_name(value)
    if match is not None:
        yield field, match.sector, match.pattern
        if match.country and match.sector == "law_enforcement":
            yield "country", match.country, match.pattern


def plain(text: str) -> str:
    """Return a name as it is compared: one case, no accents, points or apostrophes, single spaces between words."""
    text = re.sub("[.'’‘`´ʼ]", "", _unaccented(text[:MAX_CHARS]).casefold())
    # Marks are kept: in the scripts of India they are vowels.
    return " ".join("".join(c if c.isalnum() or unicodedata.category(c)[0] == "M" else " " for c in text).split())


def _unaccented(text: str) -> str:
    return unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFKD", text)))


@cache
def entries(file: str, kind: str) -> tuple[dict[str, object], ...]:
    """Return the entries of one kind in one file of the data, in order."""
    content = resources.files(__name__).joinpath(f"{file}.toml").read_bytes()
    return tuple(cast("list[dict[str, object]]", TomlSource.parse(f"{file}.toml", content).data.get(kind, [])))


@cache
def _patterns(file: str, kind: str) -> tuple[_Pattern, ...]:
    return tuple(
        _Pattern(
            text=str(entry["pattern"]),
            compiled=_domain_pattern(str(entry["pattern"]))
            if kind == "domain"
            else _name_pattern(str(entry["pattern"])),
            sector=str(entry.get("sector", "law_enforcement")),
            country=cast("str | None", entry.get("country")),
            usually=cast("str | None", entry.get("usually")),
            unless=re.compile(str(entry["unless"])) if "unless" in entry else None,
        )
        for entry in entries(file, kind)
    )


def _name_pattern(pattern: str) -> re.Pattern[str]:
    """A pattern stands for whole words; scripts that put no spaces between words have none to be held against."""
    return re.compile(rf"(?<![^\W{_UNSPACED}])(?:{_unaccented(pattern)})(?![^\W{_UNSPACED}])")


def _domain_pattern(pattern: str) -> re.Pattern[str]:
    """A star stands for a part of a label, or for one whole label; a question mark for one letter."""
    return re.compile(r"(?:[^.]+\.)*" + re.escape(pattern).replace(r"\*", "[^.]*").replace(r"\?", "[a-z]"))


def _unicode(domain: str) -> str:
    try:
        return domain.encode("ascii").decode("idna") if "xn--" in domain else domain
    except UnicodeError:
        return domain


def _country_of(domain: str) -> str | None:
    top = domain.rpartition(".")[2]
    code = _TOP_LEVEL.get(top, top.upper())
    return code if code in countries.CODES else None
