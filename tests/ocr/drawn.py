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


def grass(size: tuple[int, int] = (640, 480)) -> Image.Image:
    """Return blades, each of a green of its own, that stand over one another."""
    chance = np.random.default_rng(3)
    image = Image.new("RGB", size, (30, 60, 20))
    draw = ImageDraw.Draw(image)
    for _ in range(size[0] * size[1] // 60):
        x, y, lean, height = chance.integers((0, 0, -9, 12), (size[0], size[1] + 40, 10, 40)).tolist()
        green, width = chance.integers((60, 1), (250, 4)).tolist()
        draw.line((x, y, x + lean, y - height), fill=(green * 3 // 4, green, green // 3), width=width)
    return image


def foliage(size: tuple[int, int] = (640, 480)) -> Image.Image:
    """Return leaves with the sky between them."""
    chance = np.random.default_rng(4)
    image = Image.new("RGB", size, (215, 230, 250))
    draw = ImageDraw.Draw(image)
    for _ in range(size[0] * size[1] // 40):
        x, y, across, down, green = chance.integers((0, 0, 2, 2, 20), (*size, 9, 9, 170)).tolist()
        draw.ellipse((x, y, x + across, y + down), fill=(green // 2, green, green // 4))
    return image


def stars(size: tuple[int, int] = (640, 480)) -> Image.Image:
    """Return a night sky: small lights on a plain ground."""
    chance = np.random.default_rng(5)
    image = Image.new("RGB", size, (6, 8, 20))
    draw = ImageDraw.Draw(image)
    for _ in range(size[0] * size[1] // 200):
        x, y, width, light = chance.integers((0, 0, 0, 60), (*size, 3, 256)).tolist()
        draw.ellipse((x, y, x + width, y + width), fill=(light, light, light))
    return image


def bricks(size: tuple[int, int] = (640, 480)) -> Image.Image:
    """Return a wall: bricks of many reds, and pale joints between them."""
    chance = np.random.default_rng(6)
    image = Image.new("RGB", size, (225, 220, 210))
    draw = ImageDraw.Draw(image)
    for row, y in enumerate(range(0, size[1], 14)):
        for x in range(-15 * (row % 2), size[0], 30):
            red = int(chance.integers(50, 110))
            draw.rectangle((x, y, x + 26, y + 10), fill=(red, red // 2, red // 3))
    return image


def frame(*overlay: str, image: Image.Image | None = None) -> Image.Image:
    """Return a scene with an overlay at its upper right, white with a dark edge."""
    image = image or scene()
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
