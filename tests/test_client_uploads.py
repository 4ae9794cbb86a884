"""Files uploaded in parts: no cut, no order and no loss of parts hides a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safe_azure_openai import AsyncOpenAI, OpenAI, PolicyViolation
from safe_azure_openai.extract import from_wire
from safe_azure_openai.model.memory import Memory
from safe_azure_openai.model.wire import Wire
from safe_azure_openai.testing import Loopback, MarkerGuard
from safe_azure_openai.uploads import MAX_LINE_BYTES, MAX_UPLOADS, Uploads

JSONL = b"".join(
    json.dumps({"custom_id": f"r{n}", "url": "/v1/responses", "body": {"model": "m", "input": text}}).encode() + b"\n"
    for n, text in enumerate(("Hello", "Who is this?", "FORBIDDEN", "Good bye"))
)
FINE = JSONL.replace(b"FORBIDDEN", b"harmless!")


@pytest.fixture
def guard() -> MarkerGuard:
    return MarkerGuard(memory=Memory(actor=0.9))


@pytest.fixture
def client(server: Loopback, guard: MarkerGuard) -> Iterator[OpenAI]:
    with OpenAI(api_key="none", base_url=server.url + "/v1", max_retries=0).with_guard(guard) as client:
        yield client


def about(content: bytes, name: str) -> Any:
    return {"filename": name, "bytes": len(content), "mime_type": "application/jsonl", "purpose": "batch"}


def upload(client: OpenAI, content: bytes, part_size: int, name: str = "requests.jsonl") -> Any:
    return client.uploads.upload_file_chunked(file=content, part_size=part_size, **about(content, name))


def form(content: bytes) -> Wire:
    body = b'--b\r\nContent-Disposition: form-data; name="data"; filename="x"\r\n\r\n' + content + b"\r\n--b--\r\n"
    return Wire("/uploads/upload_1/parts", "multipart/form-data; boundary=b", body)


def begun(uploads: Uploads, name: str = "requests.jsonl") -> Uploads:
    created = json.dumps({"filename": name, "purpose": "batch"}).encode()
    uploads.note(Wire("/uploads", "application/json", created), {"id": "upload_1"})
    return uploads


def complete(*names: str) -> Wire:
    return Wire("/uploads/upload_1/complete", "application/json", json.dumps({"part_ids": names}).encode())


def reasons(wire: Wire) -> list[str]:
    return [gap.reason for request in from_wire(wire) for gap in request.gaps]


@pytest.mark.parametrize("part_size", [7, 50, 200, 10_000])
def test_a_forbidden_line_is_stopped_wherever_the_file_is_cut(client: OpenAI, server: Loopback, part_size: int) -> None:
    with pytest.raises(PolicyViolation):
        upload(client, JSONL, part_size)
    sent = b"".join(request.body.split(b"\r\n\r\n")[-1].split(b"\r\n--")[0] for request in server.requests[1:])
    assert JSONL.startswith(sent)
    assert b"FORBIDDEN" not in sent, "the part that makes the word whole must not be sent"


@pytest.mark.parametrize("part_size", [50, 10_000])
def test_a_fine_file_is_sent_byte_for_byte_in_the_parts_it_was_cut_in(
    client: OpenAI, server: Loopback, part_size: int
) -> None:
    upload(client, FINE, part_size)
    parts = [request.body for request in server.requests if request.path.endswith("/parts")]
    assert len(parts) == -(-len(FINE) // part_size)
    assert all(FINE[n * part_size : (n + 1) * part_size] in part for n, part in enumerate(parts))


def test_what_is_known_of_the_upload_holds_for_the_file_it_makes(client: OpenAI) -> None:
    made = upload(client, FINE, 100)
    session = client._enforcement.session
    assert session.known("upload", made.id) == Memory(actor=0.9)
    assert session.known("file", made.file.id) == Memory(actor=0.9)


async def test_the_asynchronous_client_stops_them_too(server: Loopback, guard: MarkerGuard) -> None:
    async with AsyncOpenAI(api_key="none", base_url=server.url + "/v1").with_guard(guard) as client:
        with pytest.raises(PolicyViolation):
            await client.uploads.upload_file_chunked(file=JSONL, part_size=60, **about(JSONL, "a.jsonl"))
    assert b"FORBIDDEN" not in b"".join(request.body for request in server.requests)


def test_a_line_split_over_parts_that_came_in_another_order_is_judged_at_completion() -> None:
    uploads = begun(Uploads())
    for name, content in (("part_2", b'DEN"}\n'), ("part_1", b'{"x": "FORBID')):
        judged = uploads.whole(form(content))
        assert b"FORBIDDEN" not in judged.body
        uploads.note(form(content), {"id": name})
    assert b'{"x": "FORBIDDEN"}\n' in uploads.whole(complete("part_1", "part_2")).body


@given(st.lists(st.binary(max_size=30), min_size=1, max_size=6), st.randoms())
def test_every_line_of_the_finished_file_was_judged_whole(contents: list[bytes], random: Any) -> None:
    uploads = begun(Uploads())
    judged: list[bytes] = []
    order = list(range(len(contents)))
    random.shuffle(order)
    for n in order:
        judged.append(uploads.whole(form(contents[n])).body)
        uploads.note(form(contents[n]), {"id": f"part_{n}"})
    judged.append(uploads.whole(complete(*(f"part_{n}" for n in range(len(contents))))).body)
    for line in b"".join(contents).split(b"\n"):
        assert any(line in body for body in judged)


def test_a_part_is_read_as_lines_and_its_unfinished_line_as_text() -> None:
    uploads = begun(Uploads())
    requests = from_wire(uploads.whole(form(FINE[:-30])))
    assert len(requests) == 4
    assert reasons(uploads.whole(form(FINE[:-30]))) == []
    assert any(segment.pointer == "/parts/unfinished_line" for segment in requests[0].segments)
    assert [(link.kind, link.id) for link in requests[0].links] == [("upload", "upload_1")]
    assert "requests.jsonl" in [segment.text for segment in requests[0].segments]


def test_a_last_line_without_a_line_end_is_read_as_a_line() -> None:
    assert len(from_wire(begun(Uploads()).whole(form(FINE.rstrip(b"\n"))))) == 5


@pytest.mark.parametrize(
    "wire",
    [
        form(b"x" * (MAX_LINE_BYTES + 1)),
        Wire("/uploads/upload_1/parts", "application/json", b"{}"),
        Wire("/uploads/upload_1/parts", "multipart/form-data; boundary=b", b"--b no form"),
        Wire("/uploads/upload_9/parts", form(b"x").content_type, form(b"x").body),
    ],
    ids=["line too long", "no form", "broken form", "unknown upload"],
)
def test_a_part_that_cannot_be_joined_is_judged_as_it_is(wire: Wire) -> None:
    assert begun(Uploads()).whole(wire) is wire


@pytest.mark.parametrize(
    "wire",
    [complete("part_9"), Wire("/uploads/upload_9/complete", "application/json", b"{}")],
    ids=["unknown part", "unknown upload"],
)
def test_a_completion_of_what_was_not_seen_is_a_gap(wire: Wire) -> None:
    assert reasons(begun(Uploads()).whole(wire)) == ["partial_upload"]


def test_a_completion_that_is_no_json_judges_nothing_it_does_not_know() -> None:
    wire = Wire("/uploads/upload_1/complete", "application/json", b"no json")
    assert reasons(begun(Uploads()).whole(wire)) == []


def test_the_ends_that_are_kept_are_bounded() -> None:
    uploads = begun(Uploads())
    line = b"x" * (MAX_LINE_BYTES - 1) + b"\n"
    kept = 0
    while uploads.whole(form(line)) is not form(line) and uploads.whole(form(line)).path == "/uploads/upload_1":
        uploads.note(form(line), {"id": f"part_{kept}"})
        kept += 1
        assert kept <= 16
    assert kept == 16


def test_unfinished_uploads_are_bounded_and_finished_ones_forgotten() -> None:
    uploads = Uploads()
    for n in range(MAX_UPLOADS + 5):
        uploads.note(Wire("/uploads", "application/json", b"{}"), {"id": f"upload_{n}"})
    assert len(uploads) == MAX_UPLOADS
    uploads.note(Wire("/uploads/upload_20/complete"), {"id": "upload_20"})
    uploads.note(Wire("/uploads/upload_21/cancel"), {"id": "upload_21"})
    uploads.note(Wire("/uploads/upload_22/parts"), {"error": "no id"})
    uploads.note(Wire("/uploads/upload_22/parts"), ["odd"])
    assert len(uploads) == MAX_UPLOADS - 2


def test_a_name_or_a_content_cannot_break_out_of_the_form() -> None:
    uploads = begun(Uploads(), name='a"\r\nX: y.jsonl')
    wire = uploads.whole(form(b"--safe-azure-openai-part--\r\n"))
    texts = [segment.text for request in from_wire(wire) for segment in request.segments]
    assert reasons(wire) == []
    assert any("--safe-azure-openai-part--" in text for text in texts)
    assert 'a"\r\nX: y.jsonl' in texts


def test_other_requests_are_judged_as_they_are() -> None:
    wire = Wire("/chat/completions", "application/json", b"{}")
    assert Uploads().whole(wire) is wire
