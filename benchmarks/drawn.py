"""Pictures that the benchmarks draw: photographs, pages, and what a camera films."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

__all__ = ["encoded", "frames", "page", "photograph", "renewed", "url"]

PROSE = (
    "The committee met on Tuesday to talk about the budget for the coming year, and",
    "whether the library should open on Sundays. Most members agreed that it should,",
    "provided that volunteers can be found.",
)


def encoded(image: Image.Image, kind: str = "JPEG") -> bytes:
    """Return a picture as a file."""
    file = io.BytesIO()
    image.save(file, kind, quality=90)
    return file.getvalue()


def url(data: bytes) -> str:
    """Return a file as an address that holds it."""
    kind = "png" if data.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def renewed(data: bytes, count: int) -> Iterator[bytes]:
    """Yield the same picture with other bytes behind its end, so that none of them is known from before."""
    for number in range(count):
        yield data + number.to_bytes(8, "big")


def page(lines: int = 3) -> Image.Image:
    """Return a screenshot of so many lines."""
    image = Image.new("RGB", (1000, 80 + 36 * lines), (250, 248, 240))
    draw = ImageDraw.Draw(image)
    for number in range(lines):
        draw.text((40, 40 + 36 * number), PROSE[number % len(PROSE)], (20, 20, 20), ImageFont.load_default(22))
    return image


def photograph(width: int, height: int) -> Image.Image:
    """Return coloured shapes with the grain of a sensor."""
    grain = np.random.default_rng(2).standard_normal((height, width, 3), dtype=np.float32) * 5
    shapes = np.asarray(street(width // 4, height), dtype=np.float32)
    return Image.fromarray((shapes + grain).clip(0, 255).astype(np.uint8))


def street(width: int, height: int) -> Image.Image:
    """Return something to film: coloured blocks, four pictures wide."""
    random = np.random.default_rng(1)
    blocks = random.integers(0, 255, (12, 64, 3), dtype=np.uint8)
    return Image.fromarray(blocks).resize((4 * width, height), Image.Resampling.NEAREST).filter(ImageFilter.BoxBlur(2))


def frames(width: int, height: int, count: int) -> list[bytes]:
    """Return pictures of a camera that turns, as JPEG."""
    panorama = street(width, height)
    out: list[bytes] = []
    for number in range(count):
        left = int((1 + np.sin(number / 7)) * width)
        out.append(encoded(panorama.crop((left, 0, left + width, height))))
    return out
