"""Score the guard over a corpus.

    python -m evaluation [folder or file ...] [--sample N] [--wrong]

Every figure is counted over the real client; the latency is the guard's own, without the client's.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from safe_azure_openai.testing import Loopback

from .corpus import Item, load
from .goals import GOALS, first_rule_right, is_ordinary
from .run import Outcome, run

HERE = Path(__file__).parent / "corpus"


def main() -> None:
    parser = argparse.ArgumentParser(prog="evaluation", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("paths", nargs="*", type=Path, default=[HERE], help="folders or JSONL files")
    parser.add_argument("--sample", type=int, default=1, help="take every n-th item of an ordinary file")
    parser.add_argument("--wrong", type=Path, help="write the items that were judged wrongly to this file")
    args = parser.parse_args()
    files = [file for path in args.paths for file in (sorted(path.glob("*.jsonl")) if path.is_dir() else [path])]
    if not files:
        raise SystemExit(f"no *.jsonl in {', '.join(map(str, args.paths))}")
    outcomes: list[Outcome] = []
    began = time.monotonic()
    with Loopback() as server:
        for file in files:
            items = list(load(file))
            if items and items[0].slice in ("no tenant", "US police"):
                items = items[:: args.sample]
            outcomes.extend(run(item, server) for item in items)
    report(outcomes, time.monotonic() - began)
    if args.wrong:
        write_wrong(outcomes, args.wrong)


def report(outcomes: Sequence[Outcome], seconds: float) -> None:
    """Print the tables: per file, per slice, per language, and over all."""
    print(f"{'':<44}{'blocked of violations':>24}{'blocked of the rest':>24}{'rule right':>12}")
    for file in unique(outcomes, lambda o: o.item.file):
        here = [o for o in outcomes if o.item.file == file]
        row(file, here)
        for name in unique(here, lambda o: o.item.slice):
            row("  " + name, [o for o in here if o.item.slice == name])
    print("\nby language, all files but ordinary prompts")
    labelled = [o for o in outcomes if not is_ordinary(o)]
    for language in unique(labelled, lambda o: o.item.language):
        row("  " + language, [o for o in labelled if o.item.language == language])
    print()
    row("all", labelled)
    judged = sorted(o.judged_us for o in outcomes)
    screened = sum(o.screened for o in outcomes)
    errors = [o for o in outcomes if o.error]
    print(f"\n{len(outcomes)} items in {seconds:.0f} s, {len(errors)} errors, {sum(o.leaked for o in outcomes)} leaks")
    print(
        f"guard: p50 {at(judged, 0.5):.0f} us, p95 {at(judged, 0.95):.0f} us, p99 {at(judged, 0.99):.0f} us; ", end=""
    )
    print(f"{screened} of {len(outcomes)} ended at the screen")
    for outcome in errors[:10]:
        print(f"  error {outcome.item.file} {outcome.item.id}: {outcome.error}")
    print(f"\n{'goal':<44}{'bound':>10}{'here':>24}")
    for goal in GOALS:
        found = goal.count(outcomes)
        bound = f">= {goal.least:g}" if goal.least is not None else f"<= {goal.most:g}"
        verdict = ("met" if goal.is_met(found) else "not met") if found[1] else ""
        print(f"{goal.name:<44}{bound:>10}{share(*found):>24}  {verdict}".rstrip())


def row(name: str, some: Sequence[Outcome]) -> None:
    hit = [o for o in some if o.item.is_violation]
    miss = [o for o in some if not o.item.is_violation]
    caught = [o for o in hit if o.blocked]
    right, named = first_rule_right(some)
    print(f"{name:<44}{share(len(caught), len(hit)):>24}{share(sum(o.blocked for o in miss), len(miss)):>24}", end="")
    print(f"{share(right, named):>20}" if named else "")


def share(part: int, whole: int) -> str:
    if not whole:
        return "-"
    return f"{part / whole:.4f} ({part}/{whole})" if whole >= 1000 else f"{part / whole:.3f} ({part}/{whole})"


def at(ordered: Sequence[float], quantile: float) -> float:
    return ordered[min(int(quantile * len(ordered)), len(ordered) - 1)]


def unique(some: Iterable[Outcome], key: Callable[[Outcome], str]) -> list[str]:
    return list(dict.fromkeys(map(key, some)))


def write_wrong(outcomes: Sequence[Outcome], path: Path) -> None:
    with path.open("w", encoding="utf-8") as out:
        for o in outcomes:
            if o.blocked != o.item.is_violation or o.error:
                item: Item = o.item
                out.write(
                    json.dumps(
                        {"file": item.file, "id": item.id, "slice": item.slice, "lang": item.language,
                         "tenant": item.tenant, "violation": item.is_violation, "blocked": o.blocked,
                         "rules": o.rules, "error": o.error, "calls": item.calls},
                        ensure_ascii=False,
                    ) + "\n"
                )  # fmt: skip


if __name__ == "__main__":
    main()
