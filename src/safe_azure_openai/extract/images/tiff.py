"""EXIF: the directories of a TIFF block. Sources: TIFF 6.0, section 2; CIPA DC-008 (Exif 3.0), section 4.6."""

from __future__ import annotations

import math
import struct

from .metadata import Field, Notes, text_in
from .source import Source
from .xmp import read_xmp

__all__ = ["read_tiff"]

_MAX_ENTRIES = 256
_ORDER = {b"II*\0": "<", b"MM\0*": ">"}
_EXIF_IFD, _GPS_IFD, _XMP, _SPEED_REF, _SPEED = 0x8769, 0x8825, 0x02BC, 0x000C, 0x000D

#: Tags that are read, and what they are of.
_TAGS: dict[int, Field] = {
    0x010E: "words",  # ImageDescription
    0x010F: "device",  # Make
    0x0110: "device",  # Model
    0x0131: "device",  # Software
    0x013B: "words",  # Artist
    0x013C: "device",  # HostComputer
    0x8298: "words",  # Copyright
    0x9C9B: "words",  # XPTitle
    0x9C9C: "words",  # XPComment
    0x9C9D: "words",  # XPAuthor
    0x9C9E: "words",  # XPKeywords
    0x9C9F: "words",  # XPSubject
    0xC614: "device",  # UniqueCameraModel
    0xC62F: "serial",  # CameraSerialNumber
    0x9286: "words",  # UserComment
    0xA430: "words",  # CameraOwnerName
    0xA431: "serial",  # BodySerialNumber
    0xA433: "device",  # LensMake
    0xA434: "device",  # LensModel
}
_XP = range(0x9C9B, 0x9CA0)  # UTF-16, whatever the byte order of the rest
_USER_COMMENT = 0x9286
#: Bytes of one value of each type; values of up to four bytes stand in the entry itself.
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 129: 1}
_MAX_TEXT = 1024
_KMH = {b"K": 1.0, b"M": 1.609344, b"N": 1.852}


def read_tiff(source: Source, notes: Notes) -> None:
    """Note what a TIFF block says: its first directory, and the Exif and GPS directories that this one names.

    No directory is read twice, and none but these three, so directories that name one another in a circle end here.
    """
    order = _ORDER.get(source.read(0, 4))
    if order is None:
        return
    (first,) = struct.unpack(order + "I", source.read(4, 4))
    named = _read_directory(source, first, order, notes)
    for pointer in (named.get(_EXIF_IFD), named.get(_GPS_IFD)):
        if pointer is not None:
            _read_directory(source, struct.unpack(order + "I", pointer[:4])[0], order, notes)


def _read_directory(source: Source, at: int, order: str, notes: Notes) -> dict[int, bytes]:
    """Note the text of one directory; return the values that point elsewhere or are numbers."""
    (count,) = struct.unpack(order + "H", source.read(at, 2))
    entries = source.read(at + 2, 12 * min(count, _MAX_ENTRIES))
    found: dict[int, bytes] = {}
    for tag, type_, number, inline in struct.iter_unpack(order + "HHI4s", entries[: len(entries) // 12 * 12]):
        kind = _TAGS.get(tag)
        if kind is None and tag not in (_EXIF_IFD, _GPS_IFD, _XMP, _SPEED_REF, _SPEED):
            continue
        size = _SIZES.get(type_, 0) * number
        place = int(struct.unpack(order + "I", inline)[0])
        if tag == _XMP:
            read_xmp(source.part(place, size), notes)
        else:
            value = inline[:size] if size <= 4 else source.read(place, min(size, _MAX_TEXT))
            if kind is not None:
                notes.add(kind, _text(tag, value, order))
            else:
                found[tag] = value
    speed = _speed(found, order)
    notes.speed_kmh = speed or notes.speed_kmh
    return found


def _text(tag: int, value: bytes, order: str) -> str:
    if tag in _XP:
        return value.decode("utf-16-le", "replace").partition("\0")[0]
    if tag != _USER_COMMENT:
        return text_in(value)
    code, value = value[:8], value[8:]  # the first eight bytes name the character code
    if code == b"UNICODE\0":
        return value.decode("utf-16-be" if order == ">" else "utf-16-le", "replace").partition("\0")[0]
    return text_in(value)


def _speed(found: dict[int, bytes], order: str) -> float:
    if len(found.get(_SPEED, b"")) < 8:
        return 0.0
    over, under = struct.unpack(order + "II", found[_SPEED][:8])
    speed = over / under * _KMH.get(found.get(_SPEED_REF, b"")[:1], 1.0) if under else 0.0
    return speed if math.isfinite(speed) and speed < 1_500 else 0.0  # faster is no camera's speed
