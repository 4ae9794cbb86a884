"""The demo's pictures: drawn here, one letter a pixel, so that no photograph of anybody is in this project."""

from __future__ import annotations

import base64
import struct
import zlib
from dataclasses import dataclass
from typing import Any

Colour = tuple[int, int, int]

PALETTE: dict[str, Colour] = {
    ".": (38, 44, 58),  # wall
    "_": (92, 98, 110),  # pavement
    "s": (232, 184, 148),  # skin
    "S": (150, 104, 76),  # darker skin
    "h": (70, 46, 34),  # hair
    "b": (60, 110, 190),  # blue
    "g": (86, 150, 96),  # green
    "y": (226, 178, 70),  # yellow
    "e": (24, 24, 28),  # eyes
    "m": (176, 78, 74),  # mouth
    "r": (230, 60, 60),  # recording
    "w": (232, 236, 240),  # white
}

STREET_DRAWING = """
............................
...hhhh.....hhhh.....yyyy...
..hssssh...hSSSSh...yssssy..
...seses....SeSeS....seses..
...sssss....SSSSS....sssss..
...smmss....SmmSS....smmss..
....sss......SSS......sss...
..bbbbbbb..ggggggg..yyyyyyy.
..bbbbbbb..ggggggg..yyyyyyy.
____________________________
"""

PORTRAIT_DRAWING = """
................
....hhhhhhhh....
...hhhhhhhhhh...
...hssssssssh...
...sswesswess...
....ssssssss....
....sssmmsss....
.....ssssss.....
...bbbbssbbbb...
..bbbbbbbbbbbb..
"""

BODY_CAMERA_DRAWING = """
rr....................ww
rr..hhhhhh..............
...hSSSSSSh.............
...SweSSweS.......hhhh..
...SSSSSSSS......hssssh.
....SSmmSS........seses.
..yyyySSyyyy......sssss.
.yyyyyyyyyyyy......sss..
.yyyyyyyyyyyy____ggggggg
________________________
"""


@dataclass(frozen=True)
class Picture:
    """A drawing with a name: PNG for the model, coloured half blocks for you."""

    name: str
    drawing: str

    @property
    def rows(self) -> list[list[Colour]]:
        """The pixels, one a letter, row by row."""
        return [[PALETTE[letter] for letter in line] for line in self.drawing.strip("\n").split("\n")]

    def data_url(self, scale: int = 8) -> str:
        """Return the picture as a PNG in a data URL, each letter ``scale`` pixels wide and high."""
        rows = self.rows
        scanlines = (b"\0" + b"".join(bytes(pixel) * scale for pixel in row) for row in rows for _ in range(scale))
        header = struct.pack(">IIBBBBB", len(rows[0]) * scale, len(rows) * scale, 8, 2, 0, 0, 0)
        chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"".join(scanlines))), (b"IEND", b""))
        png = b"\x89PNG\r\n\x1a\n" + b"".join(
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
            for kind, data in chunks
        )
        return "data:image/png;base64," + base64.b64encode(png).decode()

    def part(self) -> dict[str, Any]:
        """Return the picture as a part of a chat message."""
        return {"type": "image_url", "image_url": {"url": self.data_url()}}


STREET = Picture("three people on a street", STREET_DRAWING)
PORTRAIT = Picture("a man in a blue shirt", PORTRAIT_DRAWING)
FRAMES = tuple(Picture(f"frame {number}", BODY_CAMERA_DRAWING) for number in (41, 42))
