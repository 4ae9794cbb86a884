"""Which ids a reply carries, whole or streamed, and what is remembered under them."""

from __future__ import annotations

import gzip
import json
import pickle
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from safe_azure_openai import AsyncOpenAI, AzureOpenAI, OpenAI
from safe_azure_openai.model.memory import LinkKind, Memory
from safe_azure_openai.replies import EventReader, carries_ids, remember_path, remember_reply
from safe_azure_openai.session import Session
from safe_azure_openai.testing import Loopback, MarkerGuard, Reply

KNOWN = Memory(actor=0.9, country="US")


@pytest.fixture
def guard() -> MarkerGuard:
    return MarkerGuard(memory=KNOWN)


@pytest.fixture
def client(server: Loopback, guard: MarkerGuard) -> Iterator[OpenAI]:
    with OpenAI(api_key="none", base_url=server.url + "/v1").with_guard(guard) as client:
        yield client


@pytest.fixture
async def async_client(server: Loopback, guard: MarkerGuard) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(api_key="none", base_url=server.url + "/v1").with_guard(guard) as client:
        yield client


def kept(client: OpenAI | AsyncOpenAI) -> dict[tuple[str, str], Memory]:
    return {key: memory for key, (_, memory) in client._enforcement.session._kept.items()}


def remembered(method: str, path: str, reply: object, session: Session | None = None) -> set[tuple[LinkKind, str]]:
    session = session if session is not None else Session()
    remember_path(session, method, path, KNOWN)
    remember_reply(session, method, path, KNOWN, reply)
    return {key for key, (_, memory) in session._kept.items() if memory == KNOWN}


@pytest.mark.parametrize(
    ("path", "reply", "ids"),
    [
        ("/responses", {"id": "resp_1", "object": "response"}, {("response", "resp_1")}),
        ("/responses", {"id": "resp_1"}, {("response", "resp_1")}),
        (
            "/responses",
            {"id": "resp_1", "object": "response", "conversation": {"id": "conv_1"}},
            {("response", "resp_1"), ("conversation", "conv_1")},
        ),
        ("/responses/compact", {"id": "resp_1", "object": "response"}, {("response", "resp_1")}),
        ("/conversations", {"id": "conv_1", "object": "conversation"}, {("conversation", "conv_1")}),
        ("/conversations/conv_1/items", {"object": "list", "data": []}, {("conversation", "conv_1")}),
        ("/threads", {"id": "thread_1", "object": "thread"}, {("thread", "thread_1")}),
        ("/threads/runs", {"id": "run_1", "object": "thread.run", "thread_id": "thread_1"}, {("thread", "thread_1")}),
        ("/threads/thread_1/messages", {"id": "msg_1", "object": "thread.message"}, {("thread", "thread_1")}),
        ("/assistants/asst_1", {"id": "asst_1", "object": "assistant"}, {("assistant", "asst_1")}),
        ("/files", {"id": "file_1", "object": "file"}, {("file", "file_1")}),
        ("/uploads/upload_1/parts", {"id": "part_1", "object": "upload.part"}, {("upload", "upload_1")}),
        (
            "/uploads/upload_1/complete",
            {"id": "upload_1", "object": "upload", "file": {"id": "file_1", "object": "file"}},
            {("upload", "upload_1"), ("file", "file_1")},
        ),
        (
            "/vector_stores/vs_1/files",
            {"id": "file_1", "object": "vector_store.file", "vector_store_id": "vs_1"},
            {("vector_store", "vs_1")},
        ),
        ("/containers", {"id": "cntr_1", "object": "container"}, {("container", "cntr_1")}),
        ("/fine_tuning/jobs", {"id": "ftjob_1", "object": "fine_tuning.job"}, {("model", "ftjob_1")}),
        ("/responses", {"id": 7, "object": "response", "conversation": None}, set()),
        ("/responses", [], set()),
        ("/responses", {"error": {"code": "nothing"}}, set()),
    ],
)
def test_ids_of_a_reply_get_what_was_judged(path: str, reply: object, ids: set[tuple[str, str]]) -> None:
    assert remembered("POST", path, reply) == ids


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_reading_or_deleting_makes_no_id_known(method: str) -> None:
    assert remembered(method, "/responses/resp_1", {"id": "resp_1", "object": "response"}) == set()


@pytest.mark.parametrize(
    ("created", "finished", "result"),
    [
        (
            ("/fine_tuning/jobs", {"id": "ftjob_1", "object": "fine_tuning.job", "fine_tuned_model": None}),
            {"id": "ftjob_1", "object": "fine_tuning.job", "fine_tuned_model": "ft:gpt-4o:x"},
            ("model", "ft:gpt-4o:x"),
        ),
        (
            ("/batches", {"id": "batch_1", "object": "batch"}),
            {"object": "list", "data": [{"id": "batch_1", "object": "batch", "output_file_id": "file_9"}, "odd"]},
            ("file", "file_9"),
        ),
    ],
)
def test_the_result_of_a_job_inherits_what_was_known_of_the_job(
    created: tuple[str, object], finished: object, result: tuple[LinkKind, str]
) -> None:
    session = Session()
    remember_reply(session, "POST", *created[:1], KNOWN, created[1])
    remember_reply(session, "GET", created[0] + "/some", Memory(), finished)
    assert session.known(*result) == KNOWN


def test_the_result_of_an_unknown_job_stays_unknown() -> None:
    job = {"id": "ftjob_1", "object": "fine_tuning.job", "fine_tuned_model": "ft:gpt-4o:x"}
    assert remembered("GET", "/fine_tuning/jobs/ftjob_1", job) == set()


def test_only_replies_that_can_carry_ids_are_looked_at() -> None:
    assert carries_ids("/responses")
    assert carries_ids("/threads/thread_1/runs")
    assert not carries_ids("/embeddings")
    assert not carries_ids("/chat/completions")
    assert carries_ids("/responses", "text/event-stream; charset=utf-8")
    assert not carries_ids("/files/file_1/content", "application/octet-stream")


def test_whole_streamed_and_raw_responses_are_remembered(client: OpenAI) -> None:
    client.responses.create(model="gpt-4o", input="Hello")
    assert client.responses.with_raw_response.create(model="gpt-4o", input="Hello").parse().id == "resp_2"
    for event in client.responses.create(model="gpt-4o", input="Hello", stream=True):
        assert ("response", "resp_3") in kept(client), "known before the caller sees the first event"
        assert event.type
    with client.responses.with_streaming_response.create(model="gpt-4o", input="Hello") as response:
        assert ("response", "resp_4") not in kept(client)
        assert response.parse().id == "resp_4"
    with client.responses.stream(model="gpt-4o", input="Hello") as stream:
        stream.until_done()
    assert kept(client) == {("response", f"resp_{number}"): KNOWN for number in range(1, 6)}


async def test_the_same_holds_for_the_asynchronous_client(async_client: AsyncOpenAI) -> None:
    client = async_client
    await client.responses.create(model="gpt-4o", input="Hello")
    async for event in await client.responses.create(model="gpt-4o", input="Hello", stream=True):
        assert ("response", "resp_2") in kept(client)
        assert event.type
    async with client.responses.with_streaming_response.create(model="gpt-4o", input="Hello") as response:
        assert (await response.parse()).id == "resp_3"
    async with client.responses.stream(model="gpt-4o", input="Hello") as stream:
        await stream.until_done()
    assert kept(client) == {("response", f"resp_{number}"): KNOWN for number in range(1, 5)}


def test_a_compressed_stream_is_read_and_unchanged(client: OpenAI, server: Loopback) -> None:
    body = json.dumps({"id": "resp_7", "object": "response", "output": []}).encode()
    server.reply("^/responses$", Reply((gzip.compress(body),), headers=(("Content-Encoding", "gzip"),)))
    with client.responses.with_streaming_response.create(model="gpt-4o", input="Hello") as response:
        assert response.read() == body
    assert ("response", "resp_7") in kept(client)


def test_the_content_of_a_file_is_not_looked_into(client: OpenAI, server: Loopback) -> None:
    content = b'{"id": "file_9", "object": "file"}'
    server.reply("^/files", Reply((content,), content_type="application/octet-stream"))
    assert client.files.content("file_1").read() == content
    client.post("/files", body={"x": "y"}, cast_to=object)
    assert kept(client) == {}


def test_a_stream_that_was_read_can_be_pickled(client: OpenAI) -> None:
    with client.responses.with_streaming_response.create(model="gpt-4o", input="Hello") as response:
        response.read()
        assert "iter_bytes" not in vars(response.http_response)
        assert pickle.loads(pickle.dumps(response.http_response)).json()["id"] == "resp_1"


def test_a_stream_left_early_is_remembered(client: OpenAI) -> None:
    with client.responses.create(model="gpt-4o", input="Hello", stream=True) as stream:
        next(iter(stream))
    assert kept(client) == {("response", "resp_1"): KNOWN}


def test_a_failed_call_makes_nothing_known(client: OpenAI, server: Loopback) -> None:
    server.reply("^/responses$", Reply.of({"id": "resp_1", "object": "response"}, status=400))
    with pytest.raises(Exception, match="400"):
        client.responses.create(model="gpt-4o", input="Hello")
    assert kept(client) == {}


def test_copies_share_what_is_known_and_other_clients_do_not(client: OpenAI, guard: MarkerGuard) -> None:
    client.with_options(timeout=5).responses.create(model="gpt-4o", input="Hello")
    client.with_guard(guard).responses.create(model="gpt-4o", input="Hello")
    assert len(kept(client)) == 2
    with OpenAI(api_key="none") as other:
        assert kept(other) == {}


def read(content_type: str, *chunks: bytes) -> list[Any]:
    documents: list[Any] = []
    reader = EventReader(content_type, documents.append)
    for chunk in chunks:
        reader.feed(chunk)
    reader.close()
    reader.close()
    return documents


def test_events_cut_anywhere_are_read() -> None:
    stream = b'event: a\ndata: {"n": 1}\n\ndata:{"n": 2}\r\n\r\n: comment\ndata: [DONE]'
    whole = read("text/event-stream; charset=utf-8", stream)
    assert whole == [{"n": 1}, {"n": 2}]
    for size in range(1, 9):
        assert read("text/event-stream", *(stream[i : i + size] for i in range(0, len(stream), size))) == whole


def test_only_the_first_events_are_read() -> None:
    assert len(read("text/event-stream", *(b'data: {"n": 1}\n\n' for _ in range(100)))) == 4


def test_one_document_is_read_at_its_end() -> None:
    assert read("application/json", b'{"n"', b": 1}") == [{"n": 1}]
    assert read("application/octet-stream", b"\x00\xff") == []
    assert read("application/json") == []


def test_a_document_without_end_is_not_kept() -> None:
    reader = EventReader("application/json", lambda reply: None)
    for _ in range(12):
        reader.feed(b"x" * 1024 * 1024)
    assert len(reader._head) == 0


STANDING = "You assist the detectives."


@pytest.mark.parametrize("endpoint", ["", "/apim/team"])
@pytest.mark.parametrize("deployment", [None, "gpt"])
def test_what_was_said_is_known_behind_a_gateway(endpoint: str, deployment: str | None, server: Loopback) -> None:
    server.reply("responses$", Reply.of({"id": "resp_1", "object": "response"}))
    made: dict[str, Any] = {"azure_deployment": deployment} if deployment else {}
    azure = AzureOpenAI(azure_endpoint=server.url + endpoint, api_key="none", api_version="2024-10-21", **made)
    with azure.with_guard(MarkerGuard(memory=KNOWN)) as client:
        client.responses.create(model="m", instructions=STANDING, input="Hello")
    assert kept(client) == {("response", "resp_1"): KNOWN}


def test_agents_evaluations_and_calls_are_remembered(client: OpenAI, server: Loopback) -> None:
    server.reply("calls/rtc_1/accept$", Reply((b"",)))
    server.reply("agents/sessions$", Reply.of({"id": "s_1", "object": "agent.session"}))
    client.post("/agents", body={"instructions": STANDING}, cast_to=object)
    client.post("/agents/sessions", body={"agent_id": "agent_1"}, cast_to=object)
    client.post("/evals", body={"testing_criteria": []}, cast_to=object)
    client.post("/realtime/calls/rtc_1/accept", body={"instructions": STANDING}, cast_to=type(None))
    assert set(kept(client)) >= {("agent", "agent_1"), ("session", "s_1"), ("eval", "eval_1"), ("call", "rtc_1")}


def test_a_reader_of_raw_bytes_is_remembered(client: OpenAI, server: Loopback) -> None:
    server.reply("responses$", Reply.events({"type": "response.created", "response": {"id": "resp_9"}}))
    with client.responses.with_streaming_response.create(model="m", input="Hello", stream=True) as response:
        assert b"resp_9" in b"".join(response.http_response.iter_raw())
    assert ("response", "resp_9") in kept(client)
