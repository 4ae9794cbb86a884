"""What is kept of a picture: how bright it is from left to right, in three bands, in 192 bytes.

A camera that turns or moves shifts what it sees sideways, so two of its pictures have much the same profile at some
shift. Hashes of a whole picture (dHash, pHash) cannot tell that: measured, they are no better than chance.
"""

from __future__ import annotations

import io
from importlib import import_module
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from ..ocr.line import Untyped

__all__ = ["BANDS", "COLUMNS", "Profile", "likeness", "profile_of"]

BANDS, COLUMNS = 3, 64
#: Rows of the thumbnail; a multiple of the bands.
_ROWS = 48
#: Pixels of a picture that is decoded: more than the frames of any camera that streams.
MAX_PIXELS = 16_000_000
#: Columns by which two pictures may be shifted against each other.
MAX_SHIFT = 16
#: A page, a screenshot or a product on a plain ground: so much of the thumbnail is of one grey, give or take two.
PLAIN = 0.4
#: Standard deviation of greys below which a band is of one colour, and resembles everything or nothing.
FLAT = 2.0

Profile: TypeAlias = npt.NDArray[np.uint8]
Floats: TypeAlias = npt.NDArray[np.float64]


def profile_of(data: bytes) -> Profile | None:
    """Return the profile of a picture, ``None`` for a page or a plain ground, and for what cannot be decoded."""
    try:
        with import_module("PIL.Image").open(io.BytesIO(data)) as image:
            grey = _thumbnail(image)
    except Exception:  # noqa: BLE001 - a decoder fails in as many ways as there are formats
        return None
    if grey is None or _is_plain(grey):
        return None
    profile: Profile = np.reshape(grey, (BANDS, -1, COLUMNS)).mean(axis=1).astype(np.uint8)
    return profile


def _thumbnail(image: Untyped) -> Profile | None:
    if image.width * image.height > MAX_PIXELS:
        return None
    image.draft("L", (COLUMNS, _ROWS))  # JPEG: an eighth of the picture is all that is decoded
    small = image.convert("L").resize((COLUMNS, _ROWS), import_module("PIL.Image").Resampling.BOX)
    return np.asarray(small, dtype=np.uint8)


def _is_plain(grey: Profile) -> bool:
    counts = np.bincount(grey.ravel(), minlength=256)
    return bool(np.convolve(counts, np.ones(5), "same").max() >= PLAIN * grey.size)


def likeness(one: Profile, others: npt.NDArray[np.uint8]) -> float:
    """Return how much a profile resembles the most similar of ``others`` at the best shift, from 0 to 1.

    It is the normalised cross-correlation over all bands, each without its own mean: that the sky is bright and the
    ground is dark makes no two pictures alike.
    """
    if not len(others):
        return 0.0
    mine, theirs = one.astype(np.float64), others.astype(np.float64)
    shifts = np.arange(-MAX_SHIFT, MAX_SHIFT + 1)
    columns = COLUMNS - np.abs(shifts)  # that both have at each shift
    my_sums, my_spread = _sums_and_spread(mine, shifts)
    their_sums, their_spread = _sums_and_spread(theirs, -shifts)
    padded = np.pad(theirs, [(0, 0), (0, 0), (MAX_SHIFT, MAX_SHIFT)])
    products = np.einsum("nbsc,bc->nbs", sliding_window_view(padded, COLUMNS, axis=-1), mine)[..., ::-1]
    together = (products - my_sums * their_sums / columns).sum(axis=-2)
    return float((together / np.sqrt(my_spread * their_spread)).max())


def _sums_and_spread(profiles: Floats, shifts: npt.NDArray[np.int_]) -> tuple[Floats, Floats]:
    """Return, at each shift, the sum of each band over the columns that both have, and the spread of all bands."""
    starts, ends = np.maximum(shifts, 0), COLUMNS + np.minimum(shifts, 0)

    def over_columns(values: Floats) -> Floats:
        running = np.pad(np.cumsum(values, axis=-1), [(0, 0)] * (values.ndim - 1) + [(1, 0)])
        return running[..., ends] - running[..., starts]

    sums = over_columns(profiles)
    spread = (over_columns(profiles * profiles) - sums * sums / (ends - starts)).sum(axis=-2)
    return sums, np.maximum(spread, FLAT**2 * BANDS * (ends - starts))
