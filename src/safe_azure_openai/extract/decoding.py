"""Bytes of a body to Python values."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from typing import Any

#: Bytes of one body that are read; more is a gap. The largest request the API takes as JSON is far smaller.
MAX_BYTES = 64 * 1024 * 1024

_parse: Callable[[bytes], Any] | None
try:  # 3 to 10 times as fast as the standard library, and never needed: see benchmarks/extract.py
    from orjson import loads as _parse
except ImportError:  # pragma: no cover - the other branch is what the tests of `decode_json` compare with
    _parse = None


class Undecodable(ValueError):  # noqa: N818 - it says what the bytes are
    """The bytes are not what they claim to be. ``reason`` is the reason of the gap they leave."""

    def __init__(self, reason: str = "undecodable") -> None:
        super().__init__(reason)
        self.reason = reason


def decode_json(data: bytes) -> Any:
    """Return the value of JSON ``data``.

    What ``orjson`` refuses (NaN, lone surrogates, UTF-16, huge integers) the standard library may still read.

    Raises:
        Undecodable: the bytes are no JSON, or nested deeper than a parser goes.
    """
    if _parse is not None:
        try:
            return _parse(data)
        except ValueError:
            pass  # the standard library has the last word
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise Undecodable from None


def decompress(data: bytes) -> bytes:
    """Return ``data`` without its gzip envelope, if it has one.

    Raises:
        Undecodable: the envelope is broken, or more than ``MAX_BYTES`` are in it.
    """
    if not data.startswith(b"\x1f\x8b"):
        return data
    inflate = zlib.decompressobj(wbits=31)
    try:
        plain = inflate.decompress(data, MAX_BYTES + 1)
    except zlib.error:
        raise Undecodable from None
    if len(plain) > MAX_BYTES:
        raise Undecodable("too_large")
    return plain
