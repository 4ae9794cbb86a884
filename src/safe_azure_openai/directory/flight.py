"""One look-up at a time: kept, shared by all threads and tasks, renewed in the background, and never waited for twice.

A look-up flies in a thread of its own. Who waits for it waits on an event, and so may be cancelled, killed or late
without ending it for the others; what it finds after the deadline is there for the next one who asks.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

from .api import Deadline
from .report import Mode, Problem, Report

__all__ = ["Flights", "Shelf"]

#: For how long a report is taken as it is.
LIFETIME_S = 6 * 3600.0
#: All attempts of a look-up together, and the most that anybody waits for it.
DEADLINE_S = 10.0
#: Between a look-up that failed and the next, and where trying soon again would end alike.
PAUSE_S, LASTING_PAUSE_S = 60.0, 900.0

#: What those who wait for a look-up wait on.
Landing = threading.Event

_logger = logging.getLogger("safe_azure_openai")


class Shelf(Protocol):
    """Where the last report is kept beyond the process."""

    def load(self) -> Report | None: ...
    def save(self, report: Report) -> None: ...


@dataclass(frozen=True, slots=True)
class _Flight:
    until: Deadline
    landed: threading.Event = field(default_factory=lambda: Landing())


class Flights:
    """The reports of one thing that is looked up.

    Args:
        fetch: looks it up until the deadline it is given. What it cannot find is a problem in its report.
        shelf: keeps the last report beyond the process.
        clock: seconds, for the deadline and the lifetime.
        now: the time, in seconds since the epoch.
    """

    def __init__(
        self,
        mode: Mode,
        fetch: Callable[[Deadline], Report],
        shelf: Shelf | None = None,
        *,
        lifetime_s: float = LIFETIME_S,
        deadline_s: float = DEADLINE_S,
        pause_s: float = PAUSE_S,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._fetch = fetch
        self._shelf = shelf
        self._lifetime_s = lifetime_s
        self._deadline_s = deadline_s
        self._pause_s = pause_s
        self._clock = clock
        self._now = now
        self._lock = threading.Lock()
        self._flight: _Flight | None = None
        self._report = Report(mode)
        self._due = -1.0  # by the clock; at once
        self._is_loaded = False
        self._has_landed = False  # in this process
        if hasattr(os, "register_at_fork"):
            reborn = weakref.WeakMethod(self._forget_flight)
            os.register_at_fork(after_in_child=lambda: (method := reborn()) and method())

    def report(self) -> Report:
        """Return what is known, after waiting for the look-up where one is due, until its deadline at the latest."""
        flight = self._start_if_due()
        if flight is not None:
            flight.landed.wait(max(0.0, flight.until.left()))
        return self._report

    @property
    def is_first_under_way(self) -> bool:
        """Whether something is about to be known for the first time, or anew at the start of a process."""
        return self._report.at == 0 or (self._flight is not None and not self._has_landed)

    def latest(self) -> Report:
        """Return what is known now, and let what is out of date be looked up in the background. Costs a comparison."""
        if self._clock() >= self._due:
            self._start_if_due()
        return self._report

    def _start_if_due(self) -> _Flight | None:
        with self._lock:
            if self._flight is not None:
                if self._flight.until.left() > -self._deadline_s:
                    return self._flight
                self._flight = (
                    None  # lost: a server that sends byte after byte holds its thread for as long as it likes
                )
            self._load()
            if self._clock() < self._due:
                return None
            flight = self._flight = _Flight(Deadline.after(self._deadline_s, self._clock))
        thread = threading.Thread(target=self._fly, args=(flight,), name="safe-azure-openai tenant", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no more threads, or the interpreter is shutting down: as if it had failed
            self._land(flight, Report(self._report.mode, problems=(Problem("cloud", "no thread for the look-up"),)))
        return flight

    def _load(self) -> None:
        """Take the report that an earlier process kept. It is read once, and out of date as it would be here."""
        if self._is_loaded or self._shelf is None:
            return
        self._is_loaded = True
        kept = self._shelf.load()
        if kept is not None and kept.mode == self._report.mode and kept.at <= self._now():
            self._report = kept
            if not kept.problems:  # what was amiss may be mended: a new process asks again
                self._due = self._clock() + self._lifetime_s - (self._now() - kept.at)

    def _fly(self, flight: _Flight) -> None:
        try:
            report = self._fetch(flight.until)
        except Exception as error:
            _logger.debug("the look-up of the tenant failed", exc_info=True)
            problem = Problem("cloud", f"the look-up failed: {type(error).__name__}; this is a fault of this package")
            report = Report(self._report.mode, problems=(problem,))
        self._land(flight, report)

    def _land(self, flight: _Flight, report: Report) -> None:
        report = _with_last_known(report, self._report)
        report = replace(report, at=self._now())
        with self._lock:
            if self._flight is not flight:  # of another process's time
                return
            self._report = report
            self._due = self._clock() + self._rest(report)
            self._flight = None
            self._has_landed = True
        flight.landed.set()
        for problem in report.problems:
            _logger.warning("the tenant is not fully known: %s", problem.message)
        if self._shelf is not None and report.found:
            self._shelf.save(report)

    def _rest(self, report: Report) -> float:
        """Return the seconds until the next look-up."""
        if not report.problems:
            return self._lifetime_s
        is_lasting = all(problem.is_lasting for problem in report.problems)
        pause_s = max(self._pause_s, LASTING_PAUSE_S) if is_lasting else self._pause_s
        return max(pause_s, *(problem.pause_s for problem in report.problems))

    def _forget_flight(self) -> None:
        """In a forked process: its parent's thread does not fly here, and the lock may have been held."""
        self._lock = threading.Lock()
        self._flight = None


def _with_last_known(report: Report, before: Report) -> Report:
    """Return a report in which a source that could not be asked is as it was known last, marked stale."""
    silent = {problem.origin for problem in report.problems}
    if "cloud" in silent:  # nobody could be asked
        silent = {item.origin for item in before.found}
    told = {item.origin for item in report.found if item.origin not in silent}
    kept = tuple(replace(item, is_stale=True) for item in before.found if item.origin in silent - told)
    new = tuple(item for item in report.found if item.origin not in silent or not kept)
    return replace(report, found=new + kept)
