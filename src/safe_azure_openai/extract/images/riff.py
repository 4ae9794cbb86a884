"""WebP and AVI: Exif, XMP and INFO chunks. Sources: WebP Container Specification; Microsoft's RIFF 1.0, INFO list."""

from __future__ import annotations

import struct

from .metadata import Field, Notes, text_in
from .source import Source
from .tiff import read_tiff
from .xmp import read_xmp

__all__ = ["read_riff"]

_MAX_CHUNKS = 128
_INFO: dict[bytes, Field] = {
    b"ISFT": "device",
    b"ISRC": "device",
    b"IART": "words",
    b"ICMT": "words",
    b"ICOP": "words",
    b"INAM": "words",
    b"ISBJ": "words",
}


def read_riff(source: Source, notes: Notes) -> None:
    """Note what the chunks say. Metadata stands behind the picture: its chunk is skipped, not read."""
    _read_chunks(source.part(12, source.size), notes, is_list=False)


def _read_chunks(source: Source, notes: Notes, *, is_list: bool) -> None:
    at = 0
    for _ in range(_MAX_CHUNKS):
        if at + 8 > source.size:
            return
        kind, length = struct.unpack("<4sI", source.read(at, 8))
        chunk = source.part(at + 8, length)
        if kind == b"EXIF":
            read_tiff(chunk.part(6 if chunk.read(0, 6) == b"Exif\0\0" else 0, length), notes)
        elif kind == b"XMP ":
            read_xmp(chunk, notes)
        elif kind in _INFO and is_list:
            notes.add(_INFO[kind], text_in(chunk.read(0, min(length, 1024))))
        elif kind == b"LIST" and not is_list and chunk.read(0, 4) == b"INFO":
            _read_chunks(chunk.part(4, length), notes, is_list=True)
        at += 8 + length + length % 2
