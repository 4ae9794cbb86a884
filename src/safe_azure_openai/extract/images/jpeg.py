"""JPEG: Exif, XMP and comment segments. Sources: ITU T.81, annex B; CIPA DC-008, section 4.7.2; XMP part 3."""

from __future__ import annotations

import struct

from .metadata import Notes, text_in
from .source import Source
from .tiff import read_tiff
from .xmp import read_xmp

__all__ = ["read_jpeg"]

_MAX_SEGMENTS = 64
_EXIF = b"Exif\0\0"
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_APP1, _COMMENT, _SCAN, _END, _FILL = 0xE1, 0xFE, 0xDA, 0xD9, 0xFF


def read_jpeg(source: Source, notes: Notes) -> None:
    """Note what the segments before the picture say."""
    at = 2
    for _ in range(_MAX_SEGMENTS):
        mark, code, length = struct.unpack(">BBH", source.read(at, 4))
        if mark != _FILL or code in (_SCAN, _END):
            return
        if code == _FILL:  # markers may be filled up
            at += 1
            continue
        if code == _APP1:
            _read_app1(source.part(at + 4, length - 2), notes)
        elif code == _COMMENT:
            notes.add("words", text_in(source.read(at + 4, min(length - 2, 1024))))
        at += 2 + max(length, 2)


def _read_app1(segment: Source, notes: Notes) -> None:
    start = segment.read(0, len(_XMP))
    if start.startswith(_EXIF):
        read_tiff(segment.part(len(_EXIF), segment.size), notes)
    elif start == _XMP:
        read_xmp(segment.part(len(_XMP), segment.size), notes)
