"""What a payload is, from its type, its first bytes or its name; and the text of those that are text."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from ..model import Kind

#: A data URL up to its comma. The media type may be missing.
_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+*-]+)?((?:;[\w.+-]+(?:=[^;,]*)?)*),", re.ASCII | re.IGNORECASE)
# Characters of base64 and base64url. Must not match a sentence: the blank is missing.
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}\s*\Z")
#: Characters of the shortest string that is a file wherever it stands.
MIN_PAYLOAD = 256  # shorter base64 is the business of views: a disguise, not a file

#: First bytes, file type. Sources: the PNG, JPEG, GIF, TIFF, RIFF, Ogg, FLAC, Matroska, PDF, ZIP and OLE formats.
_MAGIC: tuple[tuple[bytes, Kind], ...] = (
    (b"\x89PNG", "image"),
    (b"\xff\xd8\xff", "image"),
    (b"GIF8", "image"),
    (b"II*\x00", "image"),
    (b"MM\x00*", "image"),
    (b"\x1aE\xdf\xa3", "image"),  # Matroska and WebM: pictures that move
    (b"ID3", "audio"),
    (b"\xff\xfb", "audio"),
    (b"\xff\xf3", "audio"),
    (b"OggS", "audio"),
    (b"fLaC", "audio"),
    (b"%PDF", "file"),
    (b"PK\x03\x04", "file"),
    (b"\xd0\xcf\x11\xe0", "file"),
    (b"\x1f\x8b", "file"),
)
_RIFF: dict[bytes, Kind] = {b"WEBP": "image", b"WAVE": "audio", b"AVI ": "image"}
_FAMILIES: dict[str, Kind] = {"image": "image", "video": "image", "audio": "audio"}
_SUFFIXES: dict[str, Kind] = {
    **dict.fromkeys(
        "png jpg jpeg gif webp bmp tif tiff heic heif avif mp4 mov avi mkv webm mpeg mpg m4v".split(), "image"
    ),
    **dict.fromkeys("wav mp3 m4a ogg oga opus flac aac mpga pcm".split(), "audio"),
    **dict.fromkeys("pdf docx doc xlsx xls pptx ppt odt ods odp zip gz tar rar 7z parquet".split(), "file"),
}
_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\x0b\x0c\x1b"))


@dataclass(frozen=True, slots=True)
class Payload:
    """A decoded attachment: ``text`` is what words could be read, ``None`` if none; ``is_read``, whether all were."""

    kind: Kind
    text: str | None = None
    is_read: bool = False


def text_of(data: bytes) -> str | None:
    """Return the characters of ``data`` if it is text, else ``None``.

    Text is valid UTF-8, or UTF-16 with its mark, without control characters; and single-byte text that is mostly
    printable ASCII, read as Windows-1252.
    """
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            try:
                return data[3 if encoding == "utf-8" else 0 :].decode(encoding)
            except UnicodeDecodeError:
                return None
    controls = len(data) - len(data.translate(None, _CONTROLS))
    if controls > len(data) // 1000:
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        high = len(data.translate(None, bytes(range(128))))
        return data.decode("cp1252", "replace") if high * 5 < len(data) else None


def kind_of(data: bytes, media_type: str = "", name: str = "") -> Kind | None:
    """Return what ``data`` is, by its first bytes, then its media type, then its name; ``None`` if nothing tells."""
    for magic, kind in _MAGIC:
        if data.startswith(magic):
            return kind
    if data[:4] == b"RIFF":
        return _RIFF.get(data[8:12])
    if data[4:8] == b"ftyp":
        return "audio" if data[8:11] == b"M4A" else "image"
    family = _FAMILIES.get(media_type.partition("/")[0].lower())
    return family or _SUFFIXES.get(name.rpartition(".")[2].lower())


def payload_of(data: bytes, media_type: str = "", name: str = "", kind: Kind = "file") -> Payload:
    """Return what ``data`` holds. ``kind`` is what it is taken for when nothing tells, as raw sound samples."""
    found = kind_of(data, media_type, name)
    if found is None or media_type.lower().startswith("image/svg"):
        text = text_of(data)
        if text is not None:
            return Payload("file" if found is None else found, text, is_read=True)
    if found == "file":
        from .documents import document_text  # few requests carry documents

        text, is_whole = document_text(data)
        return Payload("file", text or None, is_read=is_whole)
    return Payload(found or kind)


def decode_base64(text: str) -> bytes | None:
    """Return the bytes of base64 or base64url ``text``, whatever its padding; ``None`` if it is neither."""
    cleaned = text.strip().rstrip("=").translate({45: 43, 95: 47})  # - and _ to + and /
    cleaned = cleaned[: len(cleaned) - (len(cleaned) % 4 == 1)]
    try:
        return base64.b64decode(cleaned + "=" * (-len(cleaned) % 4))
    except (binascii.Error, ValueError):
        return None


def is_base64_payload(text: str, min_chars: int = MIN_PAYLOAD) -> bool:
    """Return whether ``text`` is nothing but base64, and long enough to be a file."""
    return len(text) >= min_chars and " " not in text[:128] and _BASE64.match(text) is not None


def is_proven(url: str) -> bool:
    """Return whether the first bytes of a base64 data URL are those of a known kind of file."""
    start = url.find(",") + 1
    return len(url) >= MIN_PAYLOAD and kind_of(decode_base64(url[start : start + 64]) or b"") is not None


def from_base64(text: str, *, media_type: str = "", name: str = "", kind: Kind = "file") -> Payload:
    """Return what a base64 string holds; only its first bytes are decoded where they tell."""
    head = decode_base64(text[:64]) or b""
    known = kind_of(head, media_type, name)
    if known is not None and known != "file" and not media_type.lower().startswith("image/svg"):
        return Payload(known)
    data = decode_base64(text)
    return Payload(kind) if data is None else payload_of(data, media_type, name, kind)


def from_data_url(url: str, *, name: str = "", kind: Kind = "file") -> Payload | None:
    """Return what a data URL holds, ``None`` if ``url`` is none. Source: RFC 2397."""
    match = _DATA_URL.match(url)
    if match is None:
        return None
    media_type = match[1] or ""
    if (match[2] or "").lower().endswith(";base64"):
        return from_base64(url[match.end() :], media_type=media_type, name=name, kind=kind)
    return payload_of(unquote_to_bytes(url[match.end() :]), media_type or "text/plain", name, kind)
