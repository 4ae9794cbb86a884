"""HEIC, AVIF, MP4 and MOV: boxes in boxes.

Sources: ISO/IEC 14496-12 (boxes, meta, iinf, iloc), ISO/IEC 23008-12, annex A (Exif items), Apple's QuickTime File
Format (user data, metadata keys); which brands write which boxes is said in ``cameras.toml``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from .metadata import Field, Notes, text_in
from .source import Source
from .tiff import read_tiff
from .xmp import read_xmp

__all__ = ["read_boxes"]

_MAX_BOXES = 64  # in one box
_MAX_DEPTH = 6
_MAX_TEXT = 512
_MAX_ITEMS = 64
_XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_CONTAINERS = frozenset({"moov", "udta", "trak", "meta", "ilst", "free", "skip"})

#: User data and the boxes of ``ilst``, some only in a certain box. Must stay out: "©xyz" is a place, "©day" a date.
_TEXTS: dict[str, Field] = {
    "\xa9mak": "device",
    "\xa9mod": "device",
    "\xa9swr": "device",
    "\xa9too": "device",
    "\xa9fmt": "device",
    "manu": "device",
    "modl": "device",
    "free/cprt": "device",  # where BlackVue names its maker
    "cprt": "words",
    "infi": "device",  # Nextbase
    "\xa9sn ": "serial",
    "SNum": "serial",
    "\xa9nam": "words",
    "\xa9cmt": "words",
    "\xa9des": "words",
    "\xa9ART": "words",
    "\xa9aut": "words",
    "\xa9cpy": "words",
    "titl": "words",
    "auth": "words",
    "dscp": "words",
}
_KEYS: dict[str, Field] = {
    "com.apple.quicktime.make": "device",
    "com.apple.quicktime.model": "device",
    "com.apple.quicktime.software": "device",
    "com.android.manufacturer": "device",
    "com.android.model": "device",
    "make": "device",
    "model": "device",
    "com.apple.quicktime.author": "words",
    "com.apple.quicktime.comment": "words",
    "com.apple.quicktime.description": "words",
    "com.apple.quicktime.copyright": "words",
    "artist": "words",
    "author": "words",
    "comment": "words",
    "copyright": "words",
    "description": "words",
    "title": "words",
}
#: First bytes of a box of nothing ("free", "skip", "uuid") that a maker fills.
_FILLED = ((b"GPS ", "freeGPS "), (b"LIGOGPSINFO", "LIGOGPSINFO"))


def read_boxes(source: Source, notes: Notes) -> None:
    """Note what the boxes say. The pictures' own boxes are skipped, so metadata at the end costs no more."""
    _read_level(source, "", notes, 0)


def _boxes(source: Source) -> Iterator[tuple[str, Source]]:
    """Yield type and content of each box; one that says it is shorter than its own header ends the row."""
    at = 0
    for _ in range(_MAX_BOXES):
        head = source.read(at, 16)
        if len(head) < 8:
            return
        size, kind = struct.unpack(">I4s", head[:8])
        begin = 8
        if size == 1 and len(head) == 16:
            (size,) = struct.unpack(">Q", head[8:])
            begin = 16
        elif size == 0:
            size = source.size - at
        if size < begin:
            return
        yield kind.decode("latin-1"), source.part(at + begin, size - begin)
        at += size


def _read_level(source: Source, parent: str, notes: Notes, depth: int) -> None:
    keys: list[str] = []
    for kind, box in _boxes(source):
        notes.add_box(f"{parent}/{kind}")
        if (field := _TEXTS.get(f"{parent}/{kind}") or _TEXTS.get(kind)) is not None:
            notes.add(field, _text(kind, box))
        elif kind == "uuid":
            _read_uuid(box, notes)
        elif kind == "XMP_":
            read_xmp(box, notes)
        elif kind == "keys":
            keys = _keys(box)
        elif kind == "ilst" and keys:
            _read_keyed(box, keys, notes)
        elif kind == "meta":
            _read_meta(source, parent, box, notes, depth)
        elif kind in _CONTAINERS and depth < _MAX_DEPTH:
            start = box.read(0, 12)
            for mark, name in _FILLED:
                if start.startswith(mark):
                    notes.add_box(name)
            _read_level(box, kind, notes, depth + 1)


def _text(kind: str, box: Source) -> str:
    data = box.read(0, _MAX_TEXT)
    if data[4:8] == b"data":  # as iTunes writes it
        return text_in(data[16:])
    if kind.startswith("\xa9"):  # length, language, text
        return text_in(data[4 : 4 + int.from_bytes(data[:2], "big")])
    # 3GPP writes version, flags and a language before the text, others nothing.
    return text_in((data[6:] if data[:4] == bytes(4) else data).lstrip(b"\0"))


def _read_uuid(box: Source, notes: Notes) -> None:
    start = box.read(0, 128)
    if start[:16] == _XMP_UUID:
        read_xmp(box.part(16, box.size), notes)
        return
    notes.add_box(f"uuid/{start[:16].hex()}")
    # Garmin's record: its four letters, five bytes, the model (ExifTool, QuickTime.pm).
    for at in (0, 16):
        if start[at : at + 4] == b"GRMN":
            notes.add("device", "GRMN " + text_in(start[at + 9 :]))


def _keys(box: Source) -> list[str]:
    """Return the names of a ``keys`` box, in order."""
    data = box.read(0, 4096)
    names: list[str] = []
    at = 8
    while at + 8 <= len(data) and len(names) < _MAX_BOXES:
        (size,) = struct.unpack(">I", data[at : at + 4])
        names.append(data[at + 8 : at + size].decode("latin-1"))
        at += max(size, 8)
    return names


def _read_keyed(box: Source, keys: list[str], notes: Notes) -> None:
    for kind, item in _boxes(box):
        index = int.from_bytes(kind.encode("latin-1"), "big") - 1
        name = _KEYS.get(keys[index]) if 0 <= index < len(keys) else None
        if name is not None:
            notes.add(name, _text("", item))


def _read_meta(source: Source, parent: str, box: Source, notes: Notes, depth: int) -> None:
    if depth >= _MAX_DEPTH:
        return
    if box.read(4, 4) != b"hdlr":  # version and flags, which QuickTime leaves out
        box = box.part(4, box.size)
    _read_level(box, "meta", notes, depth + 1)
    if not parent:
        _read_items(source, box, notes)


def _read_items(file: Source, meta: Source, notes: Notes) -> None:
    """Read the Exif and XMP items of a picture, wherever in the file they stand."""
    boxes = dict(_boxes(meta))
    if "iinf" not in boxes or "iloc" not in boxes:
        return
    kinds = _item_kinds(boxes["iinf"])
    for item, method, at, size in _places(boxes["iloc"].read(0, 8192)):
        within = boxes.get("idat", meta) if method == 1 else file
        place = within.part(at, size)
        if kinds.get(item) == b"Exif":
            (skip,) = struct.unpack(">I", place.read(0, 4))
            read_tiff(place.part(4 + skip, size), notes)
        elif kinds.get(item) == b"mime":
            read_xmp(place, notes)


def _item_kinds(box: Source) -> dict[int, bytes]:
    """Return the type of each item; only version 2 and 3 of its entry name one."""
    version = box.read(0, 1)[0]
    kinds: dict[int, bytes] = {}
    for _, entry in _boxes(box.part(6 if version == 0 else 8, box.size)):
        data = entry.read(0, 14)
        if data[:1] == b"\2":
            kinds[int.from_bytes(data[4:6], "big")] = data[8:12]
        elif data[:1] == b"\3":
            kinds[int.from_bytes(data[4:8], "big")] = data[10:14]
    return kinds


def _places(data: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Yield item, construction method, offset and length of the first extent of each item."""
    version, sizes = data[0], struct.unpack(">H", data[4:6])[0]
    widths = [sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15, (sizes & 15) if version else 0]
    id_width = 4 if version == 2 else 2
    at = 6 + id_width

    def number(width: int) -> int:
        nonlocal at
        at += width
        return int.from_bytes(data[at - width : at], "big")

    offset_width, length_width, base_width, index_width = widths
    for _ in range(_MAX_ITEMS):
        if at >= len(data):
            return
        item = number(id_width)
        method = number(2) & 15 if version else 0
        number(2)  # which file: another one cannot be read
        base = number(base_width)
        extents = number(2)
        for index in range(min(extents, _MAX_ITEMS)):
            number(index_width)
            offset, length = number(offset_width), number(length_width)
            if index == 0:
                yield item, method, base + offset, length
