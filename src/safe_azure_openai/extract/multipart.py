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
        Undecodable: the body does not begin or end as the boundary demands.
    """
    mark = b"--" + boundary
    at = body.find(mark)
    if at < 0:
        raise Undecodable
    while True:
        at += len(mark)
        if body.startswith(b"--", at):
            return
        head_end = body.find(b"\r\n\r\n", at)
        end = body.find(b"\r\n" + mark, at)
        if end < 0 or not at <= head_end:
            raise Undecodable
        # A part without headers has its blank line at once, and one without content has it right before the boundary.
        yield _part(body[at:head_end], body[head_end + 4 : max(end, head_end + 4)])
        at = end + 2


def _part(head: bytes, data: bytes) -> Part:
    headers: dict[str, str] = {}
    for line in re.sub(rb"\r\n[ \t]+", b" ", head).split(b"\r\n"):
        name, _, value = line.partition(b":")
        headers[name.strip().lower().decode("latin-1")] = _text(value.strip())
    parameters = {
        match[1].lower(): re.sub(r"\\(.)", r"\1", match[2]) if match[2] is not None else match[3]
        for match in _PARAMETER.finditer(headers.get("content-disposition", ""))
    }
    filename = parameters.get("filename")
    extended = parameters.get("filename*")
    if extended is not None:  # RFC 5987: charset'language'percent-encoded
        filename = unquote(extended.rpartition("'")[2])
    return Part(
        name=unquote(parameters.get("name", "")),
        data=_transfer_decoded(data, headers.get("content-transfer-encoding", "").lower()),
        filename=None if filename is None else unquote(filename),
        media_type=headers.get("content-type", ""),
    )


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _transfer_decoded(data: bytes, encoding: str) -> bytes:
    if encoding == "base64":
        try:
            return base64.b64decode(data)
        except binascii.Error:
            raise Undecodable from None
    return quopri.decodestring(data) if encoding == "quoted-printable" else data
