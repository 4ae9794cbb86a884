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
#: Pixels of a picture that is decoded at all. A telephone takes 12 to 50 million.
MAX_PIXELS = 64_000_000
#: Pictures that are looked at of one that moves, the first and the last among them.
MAX_FRAMES = 4
#: First bytes of what Pillow reads. Videos are not among them.
_DRAWN = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*")
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
            image.draft("RGB", (MAX_SIDE, MAX_SIDE))
            is_small = image.width * image.height <= MAX_PIXELS
            last = getattr(image, "n_frames", 1) - 1
            for index in sorted({last * n // (MAX_FRAMES - 1) for n in range(MAX_FRAMES)} if is_small else ()):
                if last:
                    image.seek(index)
                yield _pixels(image)
    except Exception as error:  # a decoder fails in as many ways as there are formats
        raise Undrawable from error
    if not is_small:
        raise Undrawable


def _pixels(image: Untyped) -> Pixels:
    upright = import_module("PIL.ImageOps").exif_transpose(image)
    small = upright.copy()
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
