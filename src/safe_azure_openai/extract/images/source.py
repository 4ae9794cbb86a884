"""The bytes of a file, read a few at a time and anywhere, whether they stand as bytes or as base64.

Everything that reads headers reads through this, so its bounds are theirs: no header, however it lies or loops, makes
it read more often or more than a source gives.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable

__all__ = ["Source"]

#: Reads and bytes that one file gives; after that it is as if it ended. An ordinary photograph takes some 20 reads.
MAX_READS = 512
MAX_BYTES = 96 * 1024
#: Bytes that are decoded together, since most headers stand side by side. A multiple of 3, as base64 wants it.
WINDOW = 1536
#: Characters of base64 that is broken into lines or in the other alphabet: there no place can be computed.
MAX_IRREGULAR = 64 * 1024

_URL_SAFE = {ord("-"): "+", ord("_"): "/"}
_END = "= \t\r\n"
_MAX_END = 64


class _Store:
    """What a source and its parts share: the bytes, the last window that was read, and what may still be read."""

    __slots__ = ("bytes_left", "end", "fetch", "reads_left", "start", "window")

    def __init__(self, fetch: Callable[[int, int], bytes]) -> None:
        self.fetch = fetch
        self.window = b""
        self.start = self.end = 0
        self.reads_left = MAX_READS
        self.bytes_left = MAX_BYTES

    def read(self, start: int, end: int) -> bytes:
        self.reads_left -= 1
        if self.reads_left < 0:
            return b""
        if not (self.start <= start and end <= self.end):
            size = min(max(end - start, WINDOW), self.bytes_left)
            self.bytes_left -= size
            self.window = self.fetch(start, start + size)
            self.start, self.end = start, start + size
        return self.window[start - self.start : end - self.start]


class Source:
    """A file, or a part of one. A part may lie about its size: it ends where the file ends."""

    __slots__ = ("_base", "_store", "size")

    def __init__(self, store: _Store, base: int, size: int) -> None:
        self._store = store
        self._base = base
        self.size = size

    @classmethod
    def of_bytes(cls, data: bytes) -> Source:
        """Return the source that reads ``data``."""
        return cls(_Store(lambda start, end: data[start:end]), 0, len(data))

    @classmethod
    def of_base64(cls, text: str, start: int = 0) -> Source:
        """Return the source that reads what ``text`` holds in base64 from ``start`` on; never all of it at once.

        Regular base64 is read anywhere. Of base64 with line ends or in the URL's alphabet the beginning is read.
        """
        end = len(text)
        last = max(start, end - _MAX_END)
        while end > last and text[end - 1] in _END:
            end -= 1

        def fetch(first: int, past: int) -> bytes:
            at = start + first // 3 * 4
            return _decoded(text[at : min(start + -(-past // 3) * 4, end)])[first % 3 :]

        size = (end - start) * 3 // 4
        if size and not fetch(0, min(size, WINDOW)):
            beginning = "".join(text[start : min(start + MAX_IRREGULAR, end)].split()).translate(_URL_SAFE)
            return cls.of_bytes(_decoded(beginning))
        return cls(_Store(fetch), 0, size)

    def read(self, at: int, count: int) -> bytes:
        """Return ``count`` bytes from ``at`` on; fewer at the end, none outside or when too much was read."""
        if at < 0 or count <= 0 or at >= self.size:
            return b""
        start = self._base + at
        return self._store.read(start, start + min(count, self.size - at))

    def part(self, at: int, size: int) -> Source:
        """Return the part that begins at ``at``, as far as this source reaches."""
        at = min(max(at, 0), self.size)
        return Source(self._store, self._base + at, max(0, min(size, self.size - at)))

    def tail(self, count: int) -> bytes:
        """Return the last ``count`` bytes."""
        return self.read(max(0, self.size - count), count)


def _decoded(text: str) -> bytes:
    """Return the bytes of regular base64, none where a character does not belong there."""
    text = text[: len(text) - (len(text) % 4 == 1)]
    try:
        data = binascii.a2b_base64(text + "=" * (-len(text) % 4))
    except ValueError:
        return b""
    return data if len(data) == len(text) * 3 // 4 else b""
