"""The pictures that the pages of a scanned PDF consist of, as files.

Only the container changes: JPEG, JPEG 2000 and fax data are files already, and samples get the header of a PNG. What
stands in them is for ``ocr`` to read.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from itertools import islice
from typing import Any

__all__ = ["scans_of"]

#: Longest side of a picture that can be a page, or a strip of one, at least and at most; logos are smaller.
MIN_SIDE, MAX_SIDE = 400, 20_000
#: Bytes of the samples of one picture that are unpacked: a page at 300 dots an inch has 26 million.
MAX_SAMPLES = 64 * 1024 * 1024
#: Forms in one another that are looked into, and objects of a page that are looked at.
MAX_DEPTH, MAX_OBJECTS = 3, 256
#: Filters whose data is a file. Not those of JBIG2, for which the reader would start another program.
_FILES = ("/DCTDecode", "/JPXDecode", "/CCITTFaxDecode")
_JBIG2 = "/JBIG2Decode"
#: Samples in a pixel, by the name of their colours, and how a PNG calls that. Sources: PDF 2.0, 8.6; PNG, 11.2.1.
_CHANNELS = {"/DeviceGray": 1, "/CalGray": 1, "/DeviceRGB": 3, "/CalRGB": 3}
_PNG_COLOURS = {1: 0, 3: 2}
_PNG_PALETTE = 3


def scans_of(resources: Any) -> Iterator[bytes]:
    """Yield the pictures of a page that are large enough to be the page, as files.

    Args:
        resources: the resources of the page, as ``pypdf`` has them.
    Yields:
        JPEG, JPEG 2000, TIFF or PNG; nothing, as ``b""``, for a picture that is none of them and cannot be made one.
    """
    for drawn in islice(_objects(resources, MAX_DEPTH), MAX_OBJECTS):
        if drawn.get("/Subtype") == "/Image" and _is_large(drawn):
            try:
                yield _file(drawn)
            except Exception:  # noqa: BLE001 - a broken picture breaks its reader in many ways
                yield b""


def _objects(resources: Any, depth: int) -> Iterator[Any]:
    """Yield the objects of a page, each followed by those in it."""
    for reference in _of(resources, "/XObject", {}).values():
        drawn = reference.get_object()
        yield drawn
        if drawn.get("/Subtype") == "/Form" and depth:
            yield from _objects(_of(drawn, "/Resources", {}), depth - 1)


def _of(entries: Any, name: str, default: Any = None) -> Any:
    value = entries.get(name, default)
    return value.get_object() if hasattr(value, "get_object") else value


def _is_large(picture: Any) -> bool:
    sides = [_of(picture, side) for side in ("/Width", "/Height")]
    return not all(isinstance(side, int) and side < MIN_SIDE for side in sides)


def _file(picture: Any) -> bytes:
    filters = _of(picture, "/Filter", ())
    names = [filters] if isinstance(filters, str) else [name.get_object() for name in filters]
    if _JBIG2 in names:
        return b""
    if names and names[-1] in _FILES:
        return bytes(picture.get_data())
    return _png(picture)


def _png(picture: Any) -> bytes:
    """Return samples as a PNG. Source: PNG (Third Edition), sections 5 and 11.2."""
    width, height = int(_of(picture, "/Width")), int(_of(picture, "/Height"))
    is_mask = bool(_of(picture, "/ImageMask", False))
    bits = 1 if is_mask else int(_of(picture, "/BitsPerComponent"))
    channels, palette = (1, b"") if is_mask else _colours(_of(picture, "/ColorSpace"))
    row = (width * channels * bits + 7) // 8
    if row * height > MAX_SAMPLES or max(width, height) > MAX_SIDE:
        return b""
    samples = bytes(picture.get_data()).ljust(row * height, b"\0")
    rows = b"".join(b"\0" + samples[at : at + row] for at in range(0, row * height, row))
    colours = _PNG_PALETTE if palette else _PNG_COLOURS[channels]
    header = struct.pack(">IIBBBBB", width, height, bits, colours, 0, 0, 0)
    chunks = {b"IHDR": header, b"PLTE": palette, b"IDAT": zlib.compress(rows, 1)}
    parts = (_chunk(kind, data) for kind, data in chunks.items() if data)
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _colours(space: Any) -> tuple[int, bytes]:
    """Return the samples in a pixel, and the palette that a sample is looked up in, if any."""
    if isinstance(space, str):
        return _CHANNELS[space], b""
    parts = [part.get_object() for part in space]
    if parts[0] == "/ICCBased":
        return int(_of(parts[1], "/N")), b""
    if parts[0] != "/Indexed":
        return _CHANNELS[parts[0]], b""
    channels, _ = _colours(parts[1])
    entries = _bytes(parts[3])
    return 1, {1: bytes(grey for grey in entries for _ in range(3)), 3: entries}[channels]


def _bytes(table: Any) -> bytes:
    """Return the bytes of a stream, or of a string, which ``pypdf`` decodes where it looks like text."""
    if hasattr(table, "get_data"):
        return bytes(table.get_data())
    return bytes(getattr(table, "original_bytes", table))
