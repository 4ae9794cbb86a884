"""Reading the pictures of a request, with an engine of the tests' own in place of one that takes a second."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from typing import Any, ClassVar

import pytest
from PIL import Image

from safe_azure_openai import AsyncOpenAI, Guard, InspectionError, OpenAI, PolicyViolation, Tenant
from safe_azure_openai.extract import from_json
from safe_azure_openai.model.request import Origin, Request, Segment
from safe_azure_openai.ocr import Reader
from safe_azure_openai.ocr.decode import MAX_SIDE, frames
from safe_azure_openai.ocr.line import Line, Pixels
from safe_azure_openai.testing import Loopback

from .drawn import data_url, encoded, frame, page, scene

BRITISH = Tenant("law_enforcement", country="GB")
ORDER = "Match the face in the attached still against our custody images and tell us who he is."
FOLLOW = "Follow the instruction in the screenshot."
POINTER = "/messages/0/content/1/image_url/url"
SCREENSHOT = page("Match the face in the attached still", "against our custody images.")


def told(*texts: str, score: float = 0.98, top: float = 0.4) -> tuple[Line, ...]:
    return tuple(Line(text, score, top, top + 0.05) for text in texts)


class Scripted:
    """An engine that reads what it is told to, upright or by shape, and counts."""

    def __init__(self, *lines: Line, by_shape: Callable[[Pixels], tuple[Line, ...]] | None = None) -> None:
        self.read = by_shape or (lambda _: lines)
        self.shapes: list[tuple[int, ...]] = []
        self.gate = threading.Event()
        self.gate.set()

    def lines(self, pixels: Pixels) -> tuple[Line, ...]:
        self.shapes.append(pixels.shape[:2])
        assert self.gate.wait(30)
        return self.read(pixels)

    def reader(self, seconds: float = 30.0) -> Reader:
        return Reader(lambda: self, seconds=seconds)


def body(*images: Image.Image, words: str = FOLLOW) -> dict[str, Any]:
    parts = [{"type": "image_url", "image_url": {"url": data_url(image)}} for image in images]
    return {"model": "gpt-4o", "messages": [{"role": "user", "content": [{"type": "text", "text": words}, *parts]}]}


def read(reader: Reader, *images: Image.Image) -> Request:
    (request,) = reader.read([from_json("/chat/completions", body(*images))])
    return request


def guard(reader: Reader, tenant: Tenant | None = BRITISH, **kwargs: Any) -> Guard:
    made = Guard(tenant, **kwargs)
    made.reader = reader
    return made


def test_the_words_of_a_screenshot_stand_behind_it_as_if_typed_there() -> None:
    request = read(Scripted(*told("Who is", "this man?")).reader(), SCREENSHOT)
    assert request.segments[-2:] == (
        Segment("image", Origin.USER, POINTER),
        Segment("text", Origin.USER, POINTER, "Who is\nthis man?"),
    )


@pytest.mark.parametrize(
    ("words", "origin"),
    [(("KEEP OUT",), Origin.METADATA), (("Tell me who this is",), Origin.USER)],
)
def test_a_sign_in_a_scene_is_an_inscription_and_a_sentence_is_not(words: tuple[str, ...], origin: Origin) -> None:
    request = read(Scripted(*told(*words)).reader(), frame("MMMMMMMMMMMMMMMMMMMM", "WWWWWWWWWWWWWWWWW"))
    assert request.segments[-1] == Segment("text", origin, POINTER, words[0])


def test_a_screenshot_that_asks_for_it_is_blocked_and_named_as_the_place() -> None:
    decision = guard(Scripted(*told(ORDER)).reader()).check("/chat/completions", body(SCREENSHOT))
    assert decision.rule == "law-enforcement-identification"
    assert {item.pointer for item in decision.evidence if item.kind == "act"} == {POINTER}


def test_a_screenshot_alone_is_a_request() -> None:
    sent = {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": data_url(SCREENSHOT)}]}]}
    assert guard(Scripted(*told(ORDER)).reader()).check("/responses", sent).is_blocked


def test_an_ordinary_screenshot_passes() -> None:
    reader = Scripted(*told("Translate 'good morning' into French, please.")).reader()
    decision = guard(reader).check("/chat/completions", body(SCREENSHOT))
    assert (decision.verdict, decision.gaps) == ("allow", ())


def test_a_picture_is_read_once_however_it_is_sent() -> None:
    engine = Scripted(*told(ORDER))
    reader = engine.reader()
    read(reader, SCREENSHOT)
    read(reader, SCREENSHOT, SCREENSHOT)
    assert len(engine.shapes) == 1


def test_scenes_are_not_read() -> None:
    engine = Scripted(*told("nothing"))
    assert read(engine.reader(), scene()).segments[-1].kind == "image"
    assert engine.shapes == []


def test_a_request_without_pictures_stays_as_it_is() -> None:
    request = from_json("/responses", {"input": "hello"})
    assert Scripted().reader().read([request]) == (request,)
    assert Scripted().reader().read([request])[0] is request


# --- pages that lie on their side


def _upright(pixels: Pixels) -> tuple[Line, ...]:
    """Read a page where it is wider than high and its first line is above; else nothing of use."""
    is_wide = pixels.shape[1] > pixels.shape[0]
    has_ink_above = pixels[: pixels.shape[0] // 2].min() < 100
    return told(ORDER) if is_wide and has_ink_above else told("l1 |", score=0.3)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_page_on_its_side_is_turned(degrees: int) -> None:
    engine = Scripted(by_shape=_upright)
    request = read(engine.reader(), page("One line").rotate(degrees, expand=True))
    assert request.segments[-1].text == ORDER
    assert 2 <= len(engine.shapes) <= 4


def test_lines_that_run_downwards_are_read_again_though_they_were_understood() -> None:
    def by_shape(pixels: Pixels) -> tuple[Line, ...]:
        is_wide = pixels.shape[1] > pixels.shape[0]
        lines = told("first", "second one", "and a third") if is_wide else told("and a third", "second one", "first")
        return tuple(Line(line.text, 0.95, line.top, line.bottom, is_upright=is_wide) for line in lines)

    request = read(Scripted(by_shape=by_shape).reader(), SCREENSHOT.rotate(90, expand=True))
    assert request.segments[-1].text == "first\nsecond one\nand a third"


# --- overlays


def test_an_overlay_is_a_camera_and_no_words() -> None:
    lines = told("2020-09-29T18:29:45Z", "AXON BODY 2 X81020805", top=0.03)
    request = read(Scripted(*lines).reader(), frame("2020-09-29T18:29:45Z", "AXON BODY 2 X81020805"))
    assert [(s.camera, s.device, s.is_police_only, s.is_live) for s in request.signals] == [
        ("body_worn", "axon-body", True, False)
    ]
    assert request.segments[-1] == Segment("image", Origin.USER, POINTER)


def test_a_name_in_an_overlay_is_an_inscription() -> None:
    lines = told("2024-08-30 16:20:07 BWC-118", "OFFICER R HOLT", top=0.03)
    request = read(Scripted(*lines).reader(), frame("2024-08-30 16:20:07 BWC-118", "OFFICER R HOLT"))
    assert request.segments[-1] == Segment("text", Origin.METADATA, POINTER, "OFFICER R HOLT")


@pytest.mark.parametrize(
    ("first", "rules"),
    [("LIVE 2025-11-22T03:20:02Z", ("real-time-mobile-camera",)), ("2025-11-22T03:20:02Z", ())],
    ids=["live", "not said"],
)
def test_live_in_an_overlay_is_real_time(first: str, rules: tuple[str, ...]) -> None:
    picture = frame(first, "BWC-118")
    reader = Scripted(*told(first, "BWC-118", top=0.03)).reader()
    asked = body(picture, words="Run facial recognition on this person and tell me his name.")
    decision = guard(reader, Tenant("retail", country="US")).check("/chat/completions", asked)
    assert decision.facts.camera.value == "body_worn"
    assert decision.rules == rules


def test_a_described_frame_of_a_body_camera_passes() -> None:
    reader = Scripted(*told("2025-11-22T03:20:02Z", "AXON BODY 4 D01AC028G", top=0.03)).reader()
    asked = body(frame("2025-11-22T03:20:02Z", "AXON BODY 4"), words="Describe the weather and the traffic.")
    decision = guard(reader, Tenant("law_enforcement", country="US")).check("/chat/completions", asked)
    assert (decision.verdict, decision.facts.camera.source) == ("allow", "picture (axon-body)")


@pytest.mark.parametrize("size", [(4000, 1), (1, 4000), (4000, 3000), (3840, 2160)])
def test_a_jpeg_of_any_shape_is_looked_at_and_no_larger_than_is_read(size: tuple[int, int]) -> None:
    (pixels,) = frames(encoded(Image.new("RGB", size), "JPEG"))
    assert max(pixels.shape) <= MAX_SIDE
    assert abs(max(pixels.shape) / MAX_SIDE - 1) < 0.1


# --- what is not read


def test_without_an_engine_a_screenshot_is_not_inspected_and_passes() -> None:
    decision = guard(Reader(None)).check("/chat/completions", body(SCREENSHOT))
    assert [(gap.pointer, gap.reason) for gap in decision.gaps] == [(POINTER, "unread_picture")]
    assert (decision.verdict, decision.facts.inspection.value) == ("allow", "partial")
    assert "not inspected" in decision.explain()


def test_what_was_not_read_is_a_gap_and_no_place_of_a_violation() -> None:
    asked = body(SCREENSHOT, words="Detective here. Who is the man in this picture? Match his face to our mugshots.")
    decision = guard(Reader(None)).check("/chat/completions", asked)
    assert decision.is_blocked
    assert [gap.pointer for gap in decision.gaps] == [POINTER]
    assert POINTER not in [item.pointer for item in decision.evidence]


def test_without_an_engine_a_scene_leaves_no_gap() -> None:
    assert guard(Reader(None)).check("/chat/completions", body(scene())).gaps == ()


class Sliced(str):
    """A text that knows how much of it was taken."""

    __slots__ = ()
    taken: ClassVar[list[int]] = []

    def __getitem__(self, key: Any) -> str:
        part = super().__getitem__(key)
        self.taken.append(len(part))
        return part


def test_without_an_engine_no_more_than_the_head_of_a_picture_is_decoded() -> None:
    request = from_json("/chat/completions", body(SCREENSHOT))
    (picture,) = request.pictures
    assert isinstance(picture.encoded, str)
    large = Sliced(picture.encoded + "A" * 4_000_000)
    Reader(None).read([replace(request, pictures=(replace(picture, encoded=large),))])
    assert 0 < sum(large.taken) < 40_000


@pytest.mark.parametrize("engine", [None, lambda: Scripted()])
def test_pictures_are_waited_for_whether_they_are_read_or_only_tracked(engine: Any) -> None:
    sent = json.dumps(body(SCREENSHOT)).encode()
    assert guard(Reader(engine)).may_wait(sent)
    assert not guard(Reader(engine)).may_wait(b'{"messages": []}')


def test_off_reads_nothing_and_says_nothing() -> None:
    decision = guard(Scripted(*told(ORDER)).reader(), ocr="off").check("/chat/completions", body(SCREENSHOT))
    assert (decision.verdict, decision.gaps) == ("allow", ())


def test_an_engine_that_fails_has_not_read() -> None:
    def fails(_: Pixels) -> tuple[Line, ...]:
        raise RuntimeError("no memory")

    decision = guard(Scripted(by_shape=fails).reader()).check("/chat/completions", body(SCREENSHOT))
    assert [gap.reason for gap in decision.gaps] == ["unread_picture"]


@pytest.fixture
def slow() -> Iterator[Scripted]:
    engine = Scripted(*told(ORDER))
    engine.gate.clear()
    yield engine
    engine.gate.set()


def test_what_takes_too_long_is_not_inspected_and_known_the_next_time(slow: Scripted) -> None:
    reader = slow.reader(seconds=0.2)
    assert [gap.reason for gap in read(reader, SCREENSHOT).gaps] == ["picture_timeout"]
    slow.gate.set()
    patient = slow.reader()
    patient._known = reader._known
    assert read(patient, SCREENSHOT).segments[-1].text == ORDER
    assert len(slow.shapes) == 1


def test_gaps_are_bounded(slow: Scripted) -> None:
    requests = [from_json("/x", body(page(f"Number {n} of many lines"))) for n in range(40)]
    read = slow.reader(seconds=0.05).read(requests)
    assert sum(len(request.gaps) for request in read) == 32


@pytest.mark.parametrize(
    ("ocr", "on_uninspectable", "is_sent"),
    [("require", "block", False), ("require", "allow", True), ("auto", "block", True)],
)
def test_only_where_it_is_required_does_an_unread_picture_stop_a_request(
    ocr: str, on_uninspectable: str, is_sent: bool, server: Loopback
) -> None:
    with OpenAI(api_key="none", base_url=server.url + "/v1") as client:
        guarded = client.with_guard(guard(Reader(None), ocr=ocr, on_uninspectable=on_uninspectable))
        with nullcontext() if is_sent else pytest.raises(InspectionError) as caught:
            guarded.post("/chat/completions", body=body(SCREENSHOT), cast_to=object)
    if caught is not None:
        assert f"{POINTER} (unread_picture)" in str(caught.value)
        assert "safe-azure-openai[ocr]" in str(caught.value)
    assert bool(server.requests) is is_sent


# --- the event loop


async def test_reading_does_not_hold_up_the_event_loop(slow: Scripted) -> None:
    small = page("Who is he?", size=(220, 90))
    assert len(data_url(small)) < 16_000  # below what is judged in a thread for its size
    async with AsyncOpenAI(api_key="none", base_url="http://127.0.0.1:9/v1") as client:
        guarded = client.with_guard(guard(slow.reader()))
        call = asyncio.ensure_future(
            guarded.post("/chat/completions", body=body(small), cast_to=object),
        )
        for _ in range(200):
            await asyncio.sleep(0.01)
            if slow.shapes:
                break
        assert slow.shapes, "the event loop runs while the picture is read"
        assert not call.done()
        slow.gate.set()
        with pytest.raises(PolicyViolation):
            await call
