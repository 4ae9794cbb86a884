"""What is on the wire becomes requests: JSON, forms, uploads line by line, URLs; or a gap."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safe_azure_openai.extract import decoding, from_json, from_wire
from safe_azure_openai.model.request import Gap, Link, Origin, Request, Segment
from safe_azure_openai.model.wire import Wire

U, F, M, S = Origin.USER, Origin.FILE, Origin.METADATA, Origin.STANDING
FORM = "multipart/form-data; boundary=XX"


def form(*parts: tuple[str, str | None, bytes], headers: str = "") -> bytes:
    """Return a body of (name, file name, content) parts as httpx writes them."""
    out = b""
    for name, filename, data in parts:
        extra = "" if filename is None else f'; filename="{filename}"'
        out += (
            f'--XX\r\nContent-Disposition: form-data; name="{name}"{extra}\r\n{headers}\r\n'.encode() + data + b"\r\n"
        )
    return out + b"--XX--\r\n"


def upload(*parts: tuple[str, str | None, bytes], path: str = "/files", headers: str = "") -> tuple[Request, ...]:
    return from_wire(Wire(path, FORM, form(*parts, headers=headers)))


def words(request: Request) -> list[tuple[str, str]]:
    return [(segment.pointer, segment.text) for segment in request.segments]


def test_a_json_body_on_the_wire_reads_as_its_value() -> None:
    body: dict[str, Any] = {"messages": [{"role": "user", "content": "hé"}], "n": 1}
    assert from_wire(Wire("/chat/completions", "application/json", json.dumps(body).encode())) == (
        from_json("/chat/completions", body),
    )


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "application/json; charset=utf-8", "application/merge-patch+json"]
)
def test_json_is_read_whatever_it_is_called(content_type: str) -> None:
    (request,) = from_wire(Wire("/responses", content_type, b' {"input": "w"}'))
    assert words(request) == [("/input", "w")]


@pytest.mark.parametrize(
    "body",
    [
        b'{"input": "w", "x": NaN}',
        b'{"input": "w", "y": "\\ud800"}',
        '{"input": "w"}'.encode("utf-16"),
        b'\xef\xbb\xbf{"input": "w"}',
        gzip.compress(b'{"input": "w"}'),
        gzip.compress(b"") + gzip.compress(b'{"input": "w"}'),
        b'{"input": "w", "z": %s}' % (b"9" * 100),
    ],
    ids=["nan", "surrogate", "utf-16", "bom", "gzip", "gzip in two members", "huge integer"],
)
def test_unusual_json_is_read(body: bytes) -> None:
    (request,) = from_wire(Wire("/responses", "application/json", body))
    assert ("/input", "w") in words(request)
    assert request.gaps == ()


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8"])
def test_text_that_the_client_calls_json_is_read_as_text(content_type: str) -> None:
    """The client says so of every body whose type it was not told."""
    (request,) = from_wire(Wire("/upload", content_type, b"Hello, this is a test file."))
    assert words(request) == [("", "Hello, this is a test file.")]
    assert request.gaps == ()


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b'{"input": '),
        ("application/json", b"[" * 200_000),
        ("application/octet-stream", bytes(range(256))),
        ("application/json", b"\x1f\x8bnot gzip"),
        ("application/json", b'{"input": "w", "input": "other"}'),
        ("application/json", gzip.compress(b'{"input": "w"}')[:-8]),
        ("application/json", gzip.compress(b'{"input": "w"}') + b"more"),
        (FORM, b"no boundary here"),
        (FORM, b'--XX\r\nContent-Disposition: form-data; name="a"\r\n\r\nnever ends'),
        (FORM, form(("file", "a", b"?"), headers="Content-Transfer-Encoding: base64\r\n").replace(b"?", b"?A")),
        ("application/x-www-form-urlencoded", b"a=\x00\x01\x02"),
    ],
)
def test_what_cannot_be_decoded_is_a_gap(content_type: str, body: bytes) -> None:
    (request,) = from_wire(Wire("/any", content_type, body))
    assert request.gaps == (Gap("", "undecodable"),)


@pytest.mark.parametrize(
    "body",
    [b"x" * 101, gzip.compress(b"x" * 101), gzip.compress(b"x" * 60) * 2],
    ids=["plain", "gzip", "gzip in two members"],
)
def test_what_is_too_large_is_a_gap(body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "MAX_BYTES", 100)
    (request,) = from_wire(Wire("/any", "text/plain", body), max_bytes=100)
    assert request.gaps == (Gap("", "too_large"),)


def test_a_body_that_is_plain_text_is_the_users() -> None:
    (request,) = from_wire(Wire("/realtime/calls", "application/sdp", b"v=0\r\ns=face match"))
    assert request.segments == (Segment("text", U, "", "v=0\r\ns=face match"),)


def test_a_picture_as_body_is_a_picture() -> None:
    (request,) = from_wire(Wire("/any", "image/png", b"\x89PNG\x00"))
    assert request.segments == (Segment("image", U, ""),)


def test_no_body_is_no_gap() -> None:
    assert from_wire(Wire("/models")) == (Request("/models"),)


def test_url_parts_queries_and_deployments_are_read() -> None:
    (request,) = from_wire(
        Wire(
            "/threads/thread_1/messages/face_match_unit",
            query="model=gpt&subject=mug%20shots",
            deployment="tulsa-pd-faces",
        )
    )
    assert request.path == "/threads/thread_1/messages/face_match_unit"
    assert request.segments == (
        Segment("text", M, "/path/3", "face_match_unit"),
        Segment("text", M, "/query/model", "gpt"),
        Segment("text", M, "/query/subject", "subject"),
        Segment("text", M, "/query/subject", "mug shots"),
        Segment("text", M, "/path/deployment", "tulsa-pd-faces"),
    )
    assert request.links == (Link("thread", "thread_1", "/path/1"),)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/chat/completions",
        "/openai/deployments/tulsa-pd/chat/completions?api-version=1",
        "https://x.example/openai/v1/chat/completions",
        "chat/completions",
    ],
)
def test_the_path_of_a_request_has_neither_host_nor_version_nor_deployment(path: str) -> None:
    request = from_json(path, {})
    assert request.path == "/chat/completions"
    assert ("deployments" in path) == (("/path/deployment", "tulsa-pd") in words(request))


def test_an_urlencoded_form_reads_as_a_body() -> None:
    (request,) = from_wire(Wire("/any", "application/x-www-form-urlencoded", b"instructions=be+kind&input=w%21"))
    assert request.segments == (Segment("text", S, "/instructions", "be kind"), Segment("text", U, "/input", "w!"))


def test_form_fields_get_the_origins_of_their_names() -> None:
    (request,) = upload(
        ("model", None, b"whisper-1"),
        ("prompt", None, "Vernehmung, Gesicht ü".encode()),
        ("metadata[agency]", None, b"Tulsa PD"),
        ("include[]", None, b"logprobs"),
        ("include[]", None, b"odd one"),
        path="/audio/transcriptions",
    )
    assert request.segments == (
        Segment("text", M, "/parts/model", "whisper-1"),
        Segment("text", U, "/parts/prompt", "Vernehmung, Gesicht ü"),
        Segment("text", M, "/parts/metadata[agency]", "agency"),
        Segment("text", M, "/parts/metadata[agency]", "Tulsa PD"),
        Segment("text", U, "/parts/include[]/1", "odd one"),
    )


def test_ids_and_token_lists_of_forms_keep_the_place_of_their_field() -> None:
    (request,) = upload(("file_id", None, b"file-1"), ("data[]", None, b"w"))
    assert request.links == (Link("file", "file-1", "/parts/file_id"),)


def test_pictures_of_a_form_are_pictures_with_their_names() -> None:
    (request,) = upload(("image[]", "mug 1.png", b"\x89PNG"), ("image[]", "b", b"\xff\xd8\xff"), path="/images/edits")
    assert request.segments == (
        Segment("text", M, "/parts/image[]", "mug 1.png"),
        Segment("text", M, "/parts/image[]", "b"),
        Segment("image", U, "/parts/image[]", "mug 1.png"),
        Segment("image", U, "/parts/image[]", "b"),
    )
    assert request.gaps == ()


def test_a_text_file_is_read_and_a_document_leaves_a_gap() -> None:
    (request,) = upload(
        ("purpose", None, b"assistants"), ("file", "a.md", b"# Gallery"), ("file", "b.pdf", b"%PDF-1.7")
    )
    assert Segment("text", F, "/parts/file", "# Gallery") in request.segments
    assert Segment("file", U, "/parts/file", "b.pdf") in request.segments
    assert request.gaps == (Gap("/parts/file", "unread_attachment"),)


def test_batch_lines_are_requests_of_their_own_under_their_own_url() -> None:
    rows: list[dict[str, Any]] = [
        {"custom_id": "nr 1", "method": "POST", "url": "/v1/chat/completions"},
        {"custom_id": "2", "method": "POST", "url": "/v1/responses"},
    ]
    rows[0]["body"] = {"messages": [{"role": "system", "content": "a"}]}
    rows[1]["body"] = {"input": "b", "previous_response_id": "resp_1"}
    data = "\n\n".join(map(json.dumps, rows)).encode() + b"\n"
    first, one, three = upload(("purpose", None, b"batch"), ("file", "b.jsonl", data))
    name = Segment("text", M, "/parts/file", "b.jsonl")
    assert first == Request("/files", (name,))
    assert one == Request(
        "/chat/completions",
        (
            name,
            Segment("text", M, "/lines/1/custom_id", "nr 1"),
            Segment("text", S, "/lines/1/body/messages/0/content", "a"),
        ),
    )
    assert three.path == "/responses"
    assert words(three)[1:] == [("/lines/3/custom_id", "2"), ("/lines/3/body/input", "b")]
    assert three.links == (Link("response", "resp_1", "/lines/3/body/previous_response_id"),)


def test_fine_tuning_rows_keep_the_path_of_the_upload() -> None:
    row = {"messages": [{"role": "assistant", "content": "It is him."}]}
    _, line = upload(("purpose", None, b"fine-tune"), ("file", "t", json.dumps(row).encode()))
    assert line.path == "/files"
    assert line.segments[-1] == Segment("text", Origin.ASSISTANT, "/lines/1/messages/0/content", "It is him.")


def test_a_broken_line_is_a_gap_and_the_others_are_judged() -> None:
    _, one, two, three = upload(("file", "t", '{"a": "x\u2028y"}\n{"a": \n["w"]'.encode()))
    assert words(one)[-1] == ("/lines/1/a", "x\u2028y")
    assert two.gaps == (Gap("/lines/2", "undecodable"),)
    assert words(three)[-1] == ("/lines/3/0", "w")


def test_a_json_file_over_several_lines_is_one_text() -> None:
    (request,) = upload(("file", "t.json", b'{\n"a": "w"\n}'))
    assert words(request)[-1] == ("/parts/file", '{\n"a": "w"\n}')


def test_one_slice_of_a_chunked_upload_is_read_and_still_a_gap() -> None:
    (request,) = upload(("data", "upload", b"half a sen"), path="/uploads/upload_1/parts")
    assert request.links == (Link("upload", "upload_1", "/path/1"),)
    assert request.gaps == (Gap("/parts/data", "partial_upload"),)
    assert words(request)[-1] == ("/parts/data", "half a sen")


def test_a_field_that_is_no_text_is_an_attachment() -> None:
    (request,) = upload(("audio", None, b"RIFF\x00\x00\x00\x00WAVE\x00\x00"))
    assert request.segments == (Segment("audio", U, "/parts/audio"),)


@pytest.mark.parametrize(
    ("encoding", "data"),
    [("base64", base64.b64encode("Gesicht ü".encode())), ("quoted-printable", b"Ge=73icht =C3=BC")],
)
def test_transfer_encodings_are_undone(encoding: str, data: bytes) -> None:
    (request,) = upload(("prompt", None, data), headers=f"Content-Transfer-Encoding: {encoding}\r\n")
    assert words(request) == [("/parts/prompt", "Gesicht ü")]


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ("filename*=UTF-8''lista%20de%20rostros%20%C3%A1.txt", "lista de rostros á.txt"),
        ('filename="say \\"cheese\\".txt"', 'say "cheese".txt'),
        ("filename=plain.txt", "plain.txt"),
        ('filename="Gesicht ü.txt"', "Gesicht ü.txt"),
    ],
)
def test_file_names_are_read_as_every_client_writes_them(disposition: str, name: str) -> None:
    body = f'--XX\r\nContent-Disposition: form-data; name="file"; {disposition}\r\n\r\nw\r\n--XX--'.encode()
    (request,) = from_wire(Wire("/files", 'multipart/form-data; boundary="XX"', body))
    assert words(request) == [("/parts/file", name), ("/parts/file", "w")]


def test_names_in_a_single_byte_encoding_are_read() -> None:
    body = b'--XX\r\nContent-Disposition: form-data; name="file"; filename="\xfc.txt"\r\n\r\n\r\n--XX--'
    (request,) = from_wire(Wire("/files", FORM, body))
    assert words(request)[0] == ("/parts/file", "ü.txt")


@given(st.lists(st.tuples(st.sampled_from(["prompt", "content"]), st.text(min_size=1)), max_size=5))
def test_every_field_of_a_form_is_found(fields: list[tuple[str, str]]) -> None:
    body = form(*((name, None, value.encode()) for name, value in fields))
    if any("\r\n--XX" in value for _, value in fields):
        return
    (request,) = from_wire(Wire("/any", FORM, body))
    assert [segment.text for segment in request.segments if segment.text] == [value for _, value in fields] or any(
        ord(char) < 32 or char == "\ufeff" for _, value in fields for char in value
    )


@given(st.binary(max_size=300), st.sampled_from(["", "application/json", FORM, "text/plain", "image/png"]))
def test_no_bytes_make_it_raise(body: bytes, content_type: str) -> None:
    assert from_wire(Wire("/any", content_type, body))[0].path == "/any"


def test_the_version_that_every_call_to_azure_carries_is_no_word_of_it() -> None:
    assert from_json("/chat/completions", {}, query="api-version=2024-10-21").segments == ()
    assert from_json("/chat/completions", {}, query="api-version=who%20is%20this").segments != ()


@pytest.mark.parametrize("name", ["q[who is this", "q[a]who is this", "q]who is this", "who is this[]"])
def test_no_brackets_hide_a_part_of_a_name(name: str) -> None:
    for (request,) in (from_wire(Wire("/any", query=f"{name}=w")), upload((name, None, b"w"), (name, "f", b"w"))):
        assert any("who is this" in segment.text for segment in request.segments)


def test_words_after_a_colon_and_slashes_in_a_path_are_no_host() -> None:
    (request,) = from_wire(Wire("/files/a://who is this/content"))
    assert words(request) == [("/path/2", "who is this")]


@pytest.mark.parametrize(
    "body",
    [
        b"--XX\r\n%s\r\n\r\nx\r\n--XXfoo: bar\r\n\r\nrest\r\n--XX--",
        b"--XX\r\n%s\r\n\r\nx\n--XX\nfoo: bar\n\nrest\r\n--XX--",
        b"--XX\r\n%s\r\nno blank line\r\n--XX\r\n%s\r\n\r\nw\r\n--XX--",
        b'--XX\r\n%s; filename="a"; filename="b"\r\n\r\nw\r\n--XX--',
        b"--XX\r\n%s\r\nContent-Disposition: form-data; name=b\r\n\r\nw\r\n--XX--",
        b"--XX\r\n%s\r\nContent-Transfer-Encoding: base64\r\n\r\nwho is this man?\r\n--XX--",
    ],
    ids=["longer boundary", "bare line feeds", "no blank line", "two file names", "two dispositions", "no base64"],
)
def test_a_form_that_servers_may_read_in_two_ways_is_a_gap(body: bytes) -> None:
    (request,) = from_wire(Wire("/any", FORM, body.replace(b"%s", b'Content-Disposition: form-data; name="a"')))
    assert request.gaps == (Gap("", "undecodable"),)


def test_a_form_may_have_a_preamble_and_parts_without_headers_or_content() -> None:
    body = b'first\r\n--XX \r\n\r\nw\r\n--XX\r\nContent-Disposition: form-data; name="a"\r\n\r\n--XX\r\n\r\n--XX--\r\n'
    (request,) = from_wire(Wire("/any", FORM, body))
    assert ("/parts/", "w") in words(request)
    assert request.gaps == ()


def test_both_names_of_a_file_are_read() -> None:
    body = b"--XX\r\nContent-Disposition: form-data; name=file; filename=one; filename*=UTF-8''two\r\n\r\nw\r\n--XX--"
    (request,) = from_wire(Wire("/files", FORM, body))
    assert words(request)[0] == ("/parts/file", "one two")


def test_a_field_that_holds_json_is_read_as_json() -> None:
    session = b'{"instructions": "be kind", "tools": []}'
    (request,) = upload(("session", None, session), headers="Content-Type: application/json\r\n")
    assert request.segments == (Segment("text", S, "/parts/session/instructions", "be kind"),)
    (request,) = upload(("session", None, b"be kind"), headers="Content-Type: application/json\r\n")
    assert words(request) == [("/parts/session", "be kind")]


def test_control_characters_hide_no_field_of_a_form() -> None:
    (request,) = upload(("prompt", None, b"w\x01h\x01o\x01"))
    assert words(request) == [("/parts/prompt", "w\x01h\x01o\x01")]


def test_blank_lines_and_a_mark_do_not_hide_that_a_file_is_jsonl() -> None:
    _, row = upload(("file", "a.jsonl", b"\xef\xbb\xbf" + b"\n" * 70 + b'{"input": "w"}\n'))
    assert words(row)[-1] == ("/lines/71/input", "w")
    (request,) = from_wire(Wire("/responses", "text/plain", b'\xef\xbb\xbf{"input": "w"}'))
    assert words(request) == [("/input", "w")]


def test_a_row_is_judged_with_the_name_of_its_own_file_cut_to_a_length() -> None:
    call, *rows = upload(("a", "one" * 200, b'{"x": "w"}\n{}'), ("b", "two", b'{"x": "w"}'))
    assert [text for pointer, text in words(call) if pointer.startswith("/parts")] == ["a", "one" * 200, "b", "two"]
    names = [[text for pointer, text in words(row) if pointer.startswith("/parts")] for row in rows]
    assert names == [["a", ("one" * 200)[:256]], ["a", ("one" * 200)[:256]], ["b", "two"]]


def test_a_log_that_begins_with_an_object_is_one_text() -> None:
    log = '{"level": "info"}\nstarted in 3 s\nready\n'
    (request,) = upload(("file", "app.log", log.encode()))
    assert words(request)[-1] == ("/parts/file", log)
    assert not request.gaps


def test_a_call_is_known_by_its_address() -> None:
    request = from_json("/realtime", {}, query="call_id=rtc_1&session_id=s_1")
    assert {(link.kind, link.id) for link in request.links} == {("call", "rtc_1"), ("session", "s_1")}
