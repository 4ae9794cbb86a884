"""Which device the names and boxes of a file are of, and what kind of camera that is: data, in ``cameras.toml``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from ...model import Camera
from ...toml_source import TomlSource
from .metadata import Metadata

__all__ = ["Device", "devices", "recognise", "recognise_name"]

#: From this speed on a camera moved with a vehicle or a runner. Telephones write up to 6 km/h for one that lies still.
MOVING_KMH = 9.0
#: Characters of names that are looked at.
MAX_CHARS = 1024

_WORD = re.compile(r"[^\W_]+")
_DIGITS = re.compile(r"\d+")
#: The last part of an address or a path, without what an address asks for.
_LAST_PART = re.compile(r"([^/\\?#]*)(?:[?#].*)?\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Device:
    """One entry of ``cameras.toml``."""

    id: str
    camera: Camera
    police_only: bool = False


MOVING = Device("gps-speed", "other_mobile")


@dataclass(frozen=True, slots=True)
class _Table:
    """Names by their first word, the longest first; and boxes."""

    names: dict[str, tuple[tuple[tuple[str, ...], Device], ...]]
    boxes: dict[str, Device]


@lru_cache
def _entries() -> tuple[tuple[Device, tuple[str, ...], tuple[str, ...]], ...]:
    """Return each device with its names and boxes."""
    path = Path(__file__).parent / "cameras.toml"
    entries = cast("list[dict[str, Any]]", TomlSource.parse(path.name, path.read_bytes()).data["device"])
    return tuple(
        (
            Device(entry["id"], entry["camera"], entry.get("police_only", False)),
            tuple(entry.get("names", ())),
            tuple(entry.get("boxes", ())),
        )
        for entry in entries
    )


def devices() -> tuple[Device, ...]:
    """Return every device that can be recognised."""
    return (*(device for device, *_ in _entries()), MOVING)


@lru_cache
def _table() -> _Table:
    names: dict[str, list[tuple[tuple[str, ...], Device]]] = {}
    boxes: dict[str, Device] = {}
    for device, its_names, its_boxes in _entries():
        boxes.update(dict.fromkeys(its_boxes, device))
        for name in its_names:
            words = tuple(name.split())
            names.setdefault(words[0], []).append((words, device))
    return _Table({word: tuple(sorted(some, key=lambda n: -len(n[0]))) for word, some in names.items()}, boxes)


def recognise(metadata: Metadata) -> Device | None:
    """Return the device that a file's headers name, by its longest name, then by its boxes, then by its speed."""
    if metadata.device and (device := _named(" ".join(metadata.device))) is not None:
        return device
    if metadata.boxes:
        known = _table().boxes
        found = sorted((known[box] for box in metadata.boxes & known.keys()), key=lambda device: device.id)
        if found:
            return found[0]
    return MOVING if metadata.speed_kmh >= MOVING_KMH else None


def recognise_name(name: str) -> Device | None:
    """Return the device in the last part of a file's name or address; never a police device: anybody names files."""
    last = _LAST_PART.search(name[-MAX_CHARS:])
    device = _named(last[1]) if last is not None and last[1] else None
    return None if device is None else Device(device.id, device.camera)


def _named(text: str) -> Device | None:
    best: tuple[int, Device] | None = None
    for length, device in _matches([word.lower() for word in _WORD.findall(text[:MAX_CHARS])]):
        if best is None or length > best[0]:
            best = length, device
    return None if best is None else best[1]


def _matches(words: list[str]) -> Iterator[tuple[int, Device]]:
    """Yield each name that stands in ``words``, as its number of words and its device."""
    table = _table().names
    forms = [(word, _DIGITS.sub("#", word)) for word in words]
    for at, pair in enumerate(forms):
        for first in dict.fromkeys(pair):
            for name, device in table.get(first, ()):
                if len(name) <= len(words) - at and _is_at(name, forms[at:]):
                    yield len(name), device


def _is_at(name: Iterable[str], forms: Iterable[tuple[str, str]]) -> bool:
    return all(word in pair for word, pair in zip(name, forms, strict=False))
