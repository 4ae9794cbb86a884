"""What a look-up found about the tenant, and what it could not find."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..model.found import Found, FoundBy

__all__ = ["Mode", "Problem", "Report"]

Mode = Literal["token", "directory"]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that could not be found: what, where, why and what to do, in one line without secrets.

    ``is_lasting`` says that asking again soon would end alike; ``pause_s`` is how long the source
    wants to be left alone.
    """

    origin: FoundBy
    message: str
    is_lasting: bool = False
    pause_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Report:
    """All that is known of a tenant from one way of looking it up. Of one field, what was found first is surest.

    ``at`` is the time of the look-up, in seconds since the epoch; 0 where none has ended yet.
    """

    mode: Mode
    found: tuple[Found, ...] = ()
    problems: tuple[Problem, ...] = ()
    at: float = 0.0

    @property
    def is_stale(self) -> bool:
        """Whether a value is the last known one, because its source cannot be asked."""
        return any(item.is_stale for item in self.found)
