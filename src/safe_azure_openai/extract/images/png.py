"""PNG: text and Exif chunks. Source: PNG (Third Edition), sections 11.3.3 and 11.3.4.3."""

from __future__ import annotations

import struct
import zlib

from .metadata import Field, Notes, text_in
from .source import Source
from .tiff import read_tiff
from .xmp import read_xmp

__all__ = ["read_png"]

_MAX_CHUNKS = 48
_MAX_PIXELS = 8  # parts of the picture that are stepped over before it is left out; nothing may stand between them
_MAX_TEXT = 16 * 1024
_TAIL = 8192  # text behind the picture: where it begins is found by looking back from the end
_TYPES = (b"tEXt", b"zTXt", b"iTXt", b"eXIf")

#: Keywords that are read, and what they are of.
_KEYWORDS: dict[str, Field] = {
    "title": "words",
    "author": "words",
    "description": "words",
    "copyright": "words",
    "comment": "words",
    "make": "device",
    "model": "device",
    "source": "device",
    "software": "device",
}


def read_png(source: Source, notes: Notes) -> None:
    """Note what the chunks before the picture say, and those behind it as far as they are near the end."""
    at, pixels = 8, 0
    for _ in range(_MAX_CHUNKS):
        length, kind = struct.unpack(">I4s", source.read(at, 8))
        pixels += kind == b"IDAT"
        if pixels > _MAX_PIXELS:
            break
        if kind in _TYPES:
            _read_chunk(kind, source.part(at + 8, length), notes)
        at += 12 + length
        if at >= source.size:
            return
    _read_tail(source, notes)


def _read_tail(source: Source, notes: Notes) -> None:
    tail = source.tail(_TAIL)
    start = source.size - len(tail)
    for kind in _TYPES:
        at = tail.find(kind, 4)
        while at >= 0:
            (length,) = struct.unpack(">I", tail[at - 4 : at])
            if at + 4 + length <= len(tail):
                _read_chunk(kind, source.part(start + at + 4, length), notes)
            at = tail.find(kind, at + 4)


def _read_chunk(kind: bytes, chunk: Source, notes: Notes) -> None:
    if kind == b"eXIf":
        read_tiff(chunk, notes)
        return
    keyword, _, rest = chunk.read(0, min(chunk.size, _MAX_TEXT)).partition(b"\0")
    text = _plain(kind, rest)
    name = keyword.decode("latin-1").lower()
    if name == "xml:com.adobe.xmp":
        read_xmp(Source.of_bytes(text), notes)
    elif name.startswith("raw profile type "):  # as ImageMagick writes Exif and XMP
        _read_profile(text, notes)
    elif name in _KEYWORDS:
        notes.add(_KEYWORDS[name], text_in(text))


def _plain(kind: bytes, rest: bytes) -> bytes:
    """Return the text of a chunk, unpacked where it is packed; only so much of it is unpacked as is read."""
    if kind == b"tEXt":
        return rest
    if kind == b"zTXt":
        return _unpacked(rest[1:])
    is_packed, rest = rest[:1] == b"\1", rest[2:]
    text = rest.partition(b"\0")[2].partition(b"\0")[2]  # behind the language and the translated keyword
    return _unpacked(text) if is_packed else text


def _unpacked(data: bytes) -> bytes:
    return zlib.decompressobj().decompress(data, _MAX_TEXT)


def _read_profile(text: bytes, notes: Notes) -> None:
    """Read a profile that is written as a name, a length and hexadecimal digits."""
    parts = text.split()
    digits = b"".join(parts[2:])
    data = bytes.fromhex(digits[: len(digits) // 2 * 2].decode("ascii"))
    if data.startswith(b"Exif\0\0"):
        read_tiff(Source.of_bytes(data[6:]), notes)
    else:
        read_xmp(Source.of_bytes(data), notes)
