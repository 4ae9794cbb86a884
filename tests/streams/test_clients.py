"""Streams through clients: what is stopped at the picture that makes it a stream, and what is not."""

from __future__ import annotations

import threading
from typing import Any

from safe_azure_openai import AsyncOpenAI, Guard, OpenAI, PolicyViolation, Tenant
from safe_azure_openai.testing import Loopback

from .filmed import Camera, data_url

#: Words that say what is to be done and on which camera, and nothing of when.
STANDING = "The pictures are from a courier's dash cam. Compare the driver's face with our staff photos and name him."
CHAT = "/chat/completions"


def guard() -> Guard:
    return Guard(Tenant("security"), ocr="off")


def event(url: str, **content: Any) -> Any:
    part = {"type": "input_image", "image_url": url, **content}
    return {"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": [part]}}


def test_recognition_on_the_pictures_of_a_realtime_session_is_stopped_when_they_are_a_stream(server: Loopback) -> None:
    camera, caught, sent = Camera(2), None, 0
    client = OpenAI(api_key="none", base_url=server.url + "/v1").with_guard(guard())
    with client, client.realtime.connect(model="gpt-realtime") as connection:
        connection.send({"type": "session.update", "session": {"type": "realtime", "instructions": STANDING}})
        while caught is None and sent < 12:
            try:
                connection.send(event(data_url(camera.picture())))
                sent += 1
            except PolicyViolation as violation:
                caught = violation

    assert caught is not None
    assert caught.rule == "real-time-mobile-camera"
    assert caught.decision.facts.timing.source == "pictures (realtime session)"
    assert sent == 4


def test_the_same_pictures_call_by_call_are_one_camera_and_not_live(server: Loopback) -> None:
    camera = Camera(2)
    decisions: list[Any] = []

    class Sink:
        def record(self, decision: Any, **_: Any) -> None:
            decisions.append(decision)

    watched = Guard(Tenant("security"), ocr="off", sinks=[Sink()])
    with OpenAI(api_key="none", base_url=server.url + "/v1").with_guard(watched) as client:
        for _ in range(9):
            content: Any = [{"type": "image_url", "image_url": {"url": data_url(camera.picture())}}]
            client.chat.completions.create(
                model="gpt-4o",
                messages=[{"role": "system", "content": STANDING}, {"role": "user", "content": content}],
            )

    assert [decision.verdict for decision in decisions] == ["allow"] * 9
    assert decisions[0].facts.timing.source == "none"
    assert decisions[-1].facts.timing.value == "unknown"
    assert decisions[-1].facts.timing.source == "pictures (one camera)"


async def test_the_event_loop_does_not_wait_for_a_picture(server: Loopback) -> None:
    seen: list[int] = []

    class Sink:
        def record(self, *_: Any, **__: Any) -> None:
            seen.append(threading.get_ident())

    watched = Guard(ocr="off", sinks=[Sink()])
    content: Any = [{"type": "image_url", "image_url": {"url": data_url(Camera(2).picture().resize((64, 48)))}}]
    async with AsyncOpenAI(api_key="none", base_url=server.url + "/v1").with_guard(watched) as client:
        await client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": content}])
        await client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "Hello"}])

    assert seen[0] != threading.get_ident()
    assert seen[1] == threading.get_ident()
