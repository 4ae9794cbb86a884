"""Pictures that the tests film: a camera that turns within a place, a time-lapse, portraits, pages."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SIZE = (320, 240)


class Camera:
    """A camera that turns to and fro in a place of its own; each picture has its own noise."""

    def __init__(self, place: int) -> None:
        self._random = np.random.default_rng(place)
        self._panorama = _street(place)
        self._at = self._panorama.width / 2

    def picture(self) -> Image.Image:
        """Return the next picture: turned by up to a sixth of its width."""
        low, high = SIZE[0] // 2, self._panorama.width - SIZE[0]
        self._at = float(np.clip(self._at + self._random.uniform(-50, 50), low, high))
        left, top = int(self._at), int(self._random.integers(0, 8))
        seen = self._panorama.crop((left, top, left + SIZE[0], top + SIZE[1]))
        return _noisy(seen, self._random)


def _street(place: int) -> Image.Image:
    """Return walls, doors, windows and lamps from left to right, the same for the same place."""
    random = np.random.default_rng(1000 + place)
    width, height = 4 * SIZE[0], SIZE[1] + 8
    image = Image.new("RGB", (width, height), (150, 170, 200))
    draw = ImageDraw.Draw(image)
    for _ in range(160):
        left, top = random.integers(0, width), random.integers(0, height)
        right, bottom = left + random.integers(15, 120), top + random.integers(20, 160)
        draw.rectangle((int(left), int(top), int(right), int(bottom)), fill=_colour(random))
    return image.filter(ImageFilter.GaussianBlur(2))


def portrait(person: int) -> Image.Image:
    """Return somebody's head and shoulders before a plain ground."""
    random = np.random.default_rng(2000 + person)
    image = Image.new("RGB", SIZE, (225, 225, 228))
    draw = ImageDraw.Draw(image)
    draw.ellipse((90, 150, 230, 330), fill=_colour(random))
    draw.ellipse((120, 50, 200, 160), fill=_colour(random))
    return image


def document(number: int) -> Image.Image:
    """Return a page of text, each with words of its own."""
    image = Image.new("RGB", (900, 260), (250, 248, 240))
    draw = ImageDraw.Draw(image)
    for line in range(12):
        words = f"Item {number * 7 + line}: delivered on day {line * number % 28}, " * (1 + (line + number) % 3)
        draw.text((40, 20 + 18 * line), words, fill=(20, 20, 20))
    return image


def encoded(image: Image.Image, kind: str = "JPEG") -> bytes:
    """Return a picture as a file."""
    out = io.BytesIO()
    image.save(out, kind)
    return out.getvalue()


def data_url(image: Image.Image, kind: str = "JPEG") -> str:
    """Return a picture as an address that holds it."""
    return f"data:image/{kind.lower()};base64,{base64.b64encode(encoded(image, kind)).decode()}"


def _colour(random: np.random.Generator) -> tuple[int, int, int]:
    red, green, blue = (int(value) for value in random.integers(20, 235, 3))
    return red, green, blue


def _noisy(image: Image.Image, random: np.random.Generator) -> Image.Image:
    noise = random.normal(0, 5, (image.height, image.width, 3))
    return Image.fromarray((np.asarray(image) + noise).clip(0, 255).astype(np.uint8))
