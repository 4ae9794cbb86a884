"""Which pictures are taken for those of one moving camera, and for live."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

from safe_azure_openai.extract import from_json
from safe_azure_openai.model.request import Overlay, Request, Stream
from safe_azure_openai.model.wire import Wire
from safe_azure_openai.streams import MemoryStore, Streams
from safe_azure_openai.streams.frame import frames_of
from safe_azure_openai.streams.profile import profile_of

from .filmed import Camera, data_url, document, encoded, portrait

CHAT = "/chat/completions"


class Clock:
    now = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now


def request(*pictures: str, path: str = CHAT, **fields: Any) -> Request:
    content = [{"type": "image_url", "image_url": {"url": url}} for url in pictures]
    return from_json(path, {"messages": [{"role": "user", "content": content}], **fields})


def filmed(camera: Camera, count: int) -> Iterator[str]:
    for _ in range(count):
        yield data_url(camera.picture())


def told(
    streams: Streams,
    pictures: Iterable[str],
    *,
    clock: Clock | None = None,
    step_s: float = 1.0,
    overlays: Iterable[Overlay | None] = (),
    connection: str = "",
    **fields: Any,
) -> list[Stream | None]:
    """Return what each of some requests with a picture tells together with those before it."""
    out: list[Stream | None] = []
    shown = iter(overlays)
    for picture in pictures:
        one = request(picture, **fields)
        overlay = next(shown, None)
        if overlay is not None:
            one = replace(one, overlays=(replace(overlay, segment=one.pictures[0].segment),))
        (seen,) = streams.watch(Wire(one.path, connection=connection), (one,))
        out.append(seen.stream)
        if clock is not None:
            clock.now += step_s
    return out


def test_pictures_of_one_moving_camera_are_known_after_half_a_dozen() -> None:
    found = told(Streams(), filmed(Camera(1), 12))

    assert found[:5] == [None] * 5
    assert all(stream is not None and stream.is_one_camera and not stream.live for stream in found[8:])


@pytest.mark.parametrize("cameras", [2, 4, 8])
def test_cameras_that_take_turns_are_known_too(cameras: int) -> None:
    some = [Camera(10 + number) for number in range(cameras)]
    pictures = [data_url(camera.picture()) for _ in range(32 // cameras) for camera in some]

    assert any(told(Streams(), pictures))


@pytest.mark.parametrize("draw", [portrait, document])
def test_portraits_and_pages_are_no_stream(draw: Any) -> None:
    assert told(Streams(), [data_url(draw(number)) for number in range(20)]) == [None] * 20


def test_photographs_of_different_places_are_no_stream() -> None:
    pictures = [data_url(Camera(100 + place).picture()) for place in range(20)]

    assert told(Streams(), pictures) == [None] * 20


def test_the_same_picture_again_is_no_stream() -> None:
    url = data_url(Camera(1).picture())

    assert told(Streams(), [url] * 20) == [None] * 20


def test_a_chat_that_sends_its_pictures_again_tells_no_more_than_one_that_does_not() -> None:
    streams, sent = Streams(), list(filmed(Camera(1), 5))
    for count in range(1, 6):
        (seen,) = streams.watch(Wire(CHAT), (request(*sent[:count]),))

    assert seen.stream is None


def test_pictures_that_come_too_slowly_are_no_stream() -> None:
    clock = Clock()

    assert told(Streams(clock=clock), filmed(Camera(1), 10), clock=clock, step_s=60.0) == [None] * 10


def test_people_and_connections_are_kept_apart() -> None:
    camera, streams = Camera(1), Streams()
    for number, picture in enumerate(filmed(camera, 12)):
        assert told(streams, [picture], user=f"user-{number % 4}") == [None]
    for number, picture in enumerate(filmed(camera, 12)):
        assert told(streams, [picture], connection=f"conv_{number % 4}") == [None]


def test_the_first_picture_of_a_session_is_not_decoded() -> None:
    store = MemoryStore()
    told(Streams(store), filmed(Camera(1), 1))
    told(Streams(store), filmed(Camera(1), 2), user="another")

    kept = [frames_of(store.pieces(name))["is_scene"].tolist() for name in store]
    assert kept == [[False], [False, True]]


def test_an_upload_of_many_requests_is_not_live() -> None:
    requests = tuple(request(url) for url in filmed(Camera(1), 12))

    assert Streams().watch(Wire("/files"), requests) == requests


def test_a_broken_picture_is_no_scene() -> None:
    broken = ["data:image/jpeg;base64,/9j/" + letter * 400 for letter in "ABCDEFGHIJ"]

    assert told(Streams(), broken) == [None] * 10
    assert profile_of(b"\xff\xd8\xff") is None


def test_a_picture_of_very_many_pixels_is_not_decoded() -> None:
    assert profile_of(encoded(Image.new("L", (5_000, 4_000)))) is None


# --- live


def test_the_camera_of_a_realtime_session_is_live() -> None:
    found = told(Streams(), filmed(Camera(1), 8), path="/realtime", connection="conv_1")

    assert found[-1] is not None
    assert found[-1].live == "realtime session"


def test_a_few_pictures_in_a_realtime_session_are_no_camera() -> None:
    assert told(Streams(), filmed(Camera(1), 3), path="/realtime", connection="conv_1") == [None] * 3


def test_a_camera_that_turns_fast_in_a_realtime_session_is_live_without_likeness() -> None:
    pictures = [data_url(Camera(100 + place).picture()) for place in range(8)]
    found = told(Streams(), pictures, path="/realtime", connection="conv_1")

    assert found[-1] is not None
    assert (found[-1].is_one_camera, found[-1].live) == (False, "realtime session")


def test_live_in_an_overlay_makes_a_stream_live() -> None:
    found = told(Streams(), filmed(Camera(1), 8), overlays=[Overlay(0, is_live=True)] * 8)

    assert found[-1] is not None
    assert found[-1].live == "LIVE"


@pytest.mark.parametrize(
    ("step_s", "live"),
    [(1.0, "clock"), (0.25, ""), (3.0, "")],
    ids=["as it films", "recorded, sent faster", "recorded, sent slower"],
)
def test_a_clock_that_runs_with_the_arrivals_makes_a_stream_live(step_s: float, live: str) -> None:
    clock = Clock()
    overlays = [Overlay(0, clock_s=(86_395.0 + second) % 86_400) for second in range(12)]
    found = told(Streams(clock=clock), filmed(Camera(1), 12), clock=clock, step_s=step_s, overlays=overlays)

    assert found[-1] is not None
    assert found[-1].live == live


def test_an_overlay_says_nothing_of_pictures_that_are_no_stream() -> None:
    pictures = [data_url(Camera(100 + place).picture()) for place in range(8)]

    assert told(Streams(), pictures, overlays=[Overlay(0, is_live=True)] * 8) == [None] * 8


# --- what is kept


def test_what_is_kept_is_bounded_in_sessions_bytes_and_age() -> None:
    clock = Clock()
    store = MemoryStore(max_sessions=10, max_bytes=5_000, clock=clock)
    for session in range(100):
        for _ in range(5):
            store.add(str(session), b"x" * 100)
        assert len(store) <= 10
        assert store.size <= 5_000
    assert store.pieces("99") == b"x" * 500
    assert store.pieces("0") == b""
    clock.now += 1_000
    assert store.pieces("99") == b""
    assert (len(store), store.size) == (0, 0)


def test_of_one_session_the_last_pictures_are_kept() -> None:
    store = MemoryStore()
    for number in range(100):
        store.add("a", number.to_bytes(4, "big"))

    assert len(store.pieces("a")) == 48 * 4
    assert store.pieces("a").endswith((99).to_bytes(4, "big"))


def test_a_picture_costs_milliseconds() -> None:
    streams, pictures = Streams(), list(filmed(Camera(1), 48))
    told(streams, pictures)
    began = time.perf_counter()
    told(streams, filmed(Camera(1), 1))

    assert time.perf_counter() - began < 1.0  # some 5 ms; a mistake of an order of growth is a second
