"""Which pictures are worth reading: milliseconds, where reading one takes a second.

Text is made of strokes: within a few pixels it gets lighter and darker again, or the other way round. A page or a
screenshot has a plain ground and strokes on it; an overlay has strokes of high contrast, close together in a band.
"""

from __future__ import annotations

import struct
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["Look", "is_lightly_packed", "look"]

#: What a picture looks like: a page or a screenshot, a scene with text in it, or neither.
Look = Literal["page", "scene", "nothing"]
_Grey: TypeAlias = npt.NDArray[np.int16]

#: Pixels of a side below which nothing can be read.
MIN_SIDE = 24
#: Pixels across a stroke, and the share of the picture's height that is a band.
STROKE = 4
BAND = 0.14
#: A ground is plain where so much of it is of one grey, give or take two.
PLAIN = 0.3
_THUMBNAIL = 64
#: Contrast of strokes on a plain ground, by how noisy that is; and strokes in the fullest band of a page.
_FAINTEST, _STRONGEST = 14, 40
_ON_PLAIN = 100
#: Contrast of strokes in a scene, and how many stand in the band at its upper or lower edge, or in any.
_STRONG = 100
_AT_EDGE, _ANYWHERE = 60, 150


def look(pixels: npt.NDArray[np.uint8]) -> Look:
    """Return what a picture of some 1000 pixels looks like; colours count where greys tell nothing."""
    if min(pixels.shape[:2]) < MIN_SIDE:
        return "nothing"
    grey: _Grey = pixels.mean(axis=2).astype(np.int16)
    for channel in (grey, pixels[:, :, 0].astype(np.int16), pixels[:, :, 2].astype(np.int16)):
        seen = _look(channel)
        if seen != "nothing":
            return seen
    return "nothing"


def _look(grey: _Grey) -> Look:
    steps = np.diff(grey, axis=1)
    if _is_plain(grey):
        noise = int(np.median(np.abs(steps)))
        contrast = min(max(_FAINTEST, 8 * noise), _STRONGEST)
        if max(_fullest(grey, contrast), _fullest(np.transpose(grey), contrast)) >= _ON_PLAIN:
            return "page"
    for turned in (grey, np.transpose(grey)):
        bands = _bands(turned, _STRONG)
        if max(bands[0], bands[-1]) >= _AT_EDGE or max(bands) >= _ANYWHERE:
            return "scene"
    return "nothing"


def _is_plain(grey: _Grey) -> bool:
    """Whether much of the picture is of one grey, noise aside: each pixel of the thumbnail is the mean of an area."""
    rows, columns = (max(side // _THUMBNAIL, 1) for side in grey.shape)
    fit = grey[: grey.shape[0] // rows * rows, : grey.shape[1] // columns * columns]
    means = np.reshape(fit, (fit.shape[0] // rows, rows, -1, columns)).mean(axis=(1, 3))
    counts = np.bincount(means.astype(np.int64).ravel(), minlength=256)
    return bool(np.convolve(counts, np.ones(5), "same").max() >= PLAIN * means.size)


def _fullest(grey: _Grey, contrast: int) -> int:
    return max(_bands(grey, contrast))


def _bands(grey: _Grey, contrast: int) -> list[int]:
    """Return the number of strokes in each band of the picture, which overlap by half; light or dark ones."""
    steps = np.diff(grey, axis=1)
    up, down = steps > contrast, steps < -contrast
    strokes = np.maximum(_followed(up, down), _followed(down, up))
    height = max(int(len(strokes) * BAND), 1)
    sums = np.concatenate([[0], np.cumsum(strokes)])
    last = len(strokes) - height
    return [int(sums[at + height] - sums[at]) for at in (*range(0, last, max(height // 2, 1)), last)]


def _followed(first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Return, of each row, how many steps are followed by one of the other kind within the width of a stroke."""
    near = np.zeros_like(second)
    for distance in range(1, STROKE + 1):
        near[:, :-distance] |= second[:, distance:]
    counts: npt.NDArray[np.int64] = (first & near).sum(axis=1)
    return counts


# --- without decoding

#: Bits per pixel up to which a picture is likely to be drawn and not photographed. Screenshots have 0.1 as PNG, and
#: photographs 13; JPEG packs both more tightly.
_MOST_BITS = {"png": 2.0, "gif": 2.0, "jpeg": 0.4}
_PNG, _GIF, _JPEG = b"\x89PNG\r\n\x1a\n", b"GIF8", b"\xff\xd8\xff"
_MIN_PIXELS = 64 * 64


def is_lightly_packed(head: bytes, size: int) -> bool:
    """Whether a file of ``size`` bytes that begins with ``head`` has so few for its pixels that it is likely a page."""
    try:
        kind, width, height = _size(head)
    except (struct.error, IndexError):
        return False
    pixels = width * height
    return pixels >= _MIN_PIXELS and size * 8 <= _MOST_BITS.get(kind, 0.0) * pixels


def _size(data: bytes) -> tuple[str, int, int]:
    if data.startswith(_PNG):
        return ("png", *_numbers(">II", data, 16))
    if data.startswith(_GIF):
        return ("gif", *_numbers("<HH", data, 6))
    if data.startswith(_JPEG):
        return ("jpeg", *_jpeg_size(data))
    return "", 0, 0


def _jpeg_size(data: bytes) -> tuple[int, int]:
    """Return width and height from the frame header. Source: ITU T.81, annex B.2.2."""
    at = 2
    for _ in range(64):
        _, mark, length = struct.unpack_from(">BBH", data, at)
        if 0xC0 <= mark <= 0xCF and mark not in {0xC4, 0xC8, 0xCC}:
            height, width = _numbers(">HH", data, at + 5)
            return width, height
        at += 2 + length
    return 0, 0


def _numbers(layout: str, data: bytes, at: int) -> tuple[int, int]:
    first, second = struct.unpack_from(layout, data, at)
    return first, second
