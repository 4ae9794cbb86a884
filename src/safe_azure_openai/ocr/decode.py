"""The pixels of a picture, as many as reading needs, however large it claims to be."""

from __future__ import annotations

import io
from collections.abc import Iterator
from importlib import import_module

import numpy as np

from .line import Pixels, Untyped

__all__ = ["Undrawable", "frames", "is_drawn"]

#: Longest side that is read; the service itself makes larger pictures smaller.
MAX_SIDE = 2000
#: Longest side that is as good as that: half of a frame of 3840 pixels is 1920, and a JPEG is decoded by halves.
ENOUGH = 1800
#: Pixels of a picture that is decoded at all. A telephone takes 12 to 50 million.
MAX_PIXELS = 64_000_000
#: Pictures that are looked at of one that moves, the first and the last among them.
MAX_FRAMES = 4
#: First bytes of what Pillow reads. Videos are not among them.
_DRAWN = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51")
_BRANDS = (b"avif", b"avis", b"heic", b"heix", b"mif1")


class Undrawable(ValueError):  # noqa: N818 - it says what the bytes are
    """The bytes are no picture that can be decoded, or it is too large."""


def is_drawn(data: bytes) -> bool:
    """Whether these are the bytes of a picture, and not those of a video."""
    if data[:4] == b"RIFF":
        return data[8:12] == b"WEBP"
    return data.startswith(_DRAWN) or (data[4:8] == b"ftyp" and data[8:12] in _BRANDS)


def frames(data: bytes) -> Iterator[Pixels]:
    """Yield the pixels of a picture; of one that moves, those of some of its frames.

    Raises:
        Undrawable: it cannot be decoded.
    """
    try:
        with import_module("PIL.Image").open(io.BytesIO(data)) as image:
            share = ENOUGH / max(image.size)
            image.draft("RGB", (int(image.width * share) or 1, int(image.height * share) or 1))
            is_small = image.width * image.height <= MAX_PIXELS
            if is_small:
                yield _pixels(image)
                last = _last(image)
                for index in sorted({last * n // (MAX_FRAMES - 1) for n in range(MAX_FRAMES)} - {0}):
                    image.seek(index)
                    yield _pixels(image)
    except Exception as error:  # a decoder fails in as many ways as there are formats
        raise Undrawable from error
    if not is_small:
        raise Undrawable


def _last(image: Untyped) -> int:
    """Return the index of the last frame; 0 where there is but one, and where what stands behind it is none."""
    try:
        return int(getattr(image, "n_frames", 1)) - 1
    except Exception:  # noqa: BLE001 - as above; faxes in a PDF end in such a way
        return 0


def _pixels(image: Untyped) -> Pixels:
    small = import_module("PIL.ImageOps").exif_transpose(image)  # a copy
    small.thumbnail((MAX_SIDE, MAX_SIDE))
    if "A" in small.getbands() or "transparency" in small.info:
        return _on_ground(np.asarray(small.convert("RGBA"), dtype=np.uint8))
    return np.asarray(small.convert("RGB"), dtype=np.uint8)


def _on_ground(pixels: Pixels) -> Pixels:
    """Return a picture with holes on a ground that its content stands out from."""
    alpha = pixels[:, :, 3:].astype(np.float32) / 255
    weight = float(alpha.sum())
    mean = float((pixels[:, :, :3] * alpha).sum()) / (3 * weight) if weight else 0.0
    ground = 255.0 if mean < 128 else 0.0
    drawn: Pixels = (pixels[:, :, :3] * alpha + ground * (1 - alpha)).astype(np.uint8)
    return drawn
