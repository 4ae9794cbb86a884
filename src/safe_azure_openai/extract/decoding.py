"""Bytes of a body to Python values."""

from __future__ import annotations

import gzip
import io
import json
import zlib
from typing import Any

#: Bytes of one body that are read; more is a gap. The largest request the API takes as JSON is far smaller.
MAX_BYTES = 64 * 1024 * 1024


class Undecodable(ValueError):  # noqa: N818 - it says what the bytes are
    """The bytes are not what they claim to be. ``reason`` is the reason of the gap they leave."""

    def __init__(self, reason: str = "undecodable") -> None:
        super().__init__(reason)
        self.reason = reason


def decode_json(data: bytes) -> Any:
    """Return the value of JSON ``data`` in UTF-8, UTF-16 or UTF-32.

    The standard library alone parses: a faster parser saves a tenth of the extraction of a chat and nothing of one with
    pictures (benchmarks/extract.py), and two parsers would read broken JSON in two ways.

    Raises:
        Undecodable: the bytes are no JSON, are nested deeper than the parser goes, or name a key of an object twice.
    """
    try:
        return json.loads(data, object_pairs_hook=_object)
    except (ValueError, RecursionError):
        raise Undecodable from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):  # of two values one would stay unread, and nobody knows which one the server takes
        raise Undecodable
    return value


def decompress(data: bytes) -> bytes:
    """Return ``data`` without its gzip envelope, if it has one.

    Raises:
        Undecodable: the envelope is broken, or more than ``MAX_BYTES`` are in it.
    """
    if not data.startswith(b"\x1f\x8b"):
        return data
    try:
        plain = gzip.GzipFile(fileobj=io.BytesIO(data)).read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error):
        raise Undecodable from None
    if len(plain) > MAX_BYTES:
        raise Undecodable("too_large")
    return plain
