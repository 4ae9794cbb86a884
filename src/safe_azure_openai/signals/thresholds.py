"""Where an answer counts: limits set on calibration data by ``training/calibrate.py``, one set per sensitivity."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Literal, cast

from ..toml_source import TomlSource

__all__ = ["Sensitivity", "Thresholds", "at_odds", "of_many", "thresholds"]

Sensitivity = Literal["balanced", "strict"]

#: How far below a limit an answer is uncertain, on the scale where doubt and certainty are symmetric (log odds): there
#: a second opinion has the say. 1.5 is from 0.75 to 0.4, or from 0.9 to 0.67.
BAND = 1.5
#: The power of the number of windows with which the odds asked for grow; it would be 1 if they had nothing in common.
#: On 170 texts of public projects and the calibration sets all powers from 0 to 0.65 did equally well.
_ALIKE = 0.3
#: Limits of what a verdict turns on, which the surest window of a request has to reach.
SURELY = ("violation", "police", "police_image", "act")


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Probabilities from 0 to 1; at or above, an answer counts.

    ``violation`` is for requests that say themselves who they are for, ``police`` and ``police_image`` for the act
    alone when the tenant is law enforcement (without and with a picture attached), ``real_time`` for live facial
    recognition on a body-worn or dash-mounted camera by anyone, ``act`` and ``other_act`` for acts by anyone, which
    only stricter policies forbid; the others are for facts that choose the rule, ``country_against`` for a country
    other than the tenant's.
    """

    violation: float
    police: float
    police_image: float
    real_time: float
    act: float
    other_act: float
    actor: float
    camera: float
    live: float
    cooperative: float
    country: float
    country_against: float

    def over(self, windows: int) -> Thresholds:
        """Return the limits for a request of which so many windows were read: the surest of them counts."""
        if windows < 2:
            return self
        return replace(self, **{name: at_odds(getattr(self, name), of_many(windows)) for name in SURELY})

    def eased(self, names: Iterable[str]) -> Thresholds:
        """Return the same with the limits called ``names`` at the lower edges of their bands."""
        return replace(self, **{name: at_odds(getattr(self, name), -BAND) for name in names})


def of_many(windows: int) -> float:
    """Return how much higher, in log odds, a limit is for the surest of so many windows.

    The more there are, the likelier one of them is sure by chance; but windows of one text are alike, so the odds asked
    for grow slower than their number.
    """
    return _ALIKE * math.log(max(windows, 1))


def at_odds(probability: float, more: float) -> float:
    """Return the probability whose log odds are ``more`` than those of ``probability``."""
    clipped = min(max(probability, 1e-6), 1 - 1e-6)
    return 1 / (1 + math.exp(-more - math.log(clipped / (1 - clipped))))


@lru_cache
def thresholds(sensitivity: Sensitivity = "balanced") -> Thresholds:
    """Return the limits of one sensitivity, from ``thresholds.toml``."""
    path = Path(__file__).parent / "thresholds.toml"
    limits = cast("dict[str, float]", TomlSource.parse(path.name, path.read_bytes()).data[sensitivity])
    return Thresholds(**{field.name: float(limits[field.name]) for field in fields(Thresholds)})
