"""Which device the names and boxes of a file are of, and what kind of camera that is: data, in ``cameras.toml``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias, cast

from ...model.request import Camera
from ...toml_source import TomlSource
from .metadata import Metadata

__all__ = ["Device", "devices", "recognise", "recognise_name", "recognise_overlay"]

#: From this speed on a camera moved with a vehicle or a runner. Telephones write up to 6 km/h for one that lies still.
MOVING_KMH = 9.0
#: Characters of names that are looked at.
MAX_CHARS = 1024

_WORD = re.compile(r"[^\W_]+")
_DIGITS = re.compile(r"\d+")
#: Digits as which text recognition takes letters of the usual overlay: "AX0N B0DY".
_MISREAD = str.maketrans("0158", "oisb")
#: The last part of an address or a path, without what an address asks for.
_LAST_PART = re.compile(r"([^/\\?#]*)(?:[?#].*)?\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Device:
    """One entry of ``cameras.toml``."""

    id: str
    camera: Camera
    police_only: bool = False


MOVING = Device("gps-speed", "other_mobile")


#: Names by their first word, each as its words and its device.
_Names: TypeAlias = dict[str, tuple[tuple[tuple[str, ...], Device], ...]]


@dataclass(frozen=True, slots=True)
class _Table:
    """Names by their first word, the longest first; and boxes. ``overlays`` are names that count in overlays alone."""

    names: _Names
    boxes: dict[str, Device]
    overlays: _Names


@lru_cache
def _entries() -> tuple[tuple[Device, tuple[str, ...], tuple[str, ...], tuple[str, ...]], ...]:
    """Return each device with its names, its boxes and what only its overlays say."""
    path = Path(__file__).parent / "cameras.toml"
    entries = cast("list[dict[str, Any]]", TomlSource.parse(path.name, path.read_bytes()).data["device"])
    return tuple(
        (
            Device(entry["id"], entry["camera"], entry.get("police_only", False)),
            tuple(entry.get("names", ())),
            tuple(entry.get("boxes", ())),
            tuple(entry.get("overlays", ())),
        )
        for entry in entries
    )


def devices() -> tuple[Device, ...]:
    """Return every device that can be recognised."""
    return (*(device for device, *_ in _entries()), MOVING)


@lru_cache
def _table() -> _Table:
    boxes = {box: device for device, _, its_boxes, _ in _entries() for box in its_boxes}
    names = [(name, device) for device, its_names, *_ in _entries() for name in its_names]
    overlays = [(name, device) for device, *_, its_overlays in _entries() for name in its_overlays]
    return _Table(_by_first_word(names), boxes, _by_first_word(overlays))


def _by_first_word(names: Iterable[tuple[str, Device]]) -> _Names:
    found: dict[str, list[tuple[tuple[str, ...], Device]]] = {}
    for name, device in names:
        words = tuple(name.split())
        found.setdefault(words[0], []).append((words, device))
    return {word: tuple(sorted(some, key=lambda n: -len(n[0]))) for word, some in found.items()}


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


def recognise_overlay(text: str) -> Device | None:
    """Return the device that an overlay tells of, which was burned into a picture and read back."""
    words = [word.lower() for word in _WORD.findall(text[:MAX_CHARS])]
    forms = [(word, _DIGITS.sub("#", word), word.translate(_MISREAD)) for word in words]
    return _best(forms, _table().names) or _best(forms, _table().overlays)


def _named(text: str) -> Device | None:
    words = [word.lower() for word in _WORD.findall(text[:MAX_CHARS])]
    return _best([(word, _DIGITS.sub("#", word)) for word in words], _table().names)


def _best(words: Sequence[tuple[str, ...]], table: _Names) -> Device | None:
    """Return the device of the longest name in ``words``, which are given in each form that a name may have."""
    best: tuple[int, Device] | None = None
    for length, device in _matches(words, table):
        if best is None or length > best[0]:
            best = length, device
    return None if best is None else best[1]


def _matches(words: Sequence[tuple[str, ...]], table: _Names) -> Iterator[tuple[int, Device]]:
    """Yield each name that stands in ``words``, as its number of words and its device."""
    for at, forms in enumerate(words):
        for first in dict.fromkeys(forms):
            for name, device in table.get(first, ()):
                if len(name) <= len(words) - at and _is_at(name, words[at:]):
                    yield len(name), device


def _is_at(name: Iterable[str], words: Iterable[tuple[str, ...]]) -> bool:
    return all(word in forms for word, forms in zip(name, words, strict=False))
