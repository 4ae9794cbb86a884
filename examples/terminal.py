"""Where the demo prints: in colour on a terminal that wants it, and plainly everywhere else."""

from __future__ import annotations

import io
import os
import shutil
import sys
import textwrap
import time
from collections.abc import Iterable

from pictures import Colour, Picture

CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
#: Seconds between the words of a stream, so that an eye can follow; none where nobody watches.
TYPING_S = 0.06


class Terminal:
    """Prints in colour where there is a terminal that wants it, and plainly everywhere else."""

    def __init__(self) -> None:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")  # a terminal that has no check mark still gets the text
        is_terminal = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
        self.is_live = is_terminal
        self.has_colour = is_terminal and not os.environ.get("NO_COLOR")
        self.width = max(60, min(shutil.get_terminal_size((96, 24)).columns, 100)) - 2

    def paint(self, text: str, *styles: str) -> str:
        """Return ``text`` in the styles of ``CODES``."""
        codes = ";".join(CODES[style] for style in styles)
        return f"\x1b[{codes}m{text}\x1b[0m" if self.has_colour and codes else text

    def line(self, text: str = "") -> None:
        """Print one line at once, so that it stands there while a request runs."""
        print(text, flush=True)

    def wrapped(self, label: str, text: str, *styles: str, indent: int = 5) -> None:
        """Print ``text`` beside a label, its further lines below its first one."""
        room = self.width - indent - 9
        for number, part in enumerate(textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False)):
            head = self.paint(f"{label if number == 0 else '':<9}", "dim")
            self.line(f"{'':<{indent}}{head}{self.paint(part, *styles)}")

    def show(self, picture: Picture) -> None:
        """Draw a picture, two pixels a character; without colour, say what it shows."""
        if not self.has_colour:
            size = f"{len(picture.rows[0]) * 8}x{len(picture.rows) * 8}"
            self.line(f"{'':<14}[{picture.name}, PNG, {size}]")
            return
        rows = picture.rows
        for upper, lower in zip(rows[::2], rows[1::2], strict=True):
            cells = (f"\x1b[38;2;{_rgb(a)};48;2;{_rgb(b)}m▀" for a, b in zip(upper, lower, strict=True))
            self.line(f"{'':<14}{''.join(cells)}\x1b[0m")
        self.line(f"{'':<14}{self.paint(picture.name, 'dim')}")

    def typed(self, pieces: Iterable[str]) -> None:
        """Print pieces as they come, at a speed that an eye can follow."""
        label = self.paint("answer".ljust(9), "dim")
        print(f"{'':<5}{label}", end="", flush=True)
        for piece in pieces:
            print(self.paint(piece, "green"), end="", flush=True)
            time.sleep(TYPING_S if self.is_live else 0)
        self.line()


def _rgb(colour: Colour) -> str:
    return ";".join(str(part) for part in colour)
