"""Pictures that the tests draw: pages, scenes without text, and frames of a camera with its overlay."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image, ImageDraw, ImageFont

WHITE, BLACK = (255, 255, 255), (0, 0, 0)
Colour = tuple[int, int, int]


def page(
    *lines: str, size: tuple[int, int] = (900, 260), ink: Colour = (20, 20, 20), ground: Colour = (250, 248, 240)
) -> Image.Image:
    """Return a screenshot: lines of text on a plain ground."""
    image = Image.new("RGB", size, ground)
    draw = ImageDraw.Draw(image)
    for number, line in enumerate(lines):
        draw.text((40, 40 + 36 * number), line, fill=ink, font=ImageFont.load_default(22))
    return image


def scene(size: tuple[int, int] = (640, 480)) -> Image.Image:
    """Return something without text: soft shapes and the grain of a sensor, the same each time."""
    grain = np.random.default_rng(1)
    across, down = np.meshgrid(np.linspace(0, 9, size[0]), np.linspace(0, 7, size[1]))
    shapes = 120 + 60 * np.sin(across) * np.cos(down) + 30 * np.sin(across * down / 4)
    pixels = shapes[:, :, None] + grain.normal(0, 4, (size[1], size[0], 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def frame(*overlay: str) -> Image.Image:
    """Return a scene with an overlay at its upper right, white with a dark edge."""
    image = scene()
    draw = ImageDraw.Draw(image)
    for number, line in enumerate(overlay):
        draw.text(
            (620, 12 + 22 * number), line, fill=WHITE, font=ImageFont.load_default(17), anchor="ra", stroke_width=1,
            stroke_fill=BLACK,
        )  # fmt: skip
    return image


def noisy(image: Image.Image, deviation: float) -> Image.Image:
    """Return the picture with noise on it."""
    noise = np.random.default_rng(2).normal(0, deviation, (image.height, image.width, 3))
    return Image.fromarray((np.asarray(image) + noise).clip(0, 255).astype(np.uint8))


def encoded(image: Image.Image, kind: str = "PNG") -> bytes:
    """Return a picture as a file."""
    out = io.BytesIO()
    image.save(out, kind)
    return out.getvalue()


def data_url(image: Image.Image, kind: str = "PNG") -> str:
    """Return a picture as an address that holds it."""
    return f"data:image/{kind.lower()};base64,{base64.b64encode(encoded(image, kind)).decode()}"
