"""Files with headers as cameras and programs write them, and with no picture in them: what a reader of headers sees."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Mapping

ZERO = b"\0"
MAKE, MODEL, SOFTWARE, ARTIST, DESCRIPTION, COPYRIGHT = 0x010F, 0x0110, 0x0131, 0x013B, 0x010E, 0x8298
EXIF, GPS, XMP_TAG = 0x8769, 0x8825, 0x02BC
SERIAL, OWNER, USER_COMMENT, LENS = 0xA431, 0xA430, 0x9286, 0xA434

Value = str | bytes | tuple[int, int]


def _typed(value: Value) -> tuple[int, int, bytes, str]:
    if isinstance(value, str):
        return 2, len(value.encode()) + 1, value.encode() + ZERO, ""
    if isinstance(value, tuple):
        return 5, 1, b"", "II"
    return 7, len(value), value, ""


def tiff(
    first: Mapping[int, Value],
    exif: Mapping[int, Value] | None = None,
    gps: Mapping[int, Value] | None = None,
    *,
    order: str = "<",
) -> bytes:
    """Return a TIFF block with a first directory, and an Exif and a GPS directory where they are given."""
    out = bytearray((b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8))
    below = {EXIF: exif, GPS: gps}
    pointers = {tag: b"" for tag, values in below.items() if values is not None}
    _directory(out, {**first, **pointers}, order)
    for tag in pointers:
        at = _place_of(out, tag, order)
        out[at : at + 4] = struct.pack(order + "I", len(out))
        _directory(out, below[tag] or {}, order)
    return bytes(out)


def _place_of(out: bytearray, tag: int, order: str) -> int:
    (count,) = struct.unpack_from(order + "H", out, 8)
    return next(n for n in range(10, 10 + 12 * count, 12) if struct.unpack_from(order + "H", out, n)[0] == tag) + 8


def _directory(out: bytearray, values: Mapping[int, Value], order: str) -> None:
    behind = len(out) + 2 + 12 * len(values) + 4
    entries, data = bytearray(struct.pack(order + "H", len(values))), bytearray()
    for tag, value in sorted(values.items()):
        if tag in (EXIF, GPS):
            entries += struct.pack(order + "HHII", tag, 4, 1, 0)
            continue
        type_, count, raw, shape = _typed(value)
        raw = struct.pack(order + shape, *value) if shape else raw
        inline = len(raw) <= 4
        entries += struct.pack(order + "HHI", tag, type_, count)
        entries += raw.ljust(4, ZERO) if inline else struct.pack(order + "I", behind + len(data))
        data += b"" if inline else raw
    out += entries + bytes(4) + data


def xmp(inner: str) -> bytes:
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description ' + inner + "</rdf:RDF></x:xmpmeta>"
    ).encode()


def segment(code: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, code, len(content) + 2) + content


def jpeg(*segments: bytes, pixels: int = 600) -> bytes:
    """Return a JPEG file: its segments, then a scan of ``pixels`` bytes."""
    jfif = segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")
    return b"\xff\xd8" + jfif + b"".join(segments) + segment(0xDA, b"\1\1\0\0\x3f\0") + b"\x55" * pixels + b"\xff\xd9"


def exif(block: bytes) -> bytes:
    return segment(0xE1, b"Exif\0\0" + block)


def xmp_segment(packet: bytes) -> bytes:
    return segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet)


def photo(make: str, model: str, *, pixels: int = 600, **more: str) -> bytes:
    """Return a photograph as ``make`` and ``model`` write it; ``more`` are further fields of its first directory."""
    tags = {"software": SOFTWARE, "artist": ARTIST, "description": DESCRIPTION, "copyright": COPYRIGHT}
    return jpeg(exif(tiff({MAKE: make, MODEL: model, **{tags[k]: v for k, v in more.items()}})), pixels=pixels)


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(*before: bytes, behind: tuple[bytes, ...] = (), parts: int = 1) -> bytes:
    pixels = chunk(b"IDAT", b"\x55" * 8192) * parts
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(before) + pixels + b"".join(behind) + chunk(b"IEND", b"")


def riff(form: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(kind + struct.pack("<I", len(data)) + data + bytes(len(data) % 2) for kind, data in chunks)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + form + body


def gif(*blocks: bytes, behind: bytes = b"") -> bytes:
    """Return a GIF file with a colour table of two."""
    return b"GIF89a\1\0\1\0\x80\0\0" + bytes(6) + b"".join(blocks) + b"\x2c" + bytes(3000) + behind + b"\x3b"


def comment(text: bytes) -> bytes:
    return (
        b"\x21\xfe"
        + b"".join(bytes([len(p)]) + p for p in (text[i : i + 200] for i in range(0, len(text), 200)))
        + ZERO
    )


def box(kind: bytes, *content: bytes) -> bytes:
    data = b"".join(content)
    return struct.pack(">I", len(data) + 8) + kind + data


def long_box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4sQ", 1, kind, len(content) + 16) + content


def mp4(*boxes: bytes, pixels: int = 3000) -> bytes:
    """Return a video whose pictures stand before what describes them, as most cameras write it."""
    return box(b"ftyp", b"isom\0\0\2\0isom") + box(b"mdat", b"\x55" * pixels) + b"".join(boxes)


def quicktime_text(kind: bytes, text: str) -> bytes:
    return box(kind, struct.pack(">HH", len(text), 0x15C7), text.encode())


def itunes_text(kind: bytes, text: str) -> bytes:
    return box(kind, box(b"data", struct.pack(">II", 1, 0), text.encode()))


def keyed(pairs: Mapping[str, str]) -> bytes:
    """Return a ``meta`` box with named keys, as telephones write it."""
    keys = b"".join(struct.pack(">I4s", len(key) + 8, b"mdta") + key.encode() for key in pairs)
    values = [
        box(struct.pack(">I", n), box(b"data", struct.pack(">II", 1, 0), value.encode()))
        for n, value in enumerate(pairs.values(), 1)
    ]
    handler = box(b"hdlr", bytes(8) + b"mdta" + bytes(12))
    return box(b"meta", handler, box(b"keys", struct.pack(">II", 0, len(pairs)), keys), box(b"ilst", *values))


def heic(exif_block: bytes = b"", packet: bytes = b"", *, version: int = 0, in_idat: bool = False) -> bytes:
    """Return a HEIC file with an Exif item, an XMP item or both."""
    wide = version == 2
    items = [(n, kind, data) for n, (kind, data) in enumerate(((b"Exif", exif_block), (b"mime", packet)), 1) if data]
    datas = [bytes(4) + data if kind == b"Exif" else data for _, kind, data in items]
    entry_version = b"\3" if wide else b"\2"
    entries = [
        box(
            b"infe",
            entry_version + bytes(3),
            struct.pack(">IH" if wide else ">HH", n, 0),
            kind,
            b"\0application/rdf+xml\0",
        )
        for n, kind, _ in items
    ]
    iinf = box(b"iinf", bytes(4), struct.pack(">H", len(entries)), *entries)

    def meta(first: int) -> bytes:
        offsets, at = [], first
        for data in datas:
            offsets.append(at)
            at += len(data)
        places = b"".join(
            struct.pack(">I" if wide else ">H", n)
            + (struct.pack(">H", int(in_idat)) if version else b"")
            + struct.pack(">HHII", 0, 1, offset, len(data))
            for (n, _, _), offset, data in zip(items, offsets, datas, strict=True)
        )
        count = struct.pack(">I" if wide else ">H", len(items))
        iloc = box(b"iloc", bytes([version, 0, 0, 0]), b"\x44\0", count, places)
        idat = [box(b"idat", *datas)] if in_idat else []
        return box(b"meta", bytes(4), box(b"hdlr", bytes(8) + b"pict" + bytes(12)), iinf, iloc, *idat)

    start = box(b"ftyp", b"heic\0\0\0\0mif1heic")
    if in_idat:
        return start + meta(0)
    return start + meta(len(start) + len(meta(0)) + 8) + box(b"mdat", *datas)


def data_url(data: bytes, media_type: str = "image/jpeg") -> str:
    return f"data:{media_type};base64," + base64.b64encode(data).decode()
