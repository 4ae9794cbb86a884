"""One picture of a stream as it is remembered: 220 bytes, from which no picture can be made."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from .profile import BANDS, COLUMNS

__all__ = ["FRAME", "Frames", "frames_of"]

#: ``at`` is when it arrived, in seconds since 1970; ``clock`` the time of day in its overlay, in seconds, or NaN.
#: ``is_scene`` is false for pages and for what was not decoded; ``is_alike`` says that an earlier one resembles it.
FRAME = np.dtype(
    [
        ("digest", "V8"),
        ("at", "<f8"),
        ("clock", "<f8"),
        ("is_live", "?"),
        ("is_scene", "?"),
        ("is_alike", "?"),
        ("profile", "u1", (BANDS, COLUMNS)),
    ]
)

Frames: TypeAlias = npt.NDArray[Any]


def frames_of(data: bytes) -> Frames:
    """Return the frames that a store kept as bytes; none, where they were kept by another version."""
    return np.frombuffer(data if len(data) % FRAME.itemsize == 0 else b"", dtype=FRAME)
