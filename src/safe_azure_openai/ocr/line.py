"""What an engine reads in a picture, and what an engine is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["Engine", "Line", "Pixels"]

#: Rows, columns, and red, green, blue.
Pixels: TypeAlias = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text. ``top`` and ``bottom`` are shares of the picture's height, ``score`` is how sure it is."""

    text: str
    score: float
    top: float
    bottom: float
    is_upright: bool = True  # wider than high: text that runs from left to right


class Engine(Protocol):
    """Something that reads text."""

    def lines(self, pixels: Pixels) -> tuple[Line, ...]:
        """Return the lines of a picture, from the top to the bottom."""
        ...


#: A module or an object of a library that ships no types, or need not be installed.
Untyped: TypeAlias = Any
