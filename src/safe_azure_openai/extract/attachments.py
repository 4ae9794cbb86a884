"""What a payload is, from its type, its first bytes or its name; and the text of those that are text."""

from __future__ import annotations

import base64
import binascii
import re
import string
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from ..model.request import Kind, Picture

if TYPE_CHECKING:
    from .images import Metadata

#: A data URL up to its comma. The media type may be missing.
_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+*-]+)?((?:;[\w.+-]+(?:=[^;,]*)?)*),", re.ASCII | re.IGNORECASE)
# Characters of base64 and base64url. Must not match a sentence: the blank is missing.
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}\s*\Z")
_ALPHABET = (string.ascii_letters + string.digits + "+/_-=").encode()
_SMALL = string.ascii_lowercase.encode()
#: Characters of the shortest string that is a file wherever it stands.
MIN_PAYLOAD = 256  # shorter base64 is the business of views: a disguise, not a file
#: Characters of the shortest picture among words, and how many pictures of one text are looked at.
MIN_AMONG_WORDS = 64
MAX_AMONG_WORDS = 16
#: How a picture begins in base64, and how many characters stand before that: JPEG, PNG, GIF, WebP, and HEIC, AVIF, MP4.
_PICTURES = (("/9j/", 0), ("iVBORw0KGgo", 0), ("R0lGOD", 0), ("UklGR", 0), ("Z0eXB", 6))
_PICTURE_MARKS = (*(mark.encode() for mark, _ in _PICTURES), b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"ftyp")
_PDF_MARKS = (b"%PDF", b"JVBER")  # its pages may be pictures
_RUN = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]+={0,2}")

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
_BOMS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\x0b\x0c\x1b"))


@dataclass(frozen=True, slots=True)
class Payload:
    """A decoded attachment: ``text`` is what words could be read, ``None`` if none; ``is_read``, whether all were.

    ``is_locked`` says that it takes a password to read it.

    ``metadata`` is what a picture or video says of itself, and ``encoded`` the file: as bytes, or in base64 from
    ``start`` on. ``scans`` are the pictures of the scanned pages of a document.
    """

    kind: Kind
    text: str | None = None
    is_read: bool = False
    is_locked: bool = False
    metadata: Metadata | None = None
    encoded: str | bytes = field(default=b"", repr=False, compare=False)
    start: int = field(default=0, repr=False, compare=False)
    scans: tuple[bytes, ...] = field(default=(), repr=False, compare=False)


def text_of(data: bytes) -> str | None:
    """Return the characters of ``data`` if it is text, else ``None``.

    Text is what ``unicode_text`` reads; and single-byte text without control characters that is mostly printable ASCII,
    read as Windows-1252.
    """
    text = unicode_text(data)
    if text is not None or data.startswith(tuple(mark for mark, _ in _BOMS)) or _controls(data) > len(data) // 1000:
        return text
    high = len(data.translate(None, bytes(range(128))))
    return data.decode("cp1252", "replace") if high * 5 < len(data) else None


def unicode_text(data: bytes) -> str | None:
    """Return the characters of UTF-8, UTF-16 or UTF-32 text, else ``None``.

    UTF-16 is known by its mark, or by its zeros where most letters are Latin. A few control characters, at most a
    quarter, do not make text unreadable: a model reads past them.
    """
    try:
        for mark, encoding in _BOMS:
            if data.startswith(mark):
                return data.decode(encoding)
        for first, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
            if data[first : first + 64 : 2].count(0) * 2 > len(data[:64]) // 2 > 0:
                text = data.decode(encoding)
                return text if _controls(text.encode("utf-8")) <= len(text) // 1000 else None
        return data.decode("utf-8") if _controls(data) * 4 <= len(data) else None
    except UnicodeDecodeError:
        return None


def _controls(data: bytes) -> int:
    return len(data) - len(data.translate(None, _CONTROLS))


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
    if found != "file" or kind_of(data) is None:  # words may pose as a picture, by their first letters, type or name
        text = text_of(data) if found is None else unicode_text(data)
        if text is not None:
            return Payload(found or "file", text, is_read=True)
    if found == "file":
        from .documents import is_locked, read_document  # few requests carry documents

        document = read_document(data)
        is_shut = not document.text and not document.scans and is_locked(data)
        # What begins as a document does may be plain words all the same, before what a reader of documents finds.
        words = "\n".join(filter(None, (document.text, unicode_text(data))))
        return Payload("file", words or None, document.is_whole, is_shut, scans=document.scans)
    if found != "image":
        return Payload(found or kind, encoded=data if found is None and kind == "image" else b"")
    from .images import Source, metadata_of  # few requests carry pictures

    return Payload("image", metadata=metadata_of(Source.of_bytes(data)), encoded=data)


def decode_base64(text: str) -> bytes | None:
    """Return the bytes of base64 or base64url ``text``, whatever its padding; ``None`` if it is neither."""
    cleaned = text.strip().rstrip("=").translate({45: 43, 95: 47})  # - and _ to + and /
    cleaned = cleaned[: len(cleaned) - (len(cleaned) % 4 == 1)]
    try:
        return base64.b64decode(cleaned + "=" * (-len(cleaned) % 4))
    except (binascii.Error, ValueError):
        return None


def bytes_of(picture: Picture) -> bytes:
    """Return the file that a picture is; none, where its base64 is broken."""
    if isinstance(picture.encoded, bytes):
        return picture.encoded
    return decode_base64(picture.encoded[picture.start :]) or b""


def is_base64_payload(text: str, min_chars: int = MIN_PAYLOAD) -> bool:
    """Return whether ``text`` is nothing but base64, and long enough to be a file."""
    return len(text) >= min_chars and " " not in text[:128] and _BASE64.match(text) is not None


def pictures_in(text: str) -> Iterator[str]:
    """Yield the base64 of each picture that stands among words: in Markdown, in HTML, in JSON that is a string."""
    found = 0
    for mark, before in _PICTURES:
        at = text.find(mark)
        while at >= 0 and found < MAX_AMONG_WORDS:
            run = _RUN.match(text, max(at - before, 0))
            is_picture = run is not None and kind_of(decode_base64(run[0][:64]) or b"") == "image"
            if run is not None and is_picture and len(run[0]) >= MIN_AMONG_WORDS:
                found += 1
                yield run[0]
            at = text.find(mark, run.end() if run is not None else at + 1)


def may_hold_picture(body: bytes) -> bool:
    """Return whether a picture, or a document of pictures, can stand in ``body``, plain or in base64; a quick look."""
    return any(mark in body for mark in (*_PICTURE_MARKS, *_PDF_MARKS))


def is_proven(url: str) -> bool:
    """Return whether a data URL holds base64 alone, which begins as a known kind of file does."""
    start = url.find(",") + 1
    if len(url) < MIN_PAYLOAD or not is_known_file(url[start : start + 64]) or not url.isascii():
        return False
    return not url[start:].rstrip().encode().translate(None, _ALPHABET) and not may_be_words(url[start:])


def may_be_words(text: str) -> bool:
    """Return whether base64 ``text`` may be words that signs join, whatever its first letters decode to.

    Two of five letters of a file are small ones, and one sign in thirty is no letter or digit; of words, most letters
    are of one kind, and one sign in seven joins them.
    """
    joins = sum(map(text.count, "-_/+"))
    small = len(text) - len(text.encode("utf-8", "surrogatepass").translate(None, _SMALL))
    return joins * 12 > len(text) or small * 5 > len(text) * 3


def is_known_file(text: str) -> bool:
    """Return whether the first bytes of base64 ``text`` are those of a known kind of file."""
    return kind_of(decode_base64(text[:64]) or b"") is not None


def from_base64(text: str, *, start: int = 0, media_type: str = "", name: str = "", kind: Kind = "file") -> Payload:
    """Return what the base64 in ``text`` from ``start`` on holds; only its headers are decoded where they tell."""
    head = decode_base64(text[start : start + 64]) or b""
    known = kind_of(head, media_type, name)
    if known is not None and known != "file" and not _may_be_text(head):
        if known != "image":
            return Payload(known)
        from .images import Source, metadata_of

        return Payload("image", metadata=metadata_of(Source.of_base64(text, start)), encoded=text, start=start)
    data = decode_base64(text[start:])
    return Payload(kind) if data is None else payload_of(data, media_type, name, kind)


def _may_be_text(head: bytes) -> bool:
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start > len(head) - 4  # a character that is cut
    return _controls(head) * 4 <= len(head)


def from_data_url(url: str, *, name: str = "", kind: Kind = "file") -> Payload | None:
    """Return what a data URL holds, ``None`` if ``url`` is none. Source: RFC 2397."""
    match = _DATA_URL.match(url)
    if match is None:
        return None
    media_type = match[1] or ""
    if (match[2] or "").lower().endswith(";base64"):
        return from_base64(url, start=match.end(), media_type=media_type, name=name, kind=kind)
    return payload_of(unquote_to_bytes(url[match.end() :]), media_type or "text/plain", name, kind)
