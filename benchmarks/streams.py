"""What it costs to know a camera by its pictures, and what is remembered: ``python -m benchmarks streams``.

A picture that is new is decoded to a thumbnail, compared with the last 48, and remembered. One that is sent again, and
the first of a session, are not decoded.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

from safe_azure_openai.extract.attachments import from_data_url
from safe_azure_openai.model.request import Origin, Picture, Request, Segment
from safe_azure_openai.model.wire import Wire
from safe_azure_openai.streams import MemoryStore, Streams

from .drawn import frames, url
from .timing import p50_p99, timed

SESSIONS = 1_000
IMAGES = 100_000
SIZES = ((320, 240), (1280, 720), (3840, 2160))


def request(data: bytes, who: str) -> Request:
    segments = (Segment("image", Origin.USER, "/image"), Segment("text", Origin.METADATA, "/user", who))
    encoded = url(data)
    return Request("/chat/completions", segments, pictures=(Picture(0, encoded, encoded.index(",") + 1),))


def row(name: str, times: list[float]) -> None:
    p50, p99 = p50_p99(times)
    print(f"{name:<34}{p50:>10.2f}{p99:>10.2f}")


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


def resident_mb() -> float:
    """Return how much memory this process has now; where the system does not tell, the most that it ever had."""
    told = Path("/proc/self/statm")
    if told.exists():
        return int(told.read_text().split()[1]) * resource.getpagesize() / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def memory(images: int) -> None:
    """Print what is remembered of many pictures of many sessions, each picture with bytes of its own."""
    pool = frames(*SIZES[0], 64)
    store = MemoryStore()
    streams = Streams(store)
    wire = Wire("/chat/completions")
    before = resident_mb()
    times: list[float] = []
    print(f"\n{'images':>10}{'sessions':>10}{'remembered MB':>16}{'process +MB':>13}{'p50 ms':>10}{'p99 ms':>10}")
    for number in range(1, images + 1):
        data = pool[number % len(pool)] + number.to_bytes(8, "big")  # behind the end of the picture
        one = request(data, str(number % SESSIONS))
        times.append(timed(lambda one=one: streams.watch(wire, (one,))))
        if number % (images // 5) == 0:
            grown = resident_mb() - before
            p50, p99 = p50_p99(times)
            print(f"{number:>10}{len(store):>10}{store.size / 1e6:>16.1f}{grown:>13.1f}{p50:>10.2f}{p99:>10.2f}")


def main(images: int = IMAGES) -> None:
    costs()
    memory(images)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else IMAGES)
