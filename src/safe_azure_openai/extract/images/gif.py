"""GIF: comments and XMP. Sources: GIF89a, sections 18 to 24; XMP part 3, section 1.1.2."""

from __future__ import annotations

from .metadata import Notes, text_in
from .source import Source
from .xmp import MAX_PACKET, read_xmp

__all__ = ["read_gif"]

_MAX_BLOCKS = 64
_TAIL = 1024
_COMMENT, _APPLICATION = b"\x21\xfe", b"\x21\xff"


def read_gif(source: Source, notes: Notes) -> None:
    """Note the comments before the first picture, and those near the end."""
    flags = source.read(10, 1)[0]
    at = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    for _ in range(_MAX_BLOCKS):
        kind = source.read(at, 2)
        if kind[:1] != b"\x21":  # the picture begins
            break
        if kind == _COMMENT:
            _add(source.read(at + 2, 1025), notes)
        elif kind == _APPLICATION and source.read(at + 3, 11) == b"XMP DataXMP":
            read_xmp(source.part(at + 14, MAX_PACKET), notes)  # its bytes stand outside any block
            break
        at = _behind(source, at + 2)
    tail = source.tail(_TAIL)
    if (found := tail.rfind(b"\0" + _COMMENT)) >= 0:
        _add(tail[found + 3 :], notes)


def _add(blocks: bytes, notes: Notes) -> None:
    parts: list[bytes] = []
    at = 0
    while at < len(blocks) and blocks[at]:
        parts.append(blocks[at + 1 : at + 1 + blocks[at]])
        at += 1 + blocks[at]
    notes.add("words", text_in(b"".join(parts)))


def _behind(source: Source, at: int) -> int:
    """Return where a row of blocks ends; the source's bound on reads is the bound of the row."""
    while (size := source.read(at, 1)) and size != b"\0":
        at += 1 + size[0]
    return at + 1
