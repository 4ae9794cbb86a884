"""The parts that training puts requests together from: each is of one kind, and says what its kind has to say."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from safe_azure_openai.countries import CODES

FILES = sorted((Path(__file__).parents[1] / "training" / "parts").glob("*.jsonl"))
KINDS: dict[str, dict[str, Callable[[Any], bool]]] = {
    "who": {"le": lambda value: value in ("", "?") or value in CODES or value == "XK"},
    "ask": {"fr": lambda value: value in (0, 1), "img": lambda value: isinstance(value, int) and 0 <= value <= 60},
    "scene": {"cam": lambda value: value in ("body", "dash", "other", "fixed"), "live": lambda value: value in (0, 1)},
    "watch": {"fr": lambda value: value in (0, 1)},
}
OPTIONAL = {"ask": {"img"}, "scene": {"coop"}}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_part_says_what_its_kind_has_to_say(path: Path) -> None:
    parts = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

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
        parts = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        found = {(part["part"], bool(part.get("fr") or part.get("le"))) for part in parts}
        assert found == {
            ("who", True), ("who", False), ("ask", True), ("ask", False), ("scene", False), ("watch", True),
            ("watch", False),
        }, path.stem  # fmt: skip
