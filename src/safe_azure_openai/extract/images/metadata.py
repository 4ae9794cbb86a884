"""What was found in the headers of one file, bounded however much stands there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Field", "Metadata", "Notes", "text_in"]

#: What a header says: the device, its serial number, or words that somebody wrote.
Field = Literal["device", "serial", "words"]

MAX_CHARS = 200
MAX_VALUES = 12
MAX_BOXES = 96


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a picture or video carries about itself.

    Attributes:
        device: make, model, software, lens and other names of devices, in the order of the file.
        words: what somebody wrote: description, author, owner, copyright, comment.
        serial: the serial number of the device.
        speed_kmh: how fast the camera moved, where the file says so.
        boxes: boxes of a video, each as ``parent/type``; some brands are known by them.
    """

    device: tuple[str, ...] = ()
    words: tuple[str, ...] = field(default=(), repr=False)
    serial: str = field(default="", repr=False)
    speed_kmh: float = 0.0
    boxes: frozenset[str] = field(default=frozenset(), repr=False)


class Notes:
    """Collects metadata while a file is read. What is long is cut, what repeats or is too much is left out."""

    __slots__ = ("_boxes", "_values", "speed_kmh")

    def __init__(self) -> None:
        self._values: dict[Field, dict[str, None]] = {"device": {}, "serial": {}, "words": {}}
        self._boxes: set[str] = set()
        self.speed_kmh = 0.0

    def add(self, kind: Field, value: str) -> None:
        """Note one value, without what cannot be printed."""
        value = " ".join("".join(char if char.isprintable() else " " for char in value[:MAX_CHARS]).split())
        values = self._values[kind]
        if value and len(values) < MAX_VALUES:
            values[value] = None

    def add_box(self, name: str) -> None:
        """Note that a box is there."""
        if len(self._boxes) < MAX_BOXES:
            self._boxes.add(name)

    def metadata(self) -> Metadata | None:
        """Return what was noted, ``None`` if nothing was."""
        values = self._values
        if not (any(values.values()) or self._boxes or self.speed_kmh):
            return None
        return Metadata(
            tuple(values["device"]),
            tuple(values["words"]),
            next(iter(values["serial"]), ""),
            self.speed_kmh,
            frozenset(self._boxes),
        )


def text_in(data: bytes) -> str:
    """Return the text of a header's field: up to a zero, in UTF-8, else in Latin-1."""
    data = data.partition(b"\0")[0]
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")
