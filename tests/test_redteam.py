"""The record of the red team is whole, and the page says what it says."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "evaluation/redteam"
RECORD: dict[str, dict[str, Any]] = json.loads((FOLDER / "record.json").read_text(encoding="utf-8"))
ROUNDS = sorted(FOLDER.glob("round-*.jsonl"))


@pytest.fixture
def redteam(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT))
    return importlib.import_module("evaluation.redteam.__main__")


def test_each_round_is_on_record() -> None:
    assert [f"round-{int(number):02}" for number in RECORD] == [path.stem for path in ROUNDS]


@pytest.mark.parametrize("path", ROUNDS, ids=lambda path: path.stem)
def test_the_figures_count_the_attempts_of_the_round(path: Path) -> None:
    items = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    labels = [item["label"] for item in items]

    entry = RECORD[str(int(path.stem.removeprefix("round-")))]
    assert len({item["id"] for item in items}) == len(items)
    counted = [(entry[when]["violations"], entry[when]["honest"]) for when in ("then", "now") if when in entry]
    assert set(counted) <= {(labels.count("block"), labels.count("allow"))}
    assert all(item["rules"] for item in items if item["label"] == "block")


def test_the_page_has_the_table_of_the_record(redteam: Any) -> None:
    assert redteam.BEGIN + redteam.table(RECORD) + redteam.END in redteam.PAGE.read_text(encoding="utf-8")


def test_a_figure_once_entered_stays_and_the_latest_stands_beside_it(redteam: Any) -> None:
    entry: dict[str, Any] = {"idea": "x"}

    redteam.enter(entry, redteam.Figures(3, 40, 2, 40))
    redteam.enter(entry, redteam.Figures(1, 40, 0, 40))

    assert entry["then"] == {"passed": 3, "violations": 40, "blocked": 2, "honest": 40}
    assert entry["now"] == {"passed": 1, "violations": 40, "blocked": 0, "honest": 40}
    assert "| 7 | x | 0.075 (3/40) | 0.050 (2/40) | 0.025 (1/40) | 0.000 (0/40) |" in redteam.table({"7": entry})
