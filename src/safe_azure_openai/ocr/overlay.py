"""What a camera burns into its pictures: date and time, its name, its serial number, its speed, LIVE.

Formats seen: ``2020-09-29 T18:29:45Z`` above ``AXON BODY 2 X81020805``; ``2024-08-30 16:20:07 BWC-118``;
``12/03/2024 14:22:07 VIOFO A229 PRO 63MPH``; ``LIVE 2025-11-22T03:20:02Z``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..extract.images import Device, recognise_overlay
from .line import Line

__all__ = ["Overlay", "overlay_of"]

#: Share of the picture's height at its upper and its lower edge where cameras write.
EDGE = 0.25
#: Lines and words of an overlay: more is a text, whatever stands beside its date.
MAX_LINES, MAX_WORDS = 4, 3

# A date and a time with seconds; blanks get lost in reading. Must not match "Meeting on 12/03/2024 at 14:22".
_STAMP = re.compile(
    r"(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4})\D{0,3}(\d{1,2})[:.](\d{2})[:.](\d{2})"
)
# Letters that make a word: not the T and the Z of a date, nor a serial number.
_WORD = re.compile(r"(?<![^\W_])[^\W\d_]{2,}(?![^\W_])")
_LIVE = re.compile(r"(?<![^\W_])LIVE(?![^\W\d_])")


@dataclass(frozen=True, slots=True)
class Overlay:
    """The device an overlay tells of, whether it says LIVE, the time of day it shows; its names; and all other lines.

    ``names`` are lines such as that of an officer or a town. The rest of an overlay is for no reader of words: a date
    and a brand among the words of a request would sound like the police.
    """

    names: tuple[str, ...] = ()
    device: Device | None = None
    is_live: bool = False
    clock_s: float | None = None
    rest: tuple[Line, ...] = ()


def overlay_of(lines: Sequence[Line]) -> Overlay:
    """Return the overlay among the lines of a picture: a date with a time at an edge, and what stands beside it."""
    stamps = [line for line in lines if _edge(line) and _STAMP.search(line.text) and _is_short(line)]
    edges = {_edge(line) for line in stamps}
    beside = [line for line in lines if _edge(line) in edges and _is_short(line)]
    if not stamps or len(beside) > MAX_LINES:
        return Overlay(rest=tuple(lines))
    text = "\n".join(line.text for line in beside)
    names = tuple(line.text for line in beside if line not in stamps and _is_name(line.text))
    rest = tuple(line for line in lines if line not in beside)
    return Overlay(names, recognise_overlay(text), _LIVE.search(text) is not None, _clock_s(text), rest)


def _clock_s(text: str) -> float | None:
    """Return the time of day in seconds. Without the date: of two pictures of a stream, only the difference counts."""
    stamp = _STAMP.search(text)
    if stamp is None:
        return None
    hours, minutes, seconds = map(int, stamp.groups())
    return hours * 3600.0 + minutes * 60 + seconds


def _edge(line: Line) -> str:
    return "top" if line.bottom <= EDGE else "bottom" if line.top >= 1 - EDGE else ""


def _is_name(text: str) -> bool:
    return len(_WORD.findall(text)) > 1 and recognise_overlay(text) is None


def _is_short(line: Line) -> bool:
    return len(_WORD.findall(line.text)) <= MAX_WORDS
