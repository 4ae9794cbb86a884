"""Ways round that were found by looking for them, each with what was found."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import openai
import pytest

import safe_azure_openai
from safe_azure_openai import OpenAI, PolicyViolation
from safe_azure_openai.extract import from_wire
from safe_azure_openai.model.wire import Wire
from safe_azure_openai.testing import Loopback, MarkerGuard
from safe_azure_openai.uploads import Uploads


@pytest.fixture
def client(server: Loopback) -> Iterator[OpenAI]:
    with OpenAI(api_key="none", base_url=server.url + "/v1", max_retries=0).with_guard(MarkerGuard()) as client:
        yield client


@pytest.mark.parametrize(
    "call",
    [
        lambda c: c.uploads.parts.create("upload_1", data=("a", b"{}\n"), extra_body={"note": "FORBIDDEN"}),
        lambda c: c.uploads.parts.create("upload_1", data=("FORBIDDEN", b"{}\n")),
        lambda c: c.uploads.complete("upload_1", part_ids=[], md5="FORBIDDEN"),
        lambda c: c.uploads.complete("upload_1", part_ids=["FORBIDDEN"]),
    ],
    ids=["a field beside the part", "the part's name", "a field of the completion", "a part's id"],
)
def test_what_stands_beside_the_content_of_an_upload_is_judged(
    call: Callable[[OpenAI], Any], client: OpenAI, server: Loopback
) -> None:
    client.uploads.create(bytes=3, filename="a.jsonl", mime_type="text/plain", purpose="batch")
    with pytest.raises(PolicyViolation):
        call(client)
    assert len(server.requests) == 1


def test_the_purpose_of_an_upload_cannot_break_out_of_the_form() -> None:
    uploads = Uploads()
    purpose = b'{"purpose": "\\r\\n--safe-azure-openai-part--\\r\\n"}'
    uploads.note(Wire("/uploads", "application/json", purpose), {"id": "upload_1"})
    body = b'--b\r\nContent-Disposition: form-data; name="data"; filename="x"\r\n\r\nwho is this\n\r\n--b--\r\n'
    (request,) = from_wire(uploads.whole(Wire("/uploads/upload_1/parts", "multipart/form-data; boundary=b", body)))
    assert any("who is this" in segment.text for segment in request.segments)


def test_a_client_that_a_copy_makes_for_itself_takes_no_guard_from_it() -> None:
    class Twofold(OpenAI):
        def __init__(self, **kwargs: Any) -> None:
            self.other = OpenAI(api_key="none")
            super().__init__(**kwargs)

    guard = MarkerGuard()
    copied = Twofold(api_key="none").with_guard(guard).copy()
    assert copied._enforcement.guard is guard
    assert copied.other._enforcement.guard is not guard


async def test_a_body_that_the_client_cannot_send_is_said_as_upstream_says_it(server: Loopback) -> None:
    """``openai`` 2 wraps it; the message is the same."""

    async def chunks() -> AsyncIterator[bytes]:
        yield b"fine"

    options: Any = {"api_key": "none", "base_url": server.url + "/v1", "max_retries": 0}
    said: set[str] = set()
    for module in (openai, safe_azure_openai):
        with module.OpenAI(**options) as client, pytest.raises((openai.APIConnectionError, RuntimeError)) as caught:
            client.post("/anything", content=chunks(), cast_to=object)
        said.add(str(caught.value.__cause__ or caught.value))
        async with module.AsyncOpenAI(**options) as other:
            with pytest.raises((openai.APIConnectionError, RuntimeError)) as caught:
                await other.post("/anything", content=iter([b"fine"]), cast_to=object)
        said.add(str(caught.value.__cause__ or caught.value))
    assert {words.replace("an sync", "a sync") for words in said} == {
        "Attempted to send an async request with a sync Client instance.",
        "Attempted to send a sync request with an AsyncClient instance.",
    }
    assert server.requests == []
