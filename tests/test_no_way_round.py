"""The ways out that reflection cannot make up arguments for: raw calls, bodies merged late, uploads, helpers, copies.

Each case sends words that a guard forbids. Nothing may arrive, and the same call with other words must.
"""

from __future__ import annotations

import io
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import openai
import pydantic
import pytest

from safe_azure_openai import AsyncAzureOpenAI, AsyncOpenAI, AzureOpenAI, OpenAI, PolicyViolation, install
from safe_azure_openai.client import THREAD_BYTES
from safe_azure_openai.model.wire import Wire
from safe_azure_openai.testing import Loopback, MarkerGuard, Reply

WORDS = ("FORBIDDEN", "fine")
FORM: Any = {"headers": {"Content-Type": "multipart/form-data"}}


class Body(pydantic.BaseModel):
    words: str


def messages(words: str) -> Any:
    return [{"role": "user", "content": words}]


class Once:
    """A file that can be read once and not rewound, as a pipe or a socket."""

    def __init__(self, words: str) -> None:
        self._rest = words.encode()

    def read(self, size: int = -1) -> bytes:
        chunk, self._rest = (self._rest, b"") if size < 0 else (self._rest[:size], self._rest[size:])
        return chunk


def once(words: str) -> Any:
    return ("a.txt", Once(words))


def function_tool(words: str) -> Any:
    return {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "description": words}}}


def read_stream(stream: Any) -> None:
    for _ in stream.iter_bytes() if hasattr(stream, "iter_bytes") else stream:
        pass


def in_context(manager: Any) -> None:
    with manager as entered:
        read_stream(entered)


#: Name of the way -> what takes it, given a client and words.
WAYS: dict[str, Callable[[OpenAI, str], Any]] = {
    "post a dict": lambda c, w: c.post("/anything", body={"words": w}, cast_to=object),
    "post a pydantic model": lambda c, w: c.post("/anything", body=Body(words=w), cast_to=object),
    "post bytes": lambda c, w: c.post("/anything", content=w.encode(), cast_to=object),
    "post an iterator": lambda c, w: c.post(
        "/anything", content=iter([w[:4].encode(), w[4:].encode()]), cast_to=object
    ),
    "put": lambda c, w: c.put("/anything", body={"words": w}, cast_to=object),
    "patch": lambda c, w: c.patch("/anything", body={"words": w}, cast_to=object),
    "delete with a body": lambda c, w: c.delete("/anything", body={"words": w}, cast_to=object),
    "get with words in the path": lambda c, w: c.get(f"/anything/{w}", cast_to=object),
    "get with words in the query": lambda c, w: c.get("/anything", options={"params": {"q": w}}, cast_to=object),
    "an absolute address": lambda c, w: c.post(f"{c.base_url}else/{w}", cast_to=object),
    "extra_body replaces the messages": lambda c, w: c.chat.completions.create(
        model="m", messages=messages("fine"), extra_body={"messages": messages(w)}
    ),
    "extra_query": lambda c, w: c.chat.completions.create(model="m", messages=messages("fine"), extra_query={"q": w}),
    "the model's name": lambda c, w: c.chat.completions.create(model=w, messages=messages("fine")),
    "default_query": lambda c, w: c.with_options(default_query={"q": w}).models.list(),
    "raw response": lambda c, w: c.chat.completions.with_raw_response.create(model="m", messages=messages(w)),
    "streaming response": lambda c, w: in_context(
        c.chat.completions.with_streaming_response.create(model="m", messages=messages(w))
    ),
    "raw response of the client": lambda c, w: c.with_raw_response.embeddings.create(model="m", input=w),
    "stream": lambda c, w: read_stream(c.chat.completions.create(model="m", messages=messages(w), stream=True)),
    "stream helper": lambda c, w: in_context(c.chat.completions.stream(model="m", messages=messages(w))),
    "parse": lambda c, w: c.chat.completions.parse(model="m", messages=messages(w)),
    "response format": lambda c, w: c.chat.completions.create(
        model="m",
        messages=messages("fine"),
        response_format={"type": "json_schema", "json_schema": {"name": "s", "schema": {"title": w}}},
    ),
    "function tool": lambda c, w: c.chat.completions.create(
        model="m", messages=messages("fine"), tools=[function_tool(w)]
    ),
    "predicted output": lambda c, w: c.chat.completions.create(
        model="m", messages=messages("fine"), prediction={"type": "content", "content": w}
    ),
    "metadata": lambda c, w: c.chat.completions.create(model="m", messages=messages("fine"), metadata={"k": w}),
    "user": lambda c, w: c.chat.completions.create(model="m", messages=messages("fine"), user=w),
    "prompt variables": lambda c, w: c.responses.create(model="m", prompt={"id": "pmpt_1", "variables": {"v": w}}),
    "MCP tool": lambda c, w: c.responses.create(
        model="m",
        input="fine",
        tools=[{"type": "mcp", "server_label": "s", "server_url": "http://x", "server_description": w}],
    ),
    "instructions": lambda c, w: c.responses.create(model="m", input="fine", instructions=w),
    "responses stream helper": lambda c, w: in_context(c.responses.stream(model="m", input=w)),
    "embeddings": lambda c, w: c.embeddings.create(model="m", input=w),
    "file from bytes": lambda c, w: c.files.create(file=("a.txt", w.encode()), purpose="assistants"),
    "file from memory": lambda c, w: c.files.create(file=io.BytesIO(w.encode()), purpose="assistants"),
    "file read once": lambda c, w: c.post("/anything", files={"file": once(w)}, cast_to=object, options=FORM),
    "file name": lambda c, w: c.files.create(file=(w, b"fine"), purpose="assistants"),
    "form field": lambda c, w: c.images.edit(image=("a.png", b"png"), prompt=w),
    "transcription prompt": lambda c, w: c.audio.transcriptions.create(file=("a.mp3", b"mp3"), model="m", prompt=w),
    "conversation item": lambda c, w: c.conversations.items.create(
        "conv_1", items=[{"type": "message", "role": "user", "content": w}]
    ),
    "vector store search": lambda c, w: c.vector_stores.search("vs_1", query=w),
    "copy": lambda c, w: c.copy().chat.completions.create(model="m", messages=messages(w)),
    "with_options": lambda c, w: c.with_options(max_retries=0).chat.completions.create(model="m", messages=messages(w)),
    "copy of a copy": lambda c, w: (
        c.copy().with_options(timeout=9).copy().chat.completions.create(model="m", messages=messages(w))
    ),
    "a resource made by hand": lambda c, w: openai.resources.Embeddings(c).create(model="m", input=w),
}


@pytest.fixture
def client(server: Loopback) -> Iterator[OpenAI]:
    with OpenAI(api_key="none", base_url=server.url + "/v1", max_retries=0).with_guard(MarkerGuard()) as client:
        yield client


@pytest.fixture
async def async_client(server: Loopback) -> AsyncIterator[AsyncOpenAI]:
    client = AsyncOpenAI(api_key="none", base_url=server.url + "/v1", max_retries=0).with_guard(MarkerGuard())
    async with client:
        yield client


@pytest.mark.parametrize("way", WAYS)
def test_forbidden_words_are_stopped_and_others_are_sent(way: str, client: OpenAI, server: Loopback) -> None:
    with pytest.raises(PolicyViolation):
        WAYS[way](client, "FORBIDDEN")
    assert server.requests == []
    assert server.connections == 0
    WAYS[way](client, "harmless")
    assert len(server.requests) == 1


@pytest.mark.parametrize("words", WORDS)
def test_an_open_file_is_judged_and_sent_whole(words: str, client: OpenAI, server: Loopback, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("x" * 200_000 + words)
    for file in (path, path.open("rb")):
        if words == "FORBIDDEN":
            with pytest.raises(PolicyViolation):
                client.files.create(file=file, purpose="assistants")
        else:
            client.files.create(file=file, purpose="assistants")
        if not isinstance(file, Path):
            file.close()
    assert [path.read_bytes() in request.body for request in server.requests] == [True, True] * (words == "fine")


class Prepares(OpenAI):
    """Sets a header and does not ask the class above, where the request is judged first."""

    def _prepare_request(self, request: Any) -> None:
        request.headers["x-team"] = "a"


class Rewrites(OpenAI):
    """Changes the body after it was judged."""

    def _prepare_request(self, request: Any) -> None:
        super()._prepare_request(request)
        changed = request.content.replace(b"placeholder", b"FORBIDDEN")
        request.headers["content-length"] = str(len(changed))
        replaced = type(request)(request.method, request.url, headers=request.headers, content=changed)
        request.stream, request._content = replaced.stream, changed


class PreparesAsync(AsyncOpenAI):
    async def _prepare_request(self, request: Any) -> None:
        request.headers["x-team"] = "a"


@pytest.mark.parametrize(("kind", "words"), [(Prepares, "FORBIDDEN"), (Rewrites, "placeholder")])
def test_a_subclass_that_prepares_requests_is_guarded(kind: type[OpenAI], words: str, server: Loopback) -> None:
    with kind(api_key="none", base_url=server.url + "/v1", max_retries=0).with_guard(MarkerGuard()) as client:
        with pytest.raises(PolicyViolation):
            client.chat.completions.create(model="m", messages=messages(words))
        assert server.requests == []
        client.chat.completions.create(model="m", messages=messages("harmless"))


async def test_an_asynchronous_subclass_that_prepares_requests_is_guarded(server: Loopback) -> None:
    client = PreparesAsync(api_key="none", base_url=server.url + "/v1", max_retries=0).with_guard(MarkerGuard())
    async with client:
        with pytest.raises(PolicyViolation):
            await client.chat.completions.create(model="m", messages=messages("FORBIDDEN"))
        assert server.requests == []


def test_a_subclass_of_upstream_that_prepares_requests_is_guarded_once_installed(server: Loopback) -> None:
    class Theirs(openai.OpenAI):
        def _prepare_request(self, request: Any) -> None:
            request.headers["x-team"] = "a"

    with install(MarkerGuard()), Theirs(api_key="none", base_url=server.url + "/v1", max_retries=0) as client:
        with pytest.raises(PolicyViolation):
            client.chat.completions.create(model="m", messages=messages("FORBIDDEN"))
        assert server.requests == []


def test_the_next_page_is_judged_like_the_first(client: OpenAI, server: Loopback) -> None:
    page = {"object": "list", "data": [{"id": "FORBIDDEN", "object": "file"}], "has_more": True}
    server.reply("^/files$", Reply.of(page))
    with pytest.raises(PolicyViolation):
        list(client.files.list())
    assert len(server.requests) == 1


async def test_the_next_page_is_judged_in_the_asynchronous_client(async_client: AsyncOpenAI, server: Loopback) -> None:
    page = {"object": "list", "data": [{"id": "FORBIDDEN", "object": "file"}], "has_more": True}
    server.reply("^/files$", Reply.of(page))
    with pytest.raises(PolicyViolation):
        [file async for file in async_client.files.list()]
    assert len(server.requests) == 1


async def test_the_asynchronous_client_stops_and_sends_alike(async_client: AsyncOpenAI, server: Loopback) -> None:
    async def chunks(words: str) -> AsyncIterator[bytes]:
        yield words[:4].encode()
        yield words[4:].encode()

    client = async_client
    for words in ("FORBIDDEN", "harmless"):
        calls: list[Any] = [
            client.chat.completions.create(model="m", messages=messages(words)),
            client.copy().responses.create(model="m", input=words),
            client.post("/anything", content=chunks(words), cast_to=object),
            client.files.create(file=("a.txt", words.encode()), purpose="assistants"),
            client.embeddings.create(model="m", input="x" * THREAD_BYTES + words),
        ]
        for call in calls:
            if words == "FORBIDDEN":
                with pytest.raises(PolicyViolation):
                    await call
                assert server.requests == []
            else:
                await call
    assert len(server.requests) == 5


async def test_a_large_body_is_judged_off_the_event_loop(async_client: AsyncOpenAI) -> None:
    threads: list[threading.Thread] = []
    guard = MarkerGuard()
    admit = guard.admit

    def noting(wire: Wire, *args: Any, **kwargs: Any) -> Any:
        threads.append(threading.current_thread())
        return admit(wire, *args, **kwargs)

    guard.admit = noting  # type: ignore[method-assign]
    client = async_client.with_guard(guard)
    await client.embeddings.create(model="m", input="x")
    await client.embeddings.create(model="m", input="x" * 2 * THREAD_BYTES)
    main = threading.current_thread()
    assert [thread is main for thread in threads] == [True, False]


def test_a_tool_runner_is_judged_at_every_turn(client: OpenAI, server: Loopback) -> None:
    """What a tool gave back goes out with the second turn."""
    runners = pytest.importorskip("openai.lib.responses_tool_runner")
    call = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "look", "arguments": "{}"}
    reply = {"id": "resp_1", "object": "response", "status": "completed", "model": "m", "created_at": 0}
    fields = {"parallel_tool_calls": False, "tool_choice": "auto", "tools": []}
    server.reply("^/responses$", Reply.of({**reply, **fields, "output": [{**call, "status": "completed"}]}))
    parameters = {"type": "object", "properties": {}, "additionalProperties": False}
    tool = {"type": "function", "name": "look", "parameters": parameters, "strict": True}
    runner = runners.ResponsesToolRunner(functions=[runners.RegisteredFunction(tool, lambda arguments: "FORBIDDEN")])
    with pytest.raises((PolicyViolation, runners.ToolRunnerError)) as caught:
        runner.run(client, {"model": "m", "input": "fine"}, max_steps=3)
    error: BaseException | None = caught.value
    while not isinstance(error, PolicyViolation):  # the runner has an error of its own, and keeps ours behind it
        assert error is not None
        error = error.__context__
    assert len(server.requests) == 1


def test_a_prompt_of_an_azure_deployment_is_judged(server: Loopback) -> None:
    guard = MarkerGuard()
    client = AzureOpenAI(azure_endpoint=server.url, api_key="none", api_version="2024-10-21").with_guard(guard)
    with client, pytest.raises(PolicyViolation):
        client.chat.completions.create(model="FORBIDDEN-deployment", messages=messages("fine"))
    assert server.connections == 0
    assert guard.wires[0].deployment == "FORBIDDEN-deployment"
    assert guard.wires[0].path == "/chat/completions"


async def test_the_asynchronous_azure_client_is_guarded(server: Loopback) -> None:
    guard = MarkerGuard()
    client = AsyncAzureOpenAI(azure_endpoint=server.url, api_key="none", api_version="2024-10-21").with_guard(guard)
    async with client:
        with pytest.raises(PolicyViolation):
            await client.chat.completions.create(model="m", messages=messages("FORBIDDEN"))
        assert server.connections == 0
        await client.with_options(timeout=5).chat.completions.create(model="m", messages=messages("fine"))
    assert [request.target for request in server.requests] == [
        "/openai/deployments/m/chat/completions?api-version=2024-10-21"
    ]


def test_a_redirect_carries_only_what_was_judged(client: OpenAI, server: Loopback) -> None:
    moved = Reply((b"",), status=307, headers=(("Location", "/v1/else"),))
    server.reply("^/responses$", moved)
    client.responses.create(model="m", input="fine")
    assert [request.path for request in server.requests] == ["/responses", "/else"]
    assert server.requests[0].body == server.requests[1].body


def test_a_violation_is_never_retried(server: Loopback) -> None:
    guard = MarkerGuard()
    client = OpenAI(api_key="none", base_url=server.url + "/v1", max_retries=5).with_guard(guard)
    with client, pytest.raises(PolicyViolation):
        client.chat.completions.create(model="m", messages=messages("FORBIDDEN"))
    assert len(guard.wires) == 1


def test_each_attempt_is_judged_and_all_attempts_share_one_record(server: Loopback) -> None:
    guard = MarkerGuard()
    busy = Reply((b"{}",), status=429, headers=(("retry-after-ms", "1"),))
    server.reply("^/responses$", busy, busy, Reply.of({"id": "resp_1", "object": "response"}))
    client = OpenAI(api_key="none", base_url=server.url + "/v1", max_retries=2).with_guard(guard)
    with client:
        client.responses.create(model="m", input="fine")
        client.responses.create(model="m", input="fine")
    assert len(guard.wires) == 4
    first, second, third, other = guard.recorded
    assert first is second is third
    assert first is not None
    assert other is not first


def test_a_body_that_fails_while_it_is_read_is_not_sent(client: OpenAI, server: Loopback) -> None:
    def broken() -> Iterator[bytes]:
        yield b"FORB"
        raise OSError("the disk is gone")

    with pytest.raises((OSError, openai.APIConnectionError)):
        client.post("/anything", content=broken(), cast_to=object)
    assert server.requests == []


def test_the_judged_bytes_are_the_sent_bytes(client: OpenAI, server: Loopback) -> None:
    guard = MarkerGuard()
    client.with_guard(guard).chat.completions.create(model="m", messages=messages("Grüße, 你好, \u200b"))
    assert server.requests[0].body == guard.wires[0].body
    assert json.loads(guard.wires[0].body)["messages"] == messages("Grüße, 你好, \u200b")
