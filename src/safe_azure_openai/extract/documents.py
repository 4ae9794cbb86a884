"""The words of office documents and PDF files.

The standard library reads office documents, and PDF files in simple fonts. All of a PDF is read where the extra
``documents`` is installed. The pages of a PDF that were scanned are handed on as pictures.
"""

from __future__ import annotations

import html
import io
import re
import time
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from itertools import islice
from typing import Any

from .scans import scans_of

#: Bytes of one document that are unpacked; what is larger stays unread.
MAX_UNPACKED = 32 * 1024 * 1024
#: Pages and seconds that one PDF is read for; what comes later stays unread.
MAX_PAGES, MAX_SECONDS = 500, 10.0
#: Characters up to which the words of a page may be a stamp or a number on one that was scanned.
MAX_STAMP = 60
#: Scanned pages of one document, and their bytes, that are handed on; later ones stay unread.
MAX_SCANS, MAX_SCANNED = 64, 32 * 1024 * 1024
#: How an office document that is locked names its content, in the directory of an OLE file.
_LOCKED = "EncryptedPackage".encode("utf-16-le")
#: Parts that hold words: Word, PowerPoint, Excel, OpenDocument, EPUB and whatever is plain text in an archive.
_WORDED = re.compile(
    r"word/(?:document|header\d*|footer\d*|footnotes|endnotes|comments)\.xml|ppt/(?:slides|notesSlides)/\w+\.xml"
    r"|xl/sharedStrings\.xml|xl/worksheets/\w+\.xml|content\.xml|.*\.x?html?|docProps/(?:core|app)\.xml"
)
_OFFICE = frozenset({"[Content_Types].xml", "mimetype"})
# Ends of paragraphs, rows, cells and lines. Must not match a run within a word ("</w:r>").
_BREAK = re.compile(
    r"</(?:w:p|a:p|text:p|text:h|si|row|p|h\d|div|li|tr|dc:\w+|cp:\w+)>|<(?:w:br|w:tab|a:br|br|text:tab)\b[^<>]*>"
)
_TAG = re.compile(r"<[^<>]*>")  # a sign that opens none must not make the rest be searched for its end
# What shows text, and what stands before it: strings, wide gaps, the operators that show, and those that begin anew. A
# string without end is read to the end of the stream, so that each byte is looked at once.
_PIECE = re.compile(
    rb"\(((?:[^()\\]|\\.)*)\)?|<([0-9A-Fa-f\s]*)>|(-\d{3,})|(T[jJ]|['\"])|\[|\b(T\*|(?:Td|TD|ET)\b)", re.DOTALL
)
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|.)", re.DOTALL)
_ESCAPED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"", b"f": b"", b"\n": b"", b"\r": b""}


@dataclass(frozen=True, slots=True)
class Document:
    """What was found in a document: its words, the pictures of its scanned pages, and whether those are all of it.

    A scan is a file, or ``b""`` where the picture of a page could not be made one.
    """

    text: str = ""
    is_whole: bool = False
    scans: tuple[bytes, ...] = ()


def read_document(data: bytes) -> Document:
    """Return what was found in a document.

    Archives in an office format are read whole. So is a PDF by the extra ``documents``, if each of its pages has words
    or is a picture; without it, what stands in simple fonts is read, which proves nothing about the rest. Nothing for
    what is neither, is encrypted or is too large.
    """
    if data.startswith(b"PK\x03\x04"):
        return Document(*_office(data))
    if data.startswith(b"%PDF"):
        return _whole_pdf(data) or _simple_pdf(data)
    return Document()


def is_locked(data: bytes) -> bool:
    """Whether a document can only be read by who knows its password."""
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        return _LOCKED in data
    if data.startswith(b"PK\x03\x04"):
        return len(data) > 6 and bool(data[6] & 1)  # APPNOTE 4.4.4: bit 0 of the first entry's flags
    return data.startswith(b"%PDF") and b"/Encrypt" in data


@lru_cache
def _reads_pdf() -> bool:
    return find_spec("pypdf") is not None


def _whole_pdf(data: bytes) -> Document | None:
    """Return the words and the scanned pages of a PDF; None where it cannot be told what stands on its pages."""
    if not _reads_pdf() or len(data) > MAX_UNPACKED:
        return None
    deadline = time.monotonic() + MAX_SECONDS
    texts: list[str] = []
    scans: list[bytes] = []
    read = 0
    try:
        reader: Any = import_module("pypdf").PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):  # what has an empty password opens for everybody
            return None
        pages = len(reader.pages)
        for number in range(min(pages, MAX_PAGES)):
            if time.monotonic() > deadline or sum(map(len, texts)) > MAX_UNPACKED:
                break
            page = reader.pages[number]
            text = str(page.extract_text()).strip()
            found = _kept(page, scans, deadline) if len(text) <= MAX_STAMP else []
            texts.append(text)
            scans += found
            read += bool(text or found)
    except Exception:  # noqa: BLE001 - a broken file breaks its reader in many ways; the simple reading is left
        return None
    return Document("\n".join(filter(None, texts)), read == pages, tuple(scans))


def _kept(page: Any, before: list[bytes], deadline: float) -> list[bytes]:
    """Return the pictures of a page, as many as are kept together with those of the pages before it, and in time."""
    kept: list[bytes] = []
    left = MAX_SCANNED - sum(map(len, before))
    try:
        for scan in scans_of(page["/Resources"]) if "/Resources" in page else ():
            left -= len(scan)
            if left < 0 or len(before) + len(kept) >= MAX_SCANS or time.monotonic() > deadline:
                return [*kept, b""]
            kept.append(scan)
    except Exception:  # noqa: BLE001 - broken pictures take no words away
        return [*kept, b""]
    return kept


def _office(data: bytes) -> tuple[str, bool]:
    texts: list[str] = []
    left = MAX_UNPACKED
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = {info.filename for info in archive.infolist()}
            names = sorted(filter(_WORDED.fullmatch, entries))
            for name in names:
                with archive.open(name) as part:
                    content = part.read(left + 1)
                left -= len(content)
                if left < 0:
                    return "\n".join(texts), False
                texts.append(_plain(content.decode("utf-8", "replace")))
            # Any other archive may hold files of every kind.
            is_office = bool(names) and not _OFFICE.isdisjoint(entries)
    except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError, OSError, ValueError):
        return "\n".join(texts), False  # broken, encrypted, or packed in a way that is not supported
    return "\n".join(filter(None, texts)), is_office


def _plain(markup: str) -> str:
    text = html.unescape(_TAG.sub("", _BREAK.sub("\n", markup)))
    return "\n".join(line for line in map(str.strip, text.splitlines()) if line)


def _simple_pdf(data: bytes) -> Document:
    """Return the words in simple fonts; of a PDF without any, the pictures that are files as they stand there."""
    text = _pdf(data)
    jpegs = (stream.rstrip(b"\r\n") for stream in _streams(data) if stream.startswith(b"\xff\xd8\xff"))
    return Document(text, scans=() if text else tuple(islice(jpegs, MAX_SCANS)))


def _pdf(data: bytes) -> str:
    texts: list[str] = []
    left = MAX_UNPACKED
    for stream in _streams(data):
        if left <= 0:
            break
        try:
            stream = zlib.decompressobj().decompress(stream, left)
        except zlib.error:
            if b"Tj" not in stream and b"TJ" not in stream:
                continue
        left -= len(stream)
        if b"Tj" in stream or b"TJ" in stream:
            texts.append(_shown(stream))
    return "\n".join(filter(None, texts))


def _streams(data: bytes) -> Iterator[bytes]:
    start = data.find(b"stream")
    while start >= 0 and (end := data.find(b"endstream", start)) >= 0:
        yield data[start + len(b"stream") : end].lstrip(b"\r\n")
        start = data.find(b"stream", end + len(b"endstream"))


def _shown(stream: bytes) -> str:
    parts: list[str] = []
    waiting: list[str] = []
    for piece in _PIECE.finditer(stream):
        string, digits, gap, shows, line = piece.groups()
        if string is not None or digits is not None:
            waiting.append(_decoded(piece))
        elif gap is not None:
            waiting.append(" ")  # a wide gap within a line
        elif shows is not None:
            parts += waiting
            waiting.clear()
        else:
            waiting.clear()
            if line is not None:
                parts.append("\n")
    lines = (line.strip() for line in "".join(parts).splitlines())
    text = "\n".join(line for line in lines if line)
    # Glyph numbers of an embedded font are no words.
    return text if sum(char.isprintable() or char == "\n" for char in text) * 10 > len(text) * 9 else ""


def _decoded(piece: re.Match[bytes]) -> str:
    if piece[2] is not None:
        digits = re.sub(rb"\s", b"", piece[2])
        raw = bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode())
    else:
        raw = _ESCAPE.sub(_unescape, piece[1])
    if raw.startswith(b"\xfe\xff"):
        return raw[2:].decode("utf-16-be", "replace")
    return raw.decode("cp1252", "replace")


def _unescape(found: re.Match[bytes]) -> bytes:
    code = found[1]
    if code[:1].isdigit():
        return bytes([int(code, 8) & 0xFF])
    return _ESCAPED.get(code, code)
