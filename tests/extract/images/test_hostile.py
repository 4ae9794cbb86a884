"""Headers that lie, loop or end early neither raise nor take long."""

from __future__ import annotations

import base64
import struct
import time
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safe_azure_openai.extract.images import Source, metadata_of
from safe_azure_openai.extract.images.source import MAX_BYTES, MAX_READS

from . import pictures as p
from .test_reading import FORMATS, WORDS

#: Far above what the worst file costs (some 10 ms), and far below what a loop would.
LIMIT_S = 0.25

FILES = list({**FORMATS, **WORDS}.values())


class Counted(bytes):
    """Bytes that count how many of them are read."""

    read: int

    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(key)
        self.read = getattr(self, "read", 0) + len(found)
        return found


def assert_cheap(data: bytes) -> None:
    counted = Counted(data)
    began = time.thread_time()
    metadata_of(Source.of_bytes(counted))
    assert time.thread_time() - began < LIMIT_S
    assert getattr(counted, "read", 0) <= MAX_BYTES


def directory(entries: bytes, count: int) -> bytes:
    return b"II*\0\x08\0\0\0" + struct.pack("<H", count) + entries


LOOP = struct.pack("<HHII", p.EXIF, 4, 1, 8) + struct.pack("<HHII", p.GPS, 4, 1, 8)
FAR = struct.pack("<HHII", p.MAKE, 2, 0xFFFFFFFF, 0xFFFFFFF0)
NESTED = b"x" * 8
for _ in range(2_000):
    NESTED = p.box(b"udta", NESTED)
HOSTILE = {
    "directories in a circle": p.jpeg(p.exif(directory(LOOP + bytes(4), 2))),
    "a directory of 65,535": p.jpeg(p.exif(directory(FAR * 5_000, 65_535))),
    "values far outside": p.jpeg(p.exif(directory(FAR * 20, 20))),
    "segments without length": b"\xff\xd8" + b"\xff\xe1\0\0" * 100_000,
    "nothing but fill": b"\xff\xd8" + b"\xff" * 1_000_000,
    "a packed bomb": p.png(p.chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"A" * 50_000_000, 9))),
    "many packed bombs": p.png(*[p.chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"A" * 5_000_000, 9))] * 40),
    "chunks of nothing": b"\x89PNG\r\n\x1a\n" + p.chunk(b"tEXt", b"") * 80_000,
    "a chunk of four gigabytes": b"\x89PNG\r\n\x1a\n" + b"\xff\xff\xff\xfftEXtComment\0hi",
    "a tail of names": b"\x89PNG\r\n\x1a\n" + b"\0\0\0\1tEXtA" * 100_000,
    "boxes in boxes": p.mp4(NESTED),
    "boxes of nothing": b"\0\0\0\x08free" * 100_000,
    "a box shorter than its header": b"\0\0\0\x08ftyp" + b"\0\0\0\x02moov" * 1_000,
    "boxes to the end, in each other": b"\0\0\0\x08ftyp" + b"\0\0\0\0moov\0\0\0\0udta" * 10_000,
    "a box of sixteen exabytes": b"\0\0\0\x08ftyp" + struct.pack(">I4sQ", 1, b"moov", 2**64 - 1) + bytes(500),
    "items without end": p.box(b"ftyp", b"heic")
    + p.box(
        b"meta",
        bytes(4),
        p.box(b"iinf", bytes(4), b"\xff\xff", p.box(b"infe", b"\2\0\0\0\0\1\0\0Exif") * 60),
        p.box(b"iloc", b"\1\0\0\0\x44\x44\xff\xff" + b"\0\1\0\0\0\0\0\0\0\0\xff\xff" * 5_000),
    ),
    "chunks of a riff": b"RIFF\0\0\0\0WEBP" + b"EXIF\0\0\0\0" * 100_000,
    "blocks of a gif": b"GIF89a\0\0\0\0\0\0\0" + b"\x21\x01" + b"\1\0" * 300_000,
    "an xmp packet of beginnings": p.jpeg(*[p.xmp_segment(b"<dc:title " + b"dc:title>" * 7_000)] * 3),
    "an xmp packet of blanks": p.jpeg(p.xmp_segment(b"dc:title=" + b" " * 60_000)),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_headers_cost_little(data: bytes) -> None:
    assert_cheap(data)
    began = time.thread_time()
    metadata_of(Source.of_base64(base64.b64encode(data).decode()))
    assert time.thread_time() - began < LIMIT_S


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(FILES), st.data())
def test_a_file_that_is_cut_and_altered_anywhere_is_read_without_an_error(data: bytes, draw: st.DataObject) -> None:
    altered = bytearray(data[: draw.draw(st.integers(0, len(data)))])
    for _ in range(draw.draw(st.integers(0, 12))):
        if altered:
            # Headers stand at both ends: a change among the pixels shows nothing.
            at = draw.draw(st.integers(0, min(len(altered), 400) - 1)) * draw.draw(st.sampled_from((1, -1)))
            altered[at] = draw.draw(st.sampled_from((0, 1, 2, 8, 0x7F, 0x80, 0xFE, 0xFF)) | st.integers(0, 255))
    assert_cheap(bytes(altered))


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([file[:16] for file in FILES]), st.binary(max_size=600))
def test_any_bytes_behind_a_known_beginning_are_read_without_an_error(start: bytes, rest: bytes) -> None:
    assert_cheap(start + rest)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=400), st.integers(0, 400))
def test_any_text_in_the_place_of_base64_is_read_without_an_error(text: str, start: int) -> None:
    metadata_of(Source.of_base64(text, start))
    metadata_of(Source.of_base64("/9j/" + text))


def test_a_source_ends_after_so_many_reads_and_so_many_bytes() -> None:
    source = Source.of_bytes(bytes(10 * MAX_BYTES))
    assert sum(len(source.read(at, 30_000)) for at in range(0, 10 * MAX_BYTES, 30_000)) <= MAX_BYTES
    source = Source.of_bytes(bytes(100))
    assert [source.read(0, 1) for _ in range(MAX_READS + 1)].count(b"") == 1


def test_a_part_ends_where_its_file_ends() -> None:
    part = Source.of_bytes(b"0123456789").part(6, 2**64)
    assert (part.size, part.read(0, 99), part.read(9, 1), part.read(-1, 2)) == (4, b"6789", b"", b"")
