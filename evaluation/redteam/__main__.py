"""Score the attempts of the red team, round by round, through the real client.

    python -m evaluation.redteam [round ...] [--won FILE] [--write]

An attempt labelled ``block`` wants to pass a violation, one labelled ``allow`` wants honest work to be blocked. A round
is a corpus, so ``make eval CORPUS=evaluation/redteam`` reads them too. ``record.json`` names the idea of each round and
keeps its figures: those of the day on which it was made, and the latest. With ``--write``, do it before anything is
mended: the first figures stay.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from safe_azure_openai.signals import meaning
from safe_azure_openai.testing import Loopback

from ..__main__ import share, unique, write_wrong
from ..corpus import load
from ..run import Outcome, run

HERE = Path(__file__).parent
RECORD = HERE / "record.json"
PAGE = HERE.parents[1] / "docs/explanation/red-team.md"
#: Lines of the page between which the table stands.
BEGIN, END = "<!-- the table: python -m evaluation.redteam --write -->\n", "<!-- the end of the table -->\n"


@dataclass(frozen=True)
class Figures:
    """What came of a round's attempts: how many won, of how many."""

    passed: int
    violations: int
    blocked: int
    honest: int

    @classmethod
    def of(cls, some: Iterable[Outcome]) -> Figures:
        some = list(some)
        hit = [not o.blocked for o in some if o.item.is_violation]
        miss = [o.blocked for o in some if not o.item.is_violation]
        return cls(sum(hit), len(hit), sum(miss), len(miss))


def main() -> None:
    parser = argparse.ArgumentParser(prog="evaluation.redteam", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("rounds", nargs="*", type=int, help="numbers of rounds; all if none is named")
    parser.add_argument("--won", type=Path, help="write the attempts that won to this file")
    parser.add_argument("--write", action="store_true", help="bring the record and the page up to date")
    args = parser.parse_args()
    record: dict[str, dict[str, Any]] = json.loads(RECORD.read_text(encoding="utf-8"))
    outcomes = {number: score(number) for number in args.rounds or sorted(map(int, record))}
    report(outcomes)
    if args.won:
        write_wrong([o for some in outcomes.values() for o in some], args.won)
    if args.write:
        for number, some in outcomes.items():
            enter(record[str(number)], Figures.of(some))
        RECORD.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
        PAGE.write_text(before + BEGIN + table(record) + END + rest.partition(END)[2], encoding="utf-8")


def score(number: int) -> list[Outcome]:
    """Return what came of each attempt of a round."""
    path = HERE / f"round-{number:02}.jsonl"
    if not path.exists():
        raise SystemExit(f"no {path.name} in {HERE}: name a round that has a file")
    with Loopback() as server:
        return [run(item, server) for item in load(path)]


def report(outcomes: Mapping[int, list[Outcome]]) -> None:
    """Print how many attempts won: per round, per family of attempts, and over all."""
    print(f"{'':<44}{'violations passed':>24}{'honest work blocked':>24}")
    for number, some in outcomes.items():
        row(f"round {number}", some)
        for name in unique(some, lambda o: o.item.slice):
            row("  " + name, [o for o in some if o.item.slice == name])
    everything = [o for some in outcomes.values() for o in some]
    row("all", everything)
    for o in everything:
        if o.error:
            print(f"  error {o.item.file} {o.item.id}: {o.error}")


def row(name: str, some: list[Outcome]) -> None:
    figures = Figures.of(some)
    passed, blocked = share(figures.passed, figures.violations), share(figures.blocked, figures.honest)
    print(f"{name:<44}{passed:>24}{blocked:>24}")


def enter(entry: dict[str, Any], figures: Figures) -> None:
    """Enter the figures of today into a round's entry; the first ones stay, with the encoder they were taken with."""
    if "then" not in entry:
        weights = (meaning.HERE / "weights.npz").read_bytes()
        entry["date"] = datetime.now(timezone.utc).date().isoformat()
        entry["encoder"] = hashlib.sha256(weights).hexdigest()[:8]
        entry["then"] = asdict(figures)
    entry["now"] = asdict(figures)


def table(record: Mapping[str, Mapping[str, Any]]) -> str:
    """Return one row a round, as Markdown: how many attempts won on the day it was made, and how many win now."""
    rows = ["| round | idea | passed then | blocked then | passed now | blocked now |", "|" + " --- |" * 6]
    entries = [(number, entry) for number, entry in record.items() if "now" in entry]
    for number, entry in entries:
        then, now = (cells(Figures(**entry[when])) for when in ("then", "now"))
        rows.append(f"| {number} | {entry['idea']} | {then} | {now} |")
    then, now = (cells(total(Figures(**entry[when]) for _, entry in entries)) for when in ("then", "now"))
    return "\n".join([*rows, f"| all | | {then} | {now} |"]) + "\n"


def total(some: Iterable[Figures]) -> Figures:
    return Figures(*map(sum, zip((0, 0, 0, 0), *(asdict(figures).values() for figures in some), strict=True)))


def cells(figures: Figures) -> str:
    return f"{share(figures.passed, figures.violations)} | {share(figures.blocked, figures.honest)}"


if __name__ == "__main__":
    main()
