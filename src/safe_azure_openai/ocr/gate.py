"""Which pictures are worth reading: milliseconds, where reading one takes a second.

Text is made of strokes: within a few pixels it gets lighter and darker again, or the other way round. So are grass,
leaves and stars. But the letters of a line stand on one height and reach to another: many strokes begin in the same
row of pixels and end in the same, it is quiet above and below, and others cross them. Large letters, and strokes
in plenty that lie aslant, are looked for on a plain ground alone.
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
_Marks: TypeAlias = npt.NDArray[np.bool_]
_Counts: TypeAlias = npt.NDArray[np.int32]

#: Pixels of a side below which nothing can be read.
MIN_SIDE = 24
#: Pixels across a stroke.
STROKE = 4
#: Strokes that a line has at its upper edge and at its lower, more than its surroundings have; in a scene, where the
#: windows of a house stand in lines, that goes for a line in the bands where overlays are, and another needs more.
LINE, LINE_IN_SCENE = 50, 120
BAND = 0.14
#: Pixels of half the stretch of a line that is looked at, and the heights that letters can have.
_HALF = 96
_HEIGHTS = range(8, 41)
#: Rows at an edge: those of the letters, those that are quiet, and between them one that may be blurred.
_LETTERS, _QUIET, _BLUR = 6, 4, 1
#: So many times as dense must the strokes be in the letters as beside them; so much rarer may those be that cross them.
_DENSER, _ALONG = 4, 2
#: A ground is plain where so much of it is of one grey, give or take two. The plainer it is the fewer strokes in a band
#: are plenty: so many times the square of what is of other greys.
PLAIN, PLENTY = 0.3, 3500
_THUMBNAIL = 64
#: Contrast of strokes on a plain ground, by how noisy that is, and in a scene, by how rough: some rows tell that.
_FAINTEST, _STRONGEST, _NOISIER = 14, 40, 8
_FAINTEST_IN_SCENE, _STRONGEST_IN_SCENE, _ROUGHER = 30, 70, 2
_ROUGH = 0.9
_SAMPLE = slice(None, None, 8)
#: So much smaller are large letters like others.
_LARGE = (slice(None, None, 3), slice(None, None, 3))


def look(pixels: npt.NDArray[np.uint8]) -> Look:
    """Return what a picture of some 1000 pixels looks like; colours count where greys tell nothing."""
    if min(pixels.shape[:2]) < MIN_SIDE:
        return "nothing"
    red, green, blue = (pixels[:, :, index].astype(np.int16) for index in range(3))
    for channel in ((red + green + blue) // 3, red, blue):
        seen = _look(channel)
        if seen != "nothing":
            return seen
    return "nothing"


def _look(grey: _Grey) -> Look:
    steps = np.abs(np.diff(grey[_SAMPLE], axis=1))
    ground = _ground(grey)
    if ground >= PLAIN:
        contrast = _within(_FAINTEST, _NOISIER * np.median(steps), _STRONGEST)
        if _has_line(grey, contrast, LINE) or _has_line(grey[_LARGE], _STRONGEST, LINE):
            return "page"
        if _fullest(grey) > PLENTY * (1 - ground) ** 2:
            return "page"
    rough = _ROUGHER * np.quantile(steps, _ROUGH)
    contrast = _within(_FAINTEST_IN_SCENE, rough, _STRONGEST_IN_SCENE)
    return "scene" if _has_line(grey, contrast, LINE_IN_SCENE) else "nothing"


def _within(least: int, value: np.floating, most: int) -> int:
    return min(max(least, int(value)), most)


def _ground(grey: _Grey) -> float:
    """Return how much of the picture is of one grey, noise aside: a pixel of the thumbnail is the mean of an area."""
    rows, columns = (max(side // _THUMBNAIL, 1) for side in grey.shape)
    fit = grey[: grey.shape[0] // rows * rows, : grey.shape[1] // columns * columns]
    means = np.reshape(fit, (fit.shape[0] // rows, rows, -1, columns)).mean(axis=(1, 3))
    counts = np.bincount(means.astype(np.int64).ravel(), minlength=256)
    return float(np.convolve(counts, np.ones(5), "same").max() / means.size)


def _fullest(grey: _Grey) -> int:
    """Return the number of strong strokes that go on, light or dark, in the band that has most of them."""
    most = 0
    for turned in (grey, np.transpose(grey)):
        rows = np.max([_going_on(marks).sum(axis=1) for marks in _strokes(turned, _STRONGEST)], axis=0)
        sums, height = _summed(rows[:, None], 1, 0), max(int(len(rows) * BAND), 1)
        most = max(most, int((sums[height:] - sums[:-height]).max()))
    return most


def _going_on(marks: _Marks) -> _Marks:
    """Return which strokes are there some rows below, too, if aslant: those of letters are, stars are not."""
    below: _Marks = marks[STROKE:]
    near: _Marks = np.copy(below)
    for distance in range(1, STROKE + 1):
        near[:, distance:] |= below[:, :-distance]
        near[:, :-distance] |= below[:, distance:]
    near &= marks[:-STROKE]
    return near


def _has_line(grey: _Grey, contrast: int, least: int) -> bool:
    """Whether the picture has a line of text, of light strokes or of dark ones, that runs across or downwards."""
    across = _strokes(grey, contrast)
    down = [np.transpose(marks) for marks in _strokes(np.transpose(grey), contrast)]
    return any(
        _is_line(one, other, least) or _is_line(np.transpose(other), np.transpose(one), least)
        for one, other in zip(across, down, strict=True)
    )


def _strokes(grey: _Grey, contrast: int) -> tuple[_Marks, _Marks]:
    """Return where light strokes begin, and dark ones: steps followed by one of the other kind within a stroke."""
    steps = np.diff(grey, axis=1, append=grey[:, -1:])
    up, down = steps > contrast, steps < -contrast
    return _followed(up, down), _followed(down, up)


def _followed(first: _Marks, second: _Marks) -> _Marks:
    near = np.zeros_like(second)
    for distance in range(1, STROKE + 1):
        near[:, :-distance] |= second[:, distance:]
    near &= first
    return near


def _is_line(strokes: _Marks, along: _Marks, least: int) -> bool:
    """Whether somewhere many strokes begin in one row and end in another; ``along`` are those that cross them."""
    counts = _counted(strokes)
    upper, lower = _edges(counts), _edges(counts[::-1])[::-1]
    if min(upper.max(), lower.max()) < LINE:
        return False
    needed = np.full((len(upper), 1), least)
    band = int(len(upper) * BAND)
    needed[:band] = needed[len(needed) - band :] = LINE
    crossed = _summed(_counted(along), 1, 0)
    for height in _HEIGHTS:
        inside = _ALONG * (crossed[height:] - crossed[:-height])
        if (np.minimum(np.minimum(upper[:-height], lower[height:]), inside) >= needed[:-height]).any():
            return True
    return False


def _counted(marks: _Marks) -> _Counts:
    """Return how many marks each row has in each stretch; the stretches overlap by half."""
    halves = np.add.reduceat(marks.astype(np.uint8), range(0, marks.shape[1], _HALF), axis=1)
    halves = np.pad(halves, ((0, 0), (0, 1))).astype(np.int32)
    return halves[:, :-1] + halves[:, 1:]


def _edges(counts: _Counts) -> _Counts:
    """Return, of each row and one more, by how much more strokes there are below its upper edge than above it."""
    sums = _summed(counts, _QUIET + _BLUR + 1, _LETTERS)
    rows, first = len(counts) + 1, _QUIET + _BLUR
    letters = sums[first + _LETTERS :] - sums[first : first + rows]
    quiet = sums[_QUIET : _QUIET + rows] - sums[:rows]
    return letters - _DENSER * _LETTERS // _QUIET * quiet


def _summed(counts: _Counts, above: int, below: int) -> _Counts:
    """Return the sums of all rows so far, with so many empty ones around them."""
    sums: _Counts = np.cumsum(np.pad(counts, ((above, below), (0, 0))), axis=0, dtype=np.int32)
    return sums


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
