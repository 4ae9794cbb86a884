"""What it costs to read the headers of a picture, whatever its size: ``python -m benchmarks images``.

The goal is 150 us for a JPEG data URL of 4 MB on one core; parsing the same URL as JSON stands beside it.
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Callable

from safe_azure_openai.extract.attachments import from_data_url
from safe_azure_openai.extract.images import Source, metadata_of, recognise

from .timing import p50_p99, times

KB = 1024


def exif(fields: dict[int, str]) -> bytes:
    """Return an Exif block with these fields in its first directory."""
    behind = 8 + 2 + 12 * len(fields) + 4
    entries, data = b"", b""
    for tag, text in sorted(fields.items()):
        entries += struct.pack("<HHII", tag, 2, len(text) + 1, behind + len(data))
        data += text.encode() + b"\0"
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(fields)) + entries + bytes(4) + data


BLOCK = exif({0x010F: "Axon", 0x0110: "Axon Body 4", 0x0131: "V1.9", 0x013B: "Police Department", 0x8298: "2026"})


def jpeg(size: int) -> bytes:
    app1 = b"Exif\0\0" + BLOCK
    return b"\xff\xd8\xff\xe1" + struct.pack(">H", len(app1) + 2) + app1 + b"\xff\xda" + b"\x55" * size


def png(size: int) -> bytes:
    chunks = b"\0\0\x20\0IDAT" + bytes(8 * KB + 4)
    tail = struct.pack(">I", len(BLOCK)) + b"eXIf" + BLOCK + bytes(4) + b"\0\0\0\0IEND" + bytes(4)
    return b"\x89PNG\r\n\x1a\n" + chunks * (size // len(chunks)) + tail


def webp(size: int) -> bytes:
    pixels = b"VP8 " + struct.pack("<I", size) + bytes(size)
    return b"RIFF" + bytes(4) + b"WEBP" + pixels + b"EXIF" + struct.pack("<I", len(BLOCK)) + BLOCK


def mp4(size: int) -> bytes:
    text = struct.pack(">I4sHH", 23, b"\xa9mod", 11, 0) + b"Axon Body 4"
    udta = struct.pack(">I4s", len(text) + 8, b"udta") + text
    moov = struct.pack(">I4s", len(udta) + 8, b"moov") + udta
    return b"\0\0\0\x10ftypisom\0\0\0\0" + struct.pack(">I4s", size + 8, b"mdat") + bytes(size) + moov


def quantiles(call: Callable[[], object], rounds: int = 2_000) -> tuple[float, float]:
    """Return the median and the 99th percentile of one call, in microseconds."""
    p50, p99 = p50_p99(times([call] * rounds))
    return p50 * 1e3, p99 * 1e3


def main() -> None:
    print(
        f"{'picture':<12}{'bytes':>10}{'headers p50 us':>16}{'p99 us':>9}{'with camera':>13}{'data URL':>10}{'json':>9}"
    )
    for name, make in (("JPEG", jpeg), ("PNG", png), ("WebP", webp), ("MP4", mp4)):
        for size in (4 * KB, 100 * KB, 4 * KB * KB):
            data = make(size)
            url = f"data:image/{name.lower()};base64," + base64.b64encode(data).decode()
            start = url.index(",") + 1
            raw = json.dumps(url)

            def headers(url: str = url, start: int = start) -> object:
                return metadata_of(Source.of_base64(url, start))

            def camera(url: str = url, start: int = start) -> object:
                metadata = metadata_of(Source.of_base64(url, start))
                assert metadata is not None
                return recognise(metadata)

            assert camera() is not None, name
            p50, p99 = quantiles(headers)
            whole, _ = quantiles(lambda url=url: from_data_url(url))
            parse, _ = quantiles(lambda raw=raw: json.loads(raw), 50)
            seen, _ = quantiles(camera)
            print(f"{name:<12}{len(data):>10}{p50:>16.0f}{p99:>9.0f}{seen:>13.0f}{whole:>10.0f}{parse:>9.0f}")


if __name__ == "__main__":
    main()
