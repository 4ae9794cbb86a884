"""Set the limits on calibration data: where an answer of the encoder counts.

    python -m training.calibrate evaluation/calibration{,-second}/*.jsonl --fold 0 --write

The encoder has read one half of the calibration sets. Limits are set on the other, ``--fold``. What there is nothing to
set it on keeps its limit.

Each limit is set on the items that it decides: ``violation`` and ``real_time`` on those of tenants that are not law
enforcement, ``police`` and ``police_image`` on the others, without and with a picture. A limit minimises missed
violations plus ``--price`` times the false alarms; ``strict`` does the same at a third of the price. The curve of
each is printed: what is blocked where the odds asked for are higher or lower.
"""

from __future__ import annotations

import argparse
import json
import math
import re
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path

import numpy as np
from corpus_items import fold_of
from evaluation.corpus import Item, load, requests_of, tenant_of

from safe_azure_openai.merge import is_for_law_enforcement, memory_of, together_of
from safe_azure_openai.model.memory import Memory
from safe_azure_openai.signals.reading import read
from safe_azure_openai.signals.thresholds import BAND, Sensitivity, at_odds, of_many, thresholds

#: Log odds between the limits that are tried.
STEP = 0.1
LIMITS = Path(__file__).parents[1] / "src/safe_azure_openai/signals/thresholds.toml"


def scores(item: Item) -> tuple[str, dict[str, float]]:
    """Return the group of an item and its scores, each the highest over the requests of its last call."""
    for_police = is_for_law_enforcement(tenant_of(item.tenant))
    kept = Memory()
    found: dict[str, float] = defaultdict(float)
    for call in item.calls:
        found.clear()
        before = kept
        for request in requests_of(call):
            reading = read(request, before, is_actor_given=for_police)
            memory = memory_of(reading, before, thresholds())
            kept = memory_of(reading, kept, thresholds())
            # The inverse of ``Thresholds.over``: what a score is worth against the limit for one window.
            less = -of_many(reading.answer.read)
            found["violation"] = max(found["violation"], at_odds(together_of(reading, memory), less))
            found["police"] = max(found["police"], at_odds(memory.act, less))
            found["real_time"] = max(found["real_time"], reading.answer["rt"])
    group = ("police_image" if kept.has_image else "police") if for_police else "violation"
    return group, dict(found)


def best(scores: np.ndarray, labels: np.ndarray, price: float, eased: float = 0.0) -> float:
    """Return the middle of the limits whose misses plus ``price`` times false alarms cannot be told from the least.

    A count scatters by about its root, so the data do not say which of those limits is the best; the middle one is
    the farthest from those that are surely worse. Of a limit that is ``eased`` at times, the lower edge is one too.
    """
    grid = 1 / (1 + np.exp(-np.arange(-5, 5.01, STEP)))
    cost = np.array([(labels & (scores < g)).sum() + price * (~labels & (scores >= g)).sum() for g in grid])
    near = np.flatnonzero(cost <= cost.min() + max(1.0, math.sqrt(cost.min())))
    lowest = min(near[0] + round(eased / STEP), near[-1])
    return float(grid[(lowest + near[-1]) // 2])


def curve(rows: list[tuple[Item, str, dict[str, float]]], limits: dict[str, float]) -> None:
    """Print what would be blocked if the odds that every limit asks for were so many times higher or lower."""
    labels = np.array([item.is_violation for item, _, _ in rows])
    print("  odds asked for   violations   others")
    for more in (math.log(times) for times in (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8, 16)):
        blocked = np.array(
            [
                found["real_time"] >= at_odds(limits["real_time"], more)
                or found["violation"] >= at_odds(limits["violation"], more)
                or (group != "violation" and found["police"] >= at_odds(limits[group], more))
                for _, group, found in rows
            ]
        )
        print(f"  {math.exp(more):>14g}   {blocked[labels].mean():>10.3f}   {blocked[~labels].mean():>6.4f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--price", type=float, default=2.5, help="what a false alarm costs, in missed violations")
    parser.add_argument("--fold", type=int, help="take the requests of this fold only, which the encoder has not read")
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    items = (item for path in args.paths for item in load(path) if item.file != "vision")
    unread = (item for item in items if args.fold is None or fold_of(item) == args.fold)
    rows = [(item, *scores(item)) for item in unread]
    text = LIMITS.read_text(encoding="utf-8")
    prices: dict[Sensitivity, float] = {"balanced": args.price, "strict": args.price / 3}
    for sensitivity, price in prices.items():
        limits = asdict(thresholds(sensitivity))
        for name in ("police", "police_image", "violation"):
            here = [(found, item) for item, group, found in rows if group == name]
            if not here:
                continue
            labels = np.array([item.is_violation for _, item in here])
            if name == "violation":
                live = np.array([found["real_time"] for found, _ in here])
                only_live = np.array([item.rules[:1] == ("real-time-mobile-camera",) for _, item in here])
                some = only_live | ~labels
                limits["real_time"] = best(live[some], only_live[some], price, eased=BAND)
            values = np.array([found["violation" if name == "violation" else "police"] for found, _ in here])
            told = labels if name != "violation" else labels & ~only_live
            limits[name] = best(values[told | ~labels], told[told | ~labels], price)
            caught, false = (values[told] >= limits[name]).mean(), (values[~labels] >= limits[name]).mean()
            told_of = f"caught {caught:.3f} of {told.sum()}, false {false:.3f} of {(~labels).sum()}"
            print(f"{sensitivity:<9}{name:<14}{limits[name]:.3f}  {told_of}")
            at = [np.quantile(values[~labels], 1 - f) for f in (0.01, 0.02, 0.05)]
            print(
                "          "
                + "  ".join(
                    f"at {f:.0%} false {(values[told] > c).mean():.3f}"
                    for f, c in zip((0.01, 0.02, 0.05), at, strict=True)
                )
            )
        limits["act"] = limits["police"]
        curve(rows, limits)
        for name, value in limits.items():
            text = re.sub(rf"(\[{sensitivity}\][^\[]*?\n{name} = )[\d.]+", rf"\g<1>{value:.3f}", text, flags=re.DOTALL)
    if args.write:
        LIMITS.write_text(text, encoding="utf-8")
        print(json.dumps({"written": str(LIMITS.name)}))


if __name__ == "__main__":
    main()
