"""Requests of the development corpus as training items: their labels are verdicts, which tell some of the facts.

The corpus is the only data here with the voices of those who write the unseen requests, so the last stages of training
read it too, and the calibration sets. One half is left out, with all of its families: ``calibrate.py --fold`` sets the
limits on what the encoder has not read.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from evaluation.corpus import Item as Labelled
from evaluation.corpus import load, requests_of, tenant_of
from facts import HEADS, Item

from safe_azure_openai.merge import is_for_law_enforcement

__all__ = ["FOLDS", "corpus_items", "fold_of"]

FOLDS = 2
#: What the kind of a harmless request tells besides that it is harmless: facial recognition, and law enforcement.
KINDS: dict[str, dict[str, float]] = {
    "discussion": {"fr": 0.0},
    "police_work": {"fr": 0.0, "le": 1.0},
    "police_non_fr": {"fr": 0.0},
    "nonle_fr": {"fr": 1.0, "le": 0.0},
    "fr_no_le": {"fr": 1.0, "le": 0.0},
    "matrix_fr_no_actor": {"fr": 1.0, "le": 0.0},
    "matrix_discussion_non_fr": {"fr": 0.0},
    "ml_discussion": {"fr": 0.0},
    "ml_fr_nole": {"fr": 1.0, "le": 0.0},
    "ml_le_nofr": {"fr": 0.0, "le": 1.0},
    "ordinary": {"fr": 0.0},
    "everyday": {"fr": 0.0},
    "fiction": {"fr": 0.0},
}


def fold_of(item: Labelled) -> int:
    """Return the fold of a request: those of one family, and neighbours where none is named, are in the same."""
    number = int("".join(filter(str.isdigit, item.id)) or 0)
    return zlib.crc32((item.family or f"{item.file} {number // 8}").encode()) % FOLDS


def corpus_items(paths: Iterable[Path], without: int | None = None) -> Iterator[Item]:
    """Yield what one call alone tells of the labelled requests at ``paths``, but for those of the fold ``without``."""
    for path in paths:
        for item in load(path):
            if item.file == "vision" or len(item.calls) > 1 or fold_of(item) == without:
                continue
            requests = requests_of(item.calls[0])
            if len(requests) == 1:
                yield Item(requests[0], _targets(item), item.language, item.slice, "corpus", item.file, {})


def _targets(item: Labelled) -> tuple[float | None, ...]:
    told: dict[str, float] = {}
    for_police = is_for_law_enforcement(tenant_of(item.tenant))
    if not item.is_violation:
        told = {"fr_le": 0.0, "rt": 0.0, **KINDS.get(item.slice.replace("-", "_"), {})}
        if for_police:  # anything but facial recognition passes there, and nothing else does
            told["fr"] = 0.0
    else:
        told["fr"] = 1.0
        if item.rules[:1] == ("real-time-mobile-camera",):
            told |= {"rt": 1.0, "live": 1.0}
        elif not for_police:
            told |= {"le": 1.0, "fr_le": 1.0}
            if item.rules:
                told["us"] = float(item.rules[0] == "us-police-facial-recognition")
    return tuple(told.get(head) for head in HEADS)
