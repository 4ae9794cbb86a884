"""Every string of any body is found, with its origin and a pointer that leads to it."""

from __future__ import annotations

import base64
import copy
from collections import UserDict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safe_azure_openai.extract import from_json
from safe_azure_openai.extract.roles import has_words
from safe_azure_openai.extract.vocabulary import vocabulary
from safe_azure_openai.model.request import Gap, Link, Origin, Request, Segment

S, U, A, T, F, M = Origin.STANDING, Origin.USER, Origin.ASSISTANT, Origin.TOOL, Origin.FILE, Origin.METADATA
PNG = "data:image/png;base64," + base64.b64encode(b"\x89PNG" + bytes(300)).decode()


def seen(request: Request) -> list[tuple[str, str, str]]:
    return [(item.origin.value, item.pointer, item.text or item.kind) for item in request.segments]


def resolve(value: Any, pointer: str) -> Any:
    for token in pointer.split("/")[1:]:
        token = token.replace("~1", "/").replace("~0", "~")
        value = value[int(token)] if isinstance(value, list) else value[token]
    return value


ORIGINS = [
    ({"messages": [{"role": "system", "content": "w"}]}, "/messages/0/content", S),
    (
        {"messages": [{"role": "developer", "content": [{"type": "text", "text": "w"}]}]},
        "/messages/0/content/0/text",
        S,
    ),
    ({"messages": [{"role": "user", "content": "w"}]}, "/messages/0/content", U),
    ({"messages": [{"role": "user", "name": "w", "content": ""}]}, "/messages/0/name", M),
    ({"messages": [{"role": "assistant", "content": "w"}]}, "/messages/0/content", A),
    ({"messages": [{"role": "assistant", "refusal": "w"}]}, "/messages/0/refusal", A),
    ({"messages": [{"role": "tool", "content": "w", "tool_call_id": "call_1"}]}, "/messages/0/content", T),
    ({"messages": [{"role": "function", "content": "w", "name": "f"}]}, "/messages/0/content", T),
    (
        {"messages": [{"role": "assistant", "tool_calls": [{"function": {"arguments": "w"}}]}]},
        "/messages/0/tool_calls/0/function/arguments",
        A,
    ),
    ({"prediction": {"type": "content", "content": "w"}}, "/prediction/content", A),
    ({"tools": [{"type": "function", "function": {"name": "w"}}]}, "/tools/0/function/name", S),
    ({"tools": [{"type": "mcp", "server_url": "w", "allowed_tools": ["a"]}]}, "/tools/0/server_url", S),
    ({"tools": [{"type": "mcp", "allowed_tools": ["w"]}]}, "/tools/0/allowed_tools/0", S),
    ({"functions": [{"name": "f", "description": "w"}]}, "/functions/0/description", S),
    (
        {"response_format": {"type": "json_schema", "json_schema": {"name": "w"}}},
        "/response_format/json_schema/name",
        S,
    ),
    ({"text": {"format": {"type": "json_schema", "name": "w"}}}, "/text/format/name", S),
    ({"instructions": "w", "input": "x"}, "/instructions", S),
    ({"input": "w"}, "/input", U),
    ({"input": [{"type": "function_call", "name": "f", "arguments": "w"}]}, "/input/0/arguments", A),
    ({"input": [{"type": "function_call_output", "output": "w", "call_id": "call_1"}]}, "/input/0/output", T),
    ({"input": [{"type": "mcp_call", "output": "w"}]}, "/input/0/output", T),
    ({"input": [{"type": "mcp_call", "arguments": "w"}]}, "/input/0/arguments", A),
    ({"input": [{"type": "reasoning", "summary": [{"text": "w"}]}]}, "/input/0/summary/0/text", A),
    ({"input": [{"type": "file_search_call", "results": [{"text": "w"}]}]}, "/input/0/results/0/text", T),
    ({"prompt": {"id": "pmpt_1", "variables": {"city": "w"}}}, "/prompt/variables/city", U),
    ({"prompt": "w"}, "/prompt", U),
    ({"prompt": ["w"]}, "/prompt/0", U),
    ({"name": "w", "model": "gpt-4o"}, "/name", S),
    ({"description": "w"}, "/description", U),
    ({"additional_instructions": "w"}, "/additional_instructions", S),
    ({"tool_outputs": [{"tool_call_id": "call_1", "output": "w"}]}, "/tool_outputs/0/output", T),
    ({"metadata": {"agency": "w"}}, "/metadata/agency", M),
    ({"user": "w"}, "/user", M),
    ({"safety_identifier": "w"}, "/safety_identifier", M),
    ({"model": "w"}, "/model", M),
    ({"input": [{"type": "input_file", "filename": "w", "file_id": "file-1"}]}, "/input/0/filename", M),
    ({"type": "session.update", "session": {"instructions": "w"}}, "/session/instructions", S),
    ({"type": "response.create", "response": {"instructions": "w"}}, "/response/instructions", S),
    (
        {"type": "conversation.item.create", "item": {"role": "user", "content": [{"text": "w"}]}},
        "/item/content/0/text",
        U,
    ),
    ({"item": {"type": "function_call_output", "output": "w"}}, "/item/output", T),
    (
        {"input": {"messages": [{"role": "system", "content": "w"}]}, "preferred_output": []},
        "/input/messages/0/content",
        S,
    ),
    ({"testing_criteria": [{"type": "label_model", "input": "w"}]}, "/testing_criteria/0/input", S),
    ({"nobody": {"knows": ["this", {"shape": "w"}]}}, "/nobody/knows/1/shape", U),
]


@pytest.mark.parametrize(("body", "pointer", "origin"), ORIGINS, ids=[pointer for _, pointer, _ in ORIGINS])
def test_words_get_the_origin_of_their_place(body: Any, pointer: str, origin: Origin) -> None:
    assert Segment("text", origin, pointer, "w") in from_json("/any", body).segments


def test_segments_keep_the_order_of_the_body() -> None:
    body = {"messages": [{"role": "user", "content": [{"text": "one"}, {"text": "two"}]}, {"content": "three"}]}
    assert [item.text for item in from_json("/any", body).segments] == ["one", "two", "three"]


def test_fields_of_administration_are_no_segments() -> None:
    body = {"code_interpreter": {"enabled": True}, "image_generation": {"enabled": True}, "mcp": {"enabled": True}}

    assert seen(from_json("/organization/projects/proj_1/hosted_tool_permissions", body)) == []


def test_fixed_words_of_the_api_and_opaque_ids_are_no_segments() -> None:
    body = {
        "input": [{"type": "message", "role": "user", "id": "msg_68af2c91", "content": []}],
        "reasoning": {"effort": "medium"},
        "tool_choice": "auto",
        "store": True,
        "temperature": 0.5,
        "top_p": None,
    }
    assert from_json("/responses", body).segments == ()


def test_words_in_the_place_of_a_fixed_word_are_read() -> None:
    assert seen(from_json("/any", {"tool_choice": "name the man"})) == [("standing", "/tool_choice", "name the man")]


@pytest.mark.parametrize("key", ["content", "input", "prompt", "text"])
def test_a_fixed_word_in_a_place_for_words_is_read(key: str) -> None:
    assert seen(from_json("/any", {key: "user"})) == [("user", f"/{key}", "user")]


def test_property_names_of_schemas_are_words_and_their_plumbing_is_not() -> None:
    schema = {
        "type": "object",
        "properties": {
            "mugshot": {"type": "string", "enum": ["yes", "maybe"], "default": "no"},
            "type": {"$ref": "#/$defs/Kind"},
        },
        "$defs": {"Kind": {"const": "k", "examples": [{"shape": "oval"}]}},
        "required": ["mugshot", "extra"],
        "odd keyword": 1,
    }
    request = from_json("/any", {"tools": [{"type": "function", "parameters": schema}]})
    assert {item.text for item in request.segments} == {
        "mugshot",
        "yes",
        "maybe",
        "no",
        "type",
        "#/$defs/Kind",
        "Kind",
        "k",
        "shape",
        "oval",
        "extra",
        "odd keyword",
    }
    assert {item.origin for item in request.segments} == {S}


def test_required_names_that_properties_repeat_are_read_once() -> None:
    schema = {"type": "object", "properties": {"mugshot": {"type": "string"}}, "required": ["mugshot"]}
    assert [s.pointer for s in from_json("/any", {"schema": schema}).segments] == ["/schema/properties/mugshot"]


def test_parameters_that_are_no_schema_are_read_as_words() -> None:
    assert [s.text for s in from_json("/any", {"parameters": {"who": "user"}}).segments] == ["who", "user"]


def test_keys_that_the_caller_chose_are_words() -> None:
    body = {"metadata": {"face_match": "1"}, "identify this man": 1, "logit_bias": {"32": 20}}
    assert [(s.pointer, s.text) for s in from_json("/any", body).segments] == [
        ("/metadata/face_match", "face_match"),
        ("/metadata/face_match", "1"),
        ("/identify this man", "identify this man"),
    ]


def test_a_picture_as_prompt_variable_is_a_picture() -> None:
    body = {"prompt": {"id": "pmpt_1", "variables": {"probe": {"type": "input_image", "image_url": PNG}}}}
    request = from_json("/responses", body)
    assert Segment("image", U, "/prompt/variables/probe/image_url") in request.segments
    assert request.links == (Link("prompt", "pmpt_1", "/prompt/id"),)


@pytest.mark.parametrize(
    ("body", "kind", "pointer", "text"),
    [
        ({"content": [{"type": "image_url", "image_url": {"url": PNG}}]}, "image", "/content/0/image_url/url", ""),
        ({"content": [{"type": "input_image", "image_url": PNG}]}, "image", "/content/0/image_url", ""),
        (
            {"content": [{"type": "image_url", "image_url": {"url": "https://a.example/x.jpg"}}]},
            "image",
            "/content/0/image_url/url",
            "https://a.example/x.jpg",
        ),
        ({"image": [PNG]}, "image", "/image/0", ""),
        ({"image": "https://a.example/x.jpg"}, "image", "/image", "https://a.example/x.jpg"),
        ({"input": [PNG]}, "image", "/input/0", ""),
        (
            {"content": [{"type": "image_file", "image_file": {"file_id": "file-1"}}]},
            "image",
            "/content/0/image_file/file_id",
            "",
        ),
        ({"input": [{"type": "computer_screenshot", "file_id": "file-1"}]}, "image", "/input/0/file_id", ""),
        ({"type": "input_audio_buffer.append", "audio": "AAAA" * 20}, "audio", "/audio", ""),
        (
            {"content": [{"type": "input_audio", "input_audio": {"data": "AAAA" * 90, "format": "wav"}}]},
            "audio",
            "/content/0/input_audio/data",
            "",
        ),
        ({"content": [{"type": "input_file", "file_id": "file-1"}]}, "file", "/content/0/file_id", ""),
        (
            {"content": [{"type": "input_file", "file_url": "https://a.example/x"}]},
            "file",
            "/content/0/file_url",
            "https://a.example/x",
        ),
        ({"input": [{"type": "image_generation_call", "result": PNG[22:]}]}, "image", "/input/0/result", ""),
    ],
)
def test_attachments_are_found_whatever_carries_them(body: Any, kind: str, pointer: str, text: str) -> None:
    assert (kind, pointer, text) in {(s.kind, s.pointer, s.text) for s in from_json("/any", body).segments}


def test_a_document_that_stays_unread_leaves_a_gap_and_its_name() -> None:
    data = "data:application/pdf;base64," + base64.b64encode(b"%PDF-1.4 " + bytes(300)).decode()
    request = from_json("/any", {"content": [{"type": "input_file", "filename": "list.pdf", "file_data": data}]})
    assert seen(request) == [
        ("metadata", "/content/0/filename", "list.pdf"),
        ("file", "/content/0/file_data", "list.pdf"),
    ]
    assert request.gaps == (Gap("/content/0/file_data", "unread_attachment"),)


@pytest.mark.parametrize("prefix", ["data:text/plain;base64,", "data:application/octet-stream;base64,", ""])
def test_a_text_file_in_base64_is_read(prefix: str) -> None:
    data = prefix + base64.b64encode("Compare the faces, s'il vous plaît.".encode()).decode()
    request = from_json("/any", {"file": {"filename": "a.txt", "file_data": data}})
    assert Segment("text", F, "/file/file_data", "Compare the faces, s'il vous plaît.") in request.segments
    assert request.gaps == ()


def test_words_after_the_payload_of_a_data_url_are_not_lost() -> None:
    text = "data:image/png;base64,AAAA now name this man"
    assert seen(from_json("/any", {"content": text})) == [("user", "/content", text)]


def test_a_short_data_url_among_words_counts_as_picture_and_as_words() -> None:
    text = "data:image/png;base64,AAAA"
    assert seen(from_json("/any", {"content": text})) == [("user", "/content", "image"), ("user", "/content", text)]


def test_words_that_pose_as_a_long_payload_are_read() -> None:
    text = "data:image/png;base64," + "tell-me-who-this-man-is_" * 12
    assert seen(from_json("/any", {"content": text})) == [("user", "/content", "image"), ("user", "/content", text)]


@pytest.mark.parametrize("words", ["\nwho\tis\tthis", ".Who.is.this?", "\u00a0who\u2003is\u2003this"])
def test_words_without_blanks_after_the_payload_of_a_data_url_are_not_lost(words: str) -> None:
    url = "data:image/png;base64,iVBORw0KGgo" + "A" * 400 + words
    assert ("user", "/content", url) in seen(from_json("/any", {"content": url}))


@pytest.mark.parametrize("body", [{"output": [1, "w"]}, {"input": [0, {"content": "w"}]}, {"query": [1.5, ["w"]]}])
def test_a_number_before_words_does_not_hide_them(body: Any) -> None:
    assert "w" in [text for _, _, text in seen(from_json("/any", body))]


def test_words_in_the_place_of_a_payload_are_read() -> None:
    assert seen(from_json("/any", {"result": "It is him."})) == [("user", "/result", "It is him.")]
    assert ("user", "/data", "who_is_this_man_over_there") in seen(
        from_json("/any", {"data": "who_is_this_man_over_there"})
    )


LINKS = [
    ({"previous_response_id": "resp_1"}, Link("response", "resp_1", "/previous_response_id")),
    ({"conversation": "conv_1"}, Link("conversation", "conv_1", "/conversation")),
    ({"conversation": {"id": "conv_1"}}, Link("conversation", "conv_1", "/conversation/id")),
    ({"assistant_id": "asst_1"}, Link("assistant", "asst_1", "/assistant_id")),
    ({"thread_id": "thread_1"}, Link("thread", "thread_1", "/thread_id")),
    ({"prompt": {"id": "pmpt_1"}}, Link("prompt", "pmpt_1", "/prompt/id")),
    ({"file_ids": ["file-1"]}, Link("file", "file-1", "/file_ids/0")),
    ({"training_file": "file-1"}, Link("file", "file-1", "/training_file")),
    ({"input_file_id": "file-1"}, Link("file", "file-1", "/input_file_id")),
    ({"tools": [{"vector_store_ids": ["vs_1"]}]}, Link("vector_store", "vs_1", "/tools/0/vector_store_ids/0")),
    ({"tools": [{"container": "cntr_1"}]}, Link("container", "cntr_1", "/tools/0/container")),
    (
        {"tools": [{"container": {"type": "auto", "file_ids": ["file-1"]}}]},
        Link("file", "file-1", "/tools/0/container/file_ids/0"),
    ),
    ({"input": [{"type": "item_reference", "id": "msg_1"}]}, Link("item", "msg_1", "/input/0/id")),
    ({"model": "ft:gpt-4o:acme::1"}, Link("model", "ft:gpt-4o:acme::1", "/model")),
]


@pytest.mark.parametrize(("body", "link"), LINKS, ids=[link.pointer for _, link in LINKS])
def test_ids_of_content_that_the_server_keeps_are_links(body: Any, link: Link) -> None:
    assert from_json("/any", body).links == (link,)


@pytest.mark.parametrize("body", [{"conversation": "auto"}, {"model": "gpt-4o"}, {"id": "msg_1"}, {"prompt": "w"}])
def test_what_names_no_kept_content_is_no_link(body: Any) -> None:
    assert from_json("/any", body).links == ()


@pytest.mark.parametrize("key", ["file_id", "vector_store_ids", "tool_call_id", "id", "skill_id"])
def test_words_that_somebody_wrote_into_an_id_are_read(key: str) -> None:
    assert ("metadata", f"/{key}", "vs_booking_sheets") in seen(from_json("/any", {key: "vs_booking_sheets"}))


@pytest.mark.parametrize("identifier", ["asst_1", "call_9fA3kQ", "resp_68af2c91d0", "7", "file-2fQ8mXb"])
def test_an_opaque_id_has_no_words(identifier: str) -> None:
    assert not has_words(identifier)


@pytest.mark.parametrize(
    ("body", "gap"),
    [
        ({"prompt": [1, 2, 3]}, Gap("/prompt", "undecodable")),
        ({"prompt": [1.0, 2.0]}, Gap("/prompt", "undecodable")),
        ({"input": [[1, 2], [3]]}, Gap("/input/0", "unread_attachment")),
        (
            {"input": [{"type": "compaction", "encrypted_content": "gAAA"}]},
            Gap("/input/0/encrypted_content", "unknown_reference"),
        ),
        ({"input": object()}, Gap("/input", "undecodable")),
    ],
)
def test_what_cannot_be_read_leaves_a_gap(body: Any, gap: Gap) -> None:
    assert gap in from_json("/any", body).gaps


def test_sealed_reasoning_of_the_model_itself_is_no_gap() -> None:
    assert from_json("/any", {"input": [{"type": "reasoning", "encrypted_content": "gAAA"}]}).gaps == ()


def test_gaps_of_one_kind_are_not_reported_without_end() -> None:
    assert len(from_json("/any", {"input": [[1]] * 1000}).gaps) == 32


def test_an_object_that_contains_itself_ends_with_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("safe_azure_openai.extract.walk.MAX_CONTAINERS", 1000)
    body: dict[str, Any] = {}
    body["again"] = body
    assert [gap.reason for gap in from_json("/any", body).gaps] == ["too_large"]


def test_deep_nesting_hides_nothing_and_keeps_pointers_short() -> None:
    body: Any = "the needle"
    for _ in range(50_000):
        body = [{"content": body}]
    (found,) = from_json("/any", body).segments
    assert found.text == "the needle"
    assert len(found.pointer) <= 1024


def test_bytes_and_tuples_in_python_bodies_are_read() -> None:
    assert [s.text for s in from_json("/any", {"input": (b"one", bytearray(b"two"))}).segments] == ["one", "two"]


def test_signs_that_a_pointer_needs_are_escaped_in_it() -> None:
    assert [s.pointer for s in from_json("/any", {"input": {"a~b/c": "w"}}).segments][1] == "/input/a~0b~1c"


def test_kinds_of_strings_and_objects_that_json_would_write_are_read() -> None:
    class Name(str):
        __slots__ = ()

    body = UserDict({"input": Name("who"), "messages": [UserDict({"role": "system", "content": "is he"})]})
    assert seen(from_json("/any", body)) == [("user", "/input", "who"), ("standing", "/messages/0/content", "is he")]


def test_a_picture_in_bare_base64_is_a_picture_and_other_base64_is_left_to_the_readings() -> None:
    words = base64.b64encode(b"who is this man? " * 20).decode()
    request = from_json("/any", {"input": [PNG[22:], words]})
    assert seen(request) == [("user", "/input/0", "image"), ("user", "/input/1", words)]


def test_keys_that_are_no_strings_are_read_as_strings() -> None:
    assert seen(from_json("/any", {None: "w", 5: "x"})) == [
        ("user", "/None", "None"),
        ("user", "/None", "w"),
        ("user", "/5", "x"),
    ]


API_KEYS = "role type content id image_url tools parameters properties required data schema metadata".split()
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.text() | st.sampled_from(API_KEYS),
            inner,
        )
    ),
    max_leaves=30,
)


@given(json_values)
def test_the_walk_neither_raises_nor_changes_the_body_and_its_pointers_resolve(body: Any) -> None:
    before = copy.deepcopy(body)
    request = from_json("/any", body)
    assert body == before
    for segment in request.segments:
        found = resolve(body, segment.pointer)
        assert (
            segment.text in (found, "")
            or segment.pointer.endswith(segment.text.replace("~", "~0").replace("/", "~1"))
            or segment.origin is F
        )


@given(
    st.lists(
        st.sampled_from(["content", "tools", "x y", "metadata", "input", "schema", "properties", "items", 0]),
        max_size=12,
    )
)
def test_nesting_does_not_hide_a_string(path: list[str | int]) -> None:
    body: Any = "who is this man"
    for step in path:
        body = [body] if step == 0 else {step: body}
    assert "who is this man" in [segment.text for segment in from_json("/any", body).segments]


def test_the_vocabulary_holds_the_keys_and_values_of_the_installed_openai() -> None:
    assert {"messages", "instructions", "additionalProperties"} <= vocabulary().keys
    assert {"input_text", "function", "auto", "string"} <= vocabulary().values
    assert {"chat", "completions", "vector_stores"} <= vocabulary().paths
    assert not {"face", "police", "identify"} & (vocabulary().keys | vocabulary().values)


@pytest.mark.parametrize("odd", [["string", "null"], {"a": 1}, 3, None])
def test_a_type_among_free_values_may_be_anything(odd: object) -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "default": {"type": odd}}}}
    request = from_json("/chat/completions", {"tools": [tool], "metadata": {"a": {"type": odd}}, "messages": []})
    assert not request.gaps
