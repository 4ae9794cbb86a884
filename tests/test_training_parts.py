"""What training puts requests together from, parts and sections: each is of one kind, and says what its kind has to."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from safe_azure_openai.countries import CODES

FILES = sorted((Path(__file__).parents[1] / "training" / "parts").glob("*.jsonl"))


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def is_agency(value: Any) -> bool:
    return value in ("", "?") or value in CODES or value == "XK"


KINDS: dict[str, dict[str, Callable[[Any], bool]]] = {
    "who": {"le": is_agency},
    "ask": {"fr": lambda value: value in (0, 1), "img": lambda value: isinstance(value, int) and 0 <= value <= 60},
    "scene": {"cam": lambda value: value in ("body", "dash", "other", "fixed"), "live": lambda value: value in (0, 1)},
    "watch": {"fr": lambda value: value in (0, 1)},
}
OPTIONAL = {"ask": {"img"}, "scene": {"coop"}}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_part_says_what_its_kind_has_to_say(path: Path) -> None:
    parts = lines(path)

    for number, part in enumerate(parts, 1):
        told = KINDS[part["part"]]
        optional = OPTIONAL.get(part["part"], set())
        assert part["t"].strip(), f"line {number}"
        assert told.keys() - optional <= part.keys() - {"part", "t"} <= told.keys() | optional, f"line {number}"
        assert all(is_right(part[key]) for key, is_right in told.items() if key in part), f"line {number}"
    assert len({(part["part"], part["t"]) for part in parts}) == len(parts), "each part stands once"


def test_every_language_has_all_kinds_with_both_answers() -> None:
    assert len(FILES) >= 17
    for path in FILES:
        parts = lines(path)
        found = {(part["part"], bool(part.get("fr") or part.get("le"))) for part in parts}
        assert found == {
            ("who", True), ("who", False), ("ask", True), ("ask", False), ("scene", False), ("watch", True),
            ("watch", False),
        }, path.stem  # fmt: skip


SECTIONS = sorted((Path(__file__).parents[1] / "training" / "sections").glob("*.jsonl"))
MEDIA = {"readme", "doc", "prompt", "python", "js", "java", "c", "config", "notebook"}
FACTS: dict[str, Callable[[Any], bool]] = {
    "fr": lambda value: value in (0, 1),
    "le": is_agency,
    "cam": lambda value: value in ("", "body", "dash", "other", "fixed"),
    "live": lambda value: value in (0, 1),
    "coop": lambda value: value in (0, 1),
}
#: Facts that a section of a kind always has, or never.
FIXED: dict[str, dict[str, int | str]] = {
    "act": {"fr": 1, "le": ""},
    "near": {"fr": 0},
    "plain": {"fr": 0, "le": ""},
    "talk": {"fr": 0, "le": ""},
}


@pytest.mark.parametrize("path", SECTIONS, ids=lambda path: path.stem)
def test_every_section_says_what_its_kind_has_to_say(path: Path) -> None:
    for number, section in enumerate(lines(path), 1):
        part = section["part"]
        assert section["t"].strip(), f"line {number}"
        if part == "ask":
            assert section["do"] in (0, 1), f"line {number}"
            continue
        assert part in {"open", "who", *FIXED}, f"line {number}"
        assert section["medium"] in MEDIA, f"line {number}"
        assert {"fr", "le"} <= section.keys(), f"line {number}"
        assert all(is_right(section[name]) for name, is_right in FACTS.items() if name in section), f"line {number}"
        assert FIXED.get(part, {}).items() <= section.items(), f"line {number}"


def test_every_language_has_sections_of_all_kinds_and_every_section_stands_once() -> None:
    sections = [section for path in SECTIONS for section in lines(path)]
    languages = {section["lang"] for section in sections}

    assert len(languages) == 17
    for language in languages:
        found = {
            (section["part"], bool(section.get({"ask": "do"}.get(section["part"], "le"))))
            for section in sections
            if section["lang"] == language and section["part"] in {"open", "who", "ask"}
        }
        assert len(found) == 6, language
    assert len({(section["part"], section["t"]) for section in sections}) == len(sections)
