"""The parts of a multipart/form-data body. Source: RFC 7578, RFC 2046 section 5.1."""

from __future__ import annotations

import base64
import binascii
import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from .decoding import Undecodable

_BOUNDARY = re.compile(r'boundary=(?:"([^"]+)"|([^;\s]+))', re.IGNORECASE)
_BOUNDARY_END = re.compile(rb"--|[ \t]*\r\n")
# name="a", filename="b\"c", filename*=UTF-8''d. Must not match the name inside filename="x; name=y".
_PARAMETER = re.compile(r';\s*([\w*-]+)=(?:"((?:[^"\\]|\\.)*)"|([^;\s]*))')


@dataclass(frozen=True, slots=True)
class Part:
    """One field of a form: its name, and for a file its file name and media type."""

    name: str
    data: bytes
    filename: str | None = None
    media_type: str = ""


def boundary_of(content_type: str) -> bytes | None:
    """Return the boundary that a Content-Type header names."""
    match = _BOUNDARY.search(content_type)
    return (match[1] or match[2]).encode("latin-1", "replace") if match else None


def parts(body: bytes, boundary: bytes) -> Iterator[Part]:
    """Yield the parts of ``body`` in order; linear in its size.

    Raises:
        Undecodable: the body does not begin or end as the boundary demands, or servers may read it in two ways.
    """
    begin = -1
    for at, after, is_last in _boundaries(body, b"--" + boundary):
        if begin >= 0:
            # A part without headers has its blank line at once, one without content has it right before the boundary.
            head_end = body.find(b"\r\n\r\n", begin - 2, at)
            if head_end < 0:
                raise Undecodable
            yield _part(body[begin:head_end], body[head_end + 4 : max(at - 2, head_end + 4)])
        begin = after
        if is_last:
            return
    raise Undecodable


def _boundaries(body: bytes, mark: bytes) -> Iterator[tuple[int, int, bool]]:
    """Yield where the lines of the boundary begin and end, and whether each is the last.

    What only looks like one, after a bare line feed or with more on its line, raises: whoever makes a form chooses a
    boundary that does not occur in it.
    """
    at = body.find(mark)
    while at >= 0:
        after = at + len(mark)
        if at == 0 or body[at - 1 : at] in (b"\r", b"\n"):
            end = _BOUNDARY_END.match(body, after)
            if end is None or (at > 0 and body[at - 2 : at] != b"\r\n"):
                raise Undecodable
            yield at, end.end(), end[0] == b"--"
        at = body.find(mark, after)


def _part(head: bytes, data: bytes) -> Part:
    headers: dict[str, str] = {}
    for line in re.sub(rb"\r\n[ \t]+", b" ", head).split(b"\r\n"):
        name, _, value = line.partition(b":")
        _once(headers, name.strip().lower().decode("latin-1"), _text(value.strip()))
    parameters: dict[str, str] = {}
    for match in _PARAMETER.finditer(headers.get("content-disposition", "")):
        _once(parameters, match[1].lower(), match[3] if match[2] is None else re.sub(r"\\(.)", r"\1", match[2]))
    filename = parameters.get("filename")
    extended = parameters.get("filename*")
    if extended is not None:  # RFC 5987: charset'language'percent-encoded
        filename = " ".join(filter(None, (filename, extended.rpartition("'")[2])))
    return Part(
        name=unquote(parameters.get("name", "")),
        data=_transfer_decoded(data, headers.get("content-transfer-encoding", "").lower()),
        filename=None if filename is None else unquote(filename),
        media_type=headers.get("content-type", ""),
    )


def _once(names: dict[str, str], name: str, value: str) -> None:
    if names.setdefault(name, value) != value:
        raise Undecodable


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _transfer_decoded(data: bytes, encoding: str) -> bytes:
    if encoding == "base64":
        try:
            return base64.b64decode(b"".join(data.split()), validate=True)
        except binascii.Error:
            raise Undecodable from None
    return quopri.decodestring(data) if encoding == "quoted-printable" else data
