"""What one picture costs at each stage, beside libraries that do part of it: ``python -m benchmarks pictures``.

- headers: the data URL is read, and its camera looked up;
- gate: the pixels are decoded and looked at, to tell whether there is anything to read;
- tracker: the picture is compared with the last 48 of its session, and remembered;
- text: it is read. That takes the extra ``ocr``.

The peer of the first three is Pillow, which decodes the same bytes; that of the last is RapidOCR as it comes, on the
pixels of the same picture. Every picture has bytes of its own, so that nothing is known from before.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterable
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
from PIL import Image

from safe_azure_openai.extract.attachments import from_data_url
from safe_azure_openai.model.request import Origin, Picture, Request, Segment
from safe_azure_openai.model.wire import Wire
from safe_azure_openai.ocr import Reader
from safe_azure_openai.ocr.engine import RapidOcr, is_installed
from safe_azure_openai.ocr.line import Line, Pixels
from safe_azure_openai.streams import Streams

from .drawn import encoded, frames, page, photograph, renewed, url
from .timing import in_turns, p50_p99

ROUNDS, ROUNDS_OF_TEXT = 200, 16
WIRE = Wire("/chat/completions")
Call = Callable[[], object]


class Blind:
    """An engine that reads nothing, so that what is measured is the look before it."""

    def lines(self, pixels: Pixels) -> tuple[Line, ...]:  # noqa: ARG002 - an engine is given them
        return ()


def request(data: bytes) -> Request:
    encoded = url(data)
    return Request(
        WIRE.path,
        (Segment("image", Origin.USER, "/image"),),
        pictures=(Picture(0, encoded, encoded.index(",") + 1),),
    )


def by_pillow(encoded: str) -> object:
    """Decode the picture in a data URL, as a program would that wants its pixels."""
    with Image.open(io.BytesIO(base64.b64decode(encoded[encoded.index(",") + 1 :]))) as image:
        return image.convert("RGB")


def pictures() -> dict[str, bytes]:
    return {
        "photograph, 320 x 240": encoded(photograph(320, 240)),
        "photograph, 1280 x 720": encoded(photograph(1280, 720)),
        "photograph, 4000 x 3000": encoded(photograph(4000, 3000)),
        "screenshot, 1000 x 188": encoded(page(), "PNG"),
        "page, 1000 x 512": encoded(page(12), "PNG"),
    }


def row(name: str, stage: str, ours: list[float], peer: list[float]) -> None:
    p50, p99 = p50_p99(ours)
    base = p50_p99(peer)[0]
    print(f"{name:<26}{stage:<10}{len(ours):>7}{p50:>10.3f}{p99:>10.3f}{base:>10.2f}{p50 / base:>9.2f}")


def stages(name: str, data: bytes) -> None:
    """Print what a picture costs beside decoding it; all stages take turns with that."""
    blind, streams = Reader(Blind), Streams()
    streams.watch(WIRE, (request(data),))  # the first of a session is not decoded
    columns: dict[str, Iterable[Call]] = {
        "peer": (partial(by_pillow, url(one)) for one in renewed(data, ROUNDS)),
        "headers": (partial(from_data_url, url(one)) for one in renewed(data, ROUNDS)),
        "gate": (partial(blind.read, (request(one),)) for one in renewed(data, ROUNDS)),
        "tracker": (partial(streams.watch, WIRE, (request(one),)) for one in renewed(data, ROUNDS)),
    }
    found = dict(zip(columns, in_turns(*columns.values()), strict=True))
    for stage in ("headers", "gate", "tracker"):
        row(name, stage, found[stage], found["peer"])


def text(name: str, data: bytes, plain: Any) -> None:
    """Print what reading a page costs beside the engine as it comes."""
    reader = Reader(RapidOcr, seconds=600.0)
    with Image.open(io.BytesIO(data)) as image:
        pixels = np.ascontiguousarray(np.asarray(image.convert("RGB"))[:, :, ::-1])
    (warm,) = reader.read((request(data),))
    assert len(warm.segments) > 1, name
    ours = (partial(reader.read, (request(one),)) for one in renewed(data, ROUNDS_OF_TEXT))
    peer: list[Call] = [partial(plain, pixels)] * ROUNDS_OF_TEXT
    peer[0]()
    row(name, "text", *in_turns(ours, peer))


def main() -> None:
    print(f"{'one picture':<26}{'stage':<10}{'rounds':>7}{'p50 ms':>10}{'p99 ms':>10}{'peer ms':>10}{'x peer':>9}")
    some = pictures()
    for name, data in {**some, "frame, 1280 x 720": frames(1280, 720, 1)[0]}.items():
        stages(name, data)
    if not is_installed():
        print("text: not measured, the extra ocr is not installed")
        return
    plain = import_module("rapidocr").RapidOCR(params={"Global.log_level": "critical"})
    for name in ("screenshot, 1000 x 188", "page, 1000 x 512"):
        text(name, some[name], plain)


if __name__ == "__main__":
    main()
