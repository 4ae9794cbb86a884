"""What it costs to know a camera by its pictures, and what is remembered: ``python -m benchmarks.streams``.

A picture that is new is decoded to a thumbnail, compared with the last 48, and remembered. One that is sent again, and
the first of a session, are not decoded.
"""

from __future__ import annotations

import base64
import io
import resource
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageFilter

from safe_azure_openai.extract.attachments import from_data_url
from safe_azure_openai.model.request import Origin, Picture, Request, Segment
from safe_azure_openai.model.wire import Wire
from safe_azure_openai.streams import MemoryStore, Streams

SESSIONS = 1_000
IMAGES = 100_000
SIZES = ((320, 240), (1280, 720), (3840, 2160))


def street(width: int, height: int) -> Image.Image:
    """Return something to film: coloured blocks, four pictures wide."""
    random = np.random.default_rng(1)
    blocks = random.integers(0, 255, (12, 64, 3), dtype=np.uint8)
    return Image.fromarray(blocks).resize((4 * width, height), Image.Resampling.NEAREST).filter(ImageFilter.BoxBlur(2))


def frames(width: int, height: int, count: int) -> list[bytes]:
    """Return pictures of a camera that turns, as JPEG."""
    panorama = street(width, height)
    out: list[bytes] = []
    for number in range(count):
        left = int((1 + np.sin(number / 7)) * width)
        file = io.BytesIO()
        panorama.crop((left, 0, left + width, height)).save(file, "JPEG", quality=85)
        out.append(file.getvalue())
    return out


def request(data: bytes, who: str) -> Request:
    segments = (Segment("image", Origin.USER, "/image"), Segment("text", Origin.METADATA, "/user", who))
    encoded = "data:image/jpeg;base64," + base64.b64encode(data).decode()
    return Request("/chat/completions", segments, pictures=(Picture(0, encoded, encoded.index(",") + 1),))


def timed(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1e3


def row(name: str, times: list[float]) -> None:
    print(f"{name:<34}{statistics.median(times):>10.2f}{statistics.quantiles(times, n=100)[98]:>10.2f}")


def costs() -> None:
    print(f"{'one picture':<34}{'p50 ms':>10}{'p99 ms':>10}")
    wire = Wire("/chat/completions")
    for width, height in SIZES:
        some = [request(data, "somebody") for data in frames(width, height, 160)]
        streams = Streams()
        first = timed(lambda streams=streams, some=some: streams.watch(wire, (some[0],)))
        new = [timed(lambda one=one, streams=streams: streams.watch(wire, (one,))) for one in some[1:]]
        again = [timed(lambda streams=streams, some=some: streams.watch(wire, (some[-1],))) for _ in range(160)]
        heads = [timed(lambda one=one: from_data_url(str(one.pictures[0].encoded))) for one in some]
        name = f"{width} x {height}"
        row(f"{name}, new", new)
        row(f"{name}, sent again", again)
        row(f"{name}, headers alone", heads)
        print(f"{f'{name}, first of a session':<34}{first:>10.2f}")


def memory(images: int) -> None:
    """Print what is remembered of many pictures of many sessions, each picture with bytes of its own."""
    pool = frames(*SIZES[0], 64)
    store = MemoryStore()
    streams = Streams(store)
    wire = Wire("/chat/completions")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    times: list[float] = []
    print(f"\n{'images':>10}{'sessions':>10}{'remembered MB':>16}{'process +MB':>13}{'p50 ms':>10}{'p99 ms':>10}")
    for number in range(1, images + 1):
        data = pool[number % len(pool)] + number.to_bytes(8, "big")  # behind the end of the picture
        one = request(data, str(number % SESSIONS))
        times.append(timed(lambda one=one: streams.watch(wire, (one,))))
        if number % (images // 5) == 0:
            grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
            quantiles = f"{statistics.median(times):>10.2f}{statistics.quantiles(times, n=100)[98]:>10.2f}"
            print(f"{number:>10}{len(store):>10}{store.size / 1e6:>16.1f}{grown:>13.1f}{quantiles}")


def main(images: int = IMAGES) -> None:
    costs()
    memory(images)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else IMAGES)
