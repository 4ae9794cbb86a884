"""How long calls take: times in milliseconds, their median and their 99th percentile."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Sequence

__all__ = ["in_turns", "p50_p99", "timed", "times"]


def timed(call: Callable[[], object]) -> float:
    """Return how long one call takes."""
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1e3


def times(calls: Iterable[Callable[[], object]]) -> list[float]:
    """Return how long each call takes."""
    return [timed(call) for call in calls]


def in_turns(*columns: Iterable[Callable[[], object]]) -> list[list[float]]:
    """Return how long the calls of each column take. They take turns, so that all of them meet the same machine.

    What a column does to make its next call is not counted.
    """
    rows = [times(row) for row in zip(*columns, strict=True)]
    return [list(column) for column in zip(*rows, strict=True)]


def p50_p99(some: Sequence[float]) -> tuple[float, float]:
    """Return the median and the 99th percentile; of fewer than a hundred, the longest stands for the latter."""
    return statistics.median(some), statistics.quantiles(some, n=100, method="inclusive")[98]
