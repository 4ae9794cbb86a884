"""Every way a picture or a video travels is seen by the guard; what its camera is counts, and how much it counts."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from safe_azure_openai import Decision, Guard, OpenAI, PolicyViolation, Tenant
from safe_azure_openai.client import Enforcement
from safe_azure_openai.extract import from_json, from_wire
from safe_azure_openai.model.memory import Memory
from safe_azure_openai.model.request import Origin, Segment, Signal
from safe_azure_openai.model.wire import Wire
from safe_azure_openai.realtime import Dialogue
from safe_azure_openai.session import Session
from safe_azure_openai.testing import Loopback

from . import pictures as p

PHOTO = p.photo("Axon", "Axon Body 4")
VIDEO = p.mp4(p.box(b"moov", p.box(b"udta", p.quicktime_text(b"\xa9mod", "Axon Body 4"))))
BARE = base64.b64encode(PHOTO).decode()
URL = "data:image/jpeg;base64," + BARE
HTTPS = "https://files.example/AXON_Body_3_2026-05-02.jpg?sig=1"
MCP = {"type": "image", "data": BARE, "mimeType": "image/jpeg"}
US_POLICE = Tenant("law_enforcement", country="US")
PLAIN_PHOTO = p.data_url(p.photo("NIKON CORPORATION", "NIKON D750"))


def said(*content: Any) -> dict[str, Any]:
    return {"input": [{"role": "user", "content": list(content)}]}


def asked(*content: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(content)}]}


def item(*content: Any) -> dict[str, Any]:
    return {"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": list(content)}}


#: Path, body, pointer of the picture.
SHAPES: dict[str, tuple[str, Any, str]] = {
    "chat, data URL": (
        "/chat/completions",
        asked({"type": "image_url", "image_url": {"url": URL}}),
        "/messages/0/content/0/image_url/url",
    ),
    "chat, address": (
        "/chat/completions",
        asked({"type": "image_url", "image_url": {"url": HTTPS, "detail": "high"}}),
        "/messages/0/content/0/image_url/url",
    ),
    "chat, file": (
        "/chat/completions",
        asked({"type": "file", "file": {"filename": "clip.mp4", "file_data": p.data_url(VIDEO, "video/mp4")}}),
        "/messages/0/content/0/file/file_data",
    ),
    "chat, Markdown": (
        "/chat/completions",
        asked({"type": "text", "text": f"Look: ![still]({URL})"}),
        "/messages/0/content/0/text",
    ),
    "chat, tool message": (
        "/chat/completions",
        {"messages": [{"role": "tool", "tool_call_id": "call_1", "content": json.dumps([MCP])}]},
        "/messages/0/content",
    ),
    "responses, input_image": (
        "/responses",
        said({"type": "input_image", "image_url": URL}),
        "/input/0/content/0/image_url",
    ),
    "responses, address": (
        "/responses",
        said({"type": "input_image", "image_url": HTTPS}),
        "/input/0/content/0/image_url",
    ),
    "responses, input_file": (
        "/responses",
        said({"type": "input_file", "filename": "still.jpg", "file_data": URL}),
        "/input/0/content/0/file_data",
    ),
    "responses, input_file without a type": (
        "/responses",
        said({"type": "input_file", "file_data": BARE}),
        "/input/0/content/0/file_data",
    ),
    "responses, screenshot": (
        "/responses",
        {
            "input": [
                {
                    "type": "computer_call_output",
                    "call_id": "call_1",
                    "output": {"type": "computer_screenshot", "image_url": URL},
                }
            ]
        },
        "/input/0/output/image_url",
    ),
    "responses, result of a function": (
        "/responses",
        {
            "input": [
                {
                    "type": "function_call_output",
                    "call_id": "call_1",
                    "output": [{"type": "input_image", "image_url": URL}],
                }
            ]
        },
        "/input/0/output/0/image_url",
    ),
    "responses, result of a function as text": (
        "/responses",
        {"input": [{"type": "function_call_output", "call_id": "call_1", "output": json.dumps({"frame": URL})}]},
        "/input/0/output",
    ),
    "responses, result of a custom tool": (
        "/responses",
        {
            "input": [
                {
                    "type": "custom_tool_call_output",
                    "call_id": "call_1",
                    "output": [{"type": "input_image", "image_url": URL}],
                }
            ]
        },
        "/input/0/output/0/image_url",
    ),
    "responses, result of MCP": (
        "/responses",
        {"input": [{"type": "mcp_call", "id": "mcp_1", "name": "frame", "output": json.dumps({"content": [MCP]})}]},
        "/input/0/output",
    ),
    "responses, content of MCP": (
        "/responses",
        {"input": [{"type": "mcp_call", "output": [MCP]}]},
        "/input/0/output/0/data",
    ),
    "responses, resource of MCP": (
        "/responses",
        {
            "input": [
                {"type": "mcp_call", "output": [{"type": "resource", "resource": {"uri": "cam://1", "blob": BARE}}]}
            ]
        },
        "/input/0/output/0/resource/blob",
    ),
    "responses, code interpreter": (
        "/responses",
        {"input": [{"type": "code_interpreter_call", "id": "ci_1", "outputs": [{"type": "image", "url": URL}]}]},
        "/input/0/outputs/0/url",
    ),
    "responses, generated picture": (
        "/responses",
        {"input": [{"type": "image_generation_call", "id": "ig_1", "result": BARE}]},
        "/input/0/result",
    ),
    "responses, mask": (
        "/responses",
        {"tools": [{"type": "image_generation", "input_image_mask": {"image_url": URL}}]},
        "/tools/0/input_image_mask/image_url",
    ),
    "responses, prompt variable": (
        "/responses",
        {"prompt": {"id": "pmpt_1", "variables": {"still": {"type": "input_image", "image_url": URL}}}},
        "/prompt/variables/still/image_url",
    ),
    "conversations": (
        "/conversations",
        {"items": [{"role": "user", "content": [{"type": "input_image", "image_url": URL}]}]},
        "/items/0/content/0/image_url",
    ),
    "threads": (
        "/threads/thread_1/messages",
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": URL}}]},
        "/content/0/image_url/url",
    ),
    "moderations": (
        "/moderations",
        {"input": [{"type": "image_url", "image_url": {"url": URL}}]},
        "/input/0/image_url/url",
    ),
    "images, in JSON": (
        "/images/edits",
        {"prompt": "Sharpen it.", "images": [{"image_url": URL}]},
        "/images/0/image_url",
    ),
    "videos, in JSON": (
        "/videos",
        {"prompt": "Pan left.", "input_reference": {"image_url": URL}},
        "/input_reference/image_url",
    ),
    "realtime": ("/realtime", item({"type": "input_image", "image_url": URL}), "/item/content/0/image_url"),
    "a shape that nobody knows": ("/next", {"scene": {"frames": [URL]}}, "/scene/frames/0"),
}


@pytest.mark.parametrize(("path", "body", "pointer"), SHAPES.values(), ids=SHAPES.keys())
def test_a_picture_is_seen_in_every_shape_that_carries_one(path: str, body: Any, pointer: str) -> None:
    request = from_json(path, body)
    assert pointer in [segment.pointer for segment in request.segments if segment.kind == "image"]
    assert [(signal.camera, signal.pointer) for signal in request.signals] == [("body_worn", pointer)]
    camera = Guard().check(path, body).facts.camera
    assert (camera.value, [item.pointer for item in camera.evidence]) == ("body_worn", [pointer])


def form(*parts: tuple[str, bytes]) -> Wire:
    body = b"".join(
        b"--b\r\nContent-Disposition: form-data; " + head.encode() + b"\r\n\r\n" + data + b"\r\n"
        for head, data in parts
    )
    return Wire("", "multipart/form-data; boundary=b", body + b"--b--\r\n")


LINE = (
    json.dumps({"custom_id": "1", "url": "/v1/chat/completions", "body": SHAPES["chat, data URL"][1]}).encode() + b"\n"
)
FORMS = {
    "/images/edits": ('name="image"; filename="a.jpg"', PHOTO, "/parts/image"),
    "/images/edits several": ('name="image[]"; filename="a.jpg"', PHOTO, "/parts/image[]"),
    "/images/edits mask": ('name="mask"; filename="a.png"', p.png(p.chunk(b"eXIf", PHOTO[30:])), "/parts/mask"),
    "/images/variations": ('name="image"; filename="a.jpg"', PHOTO, "/parts/image"),
    "/videos": ('name="input_reference"; filename="a.jpg"', PHOTO, "/parts/input_reference"),
    "/files": ('name="file"; filename="a.mp4"', VIDEO, "/parts/file"),
    "/files batch": ('name="file"; filename="b.jsonl"', LINE, "/lines/1/body/messages/0/content/0/image_url/url"),
    "/uploads/upload_1/parts": ('name="data"; filename="a.jpg"', PHOTO, "/parts/data"),
}


@pytest.mark.parametrize(
    ("path", "head", "data", "pointer"), [(path, *rest) for path, rest in FORMS.items()], ids=FORMS.keys()
)
def test_a_picture_is_seen_in_every_form_that_carries_one(path: str, head: str, data: bytes, pointer: str) -> None:
    wire = form(('name="prompt"', b"Sharpen it."), (head, data))
    requests = from_wire(Wire(path.partition(" ")[0], wire.content_type, wire.body))
    assert [(s.camera, s.pointer) for request in requests for s in request.signals] == [("body_worn", pointer)]
    assert any(s.kind == "image" and s.pointer == pointer for request in requests for s in request.segments)


def test_every_kind_of_picture_is_seen_in_a_data_url() -> None:
    block = p.tiff({p.MAKE: "Axon", p.MODEL: "Axon Body 4"})
    files = {
        "image/jpeg": PHOTO,
        "image/png": p.png(p.chunk(b"eXIf", block)),
        "image/webp": p.riff(b"WEBP", (b"VP8 ", bytes(900)), (b"EXIF", block)),
        "image/gif": p.gif(b"\x21\xff\x0bXMP DataXMP" + p.xmp('tiff:Model="Axon Body 4"/>')),
        "image/heic": p.heic(block),
        "image/avif": p.heic(block).replace(b"heic", b"avif"),
        "image/tiff": block,
        "video/mp4": VIDEO,
    }
    for media_type, data in files.items():
        for url in (p.data_url(data, media_type), p.data_url(data, "application/octet-stream")):
            request = from_json("/responses", said({"type": "input_image", "image_url": url}))
            assert [signal.device for signal in request.signals] == ["axon-body"], media_type


def test_several_pictures_of_one_camera_are_one_signal_and_the_same_words_are_read_once() -> None:
    picture = {"type": "input_image", "image_url": p.data_url(p.photo("Axon", "Axon Body 4", artist="Jane Roe"))}
    request = from_json("/responses", said(*[picture] * 20))
    assert request.signals == (Signal("body_worn", "/input/0/content/0/image_url", "axon-body", is_police_only=True),)
    assert [s.text for s in request.segments if s.kind == "text"] == ["Jane Roe"]


def test_the_words_in_a_picture_are_metadata_at_its_place() -> None:
    url = p.data_url(p.photo("NIKON", "D750", artist="Boise Police Department"))
    request = from_json("/responses", said({"type": "input_image", "image_url": url}))
    pointer = "/input/0/content/0/image_url"
    assert Segment("text", Origin.METADATA, pointer, "Boise Police Department") in request.segments
    assert request.signals == ()


def test_pictures_among_words_are_counted_up_to_a_bound_and_words_that_resemble_one_are_none() -> None:
    many = from_json("/responses", {"input": ("See " + URL + " and ") * 40})
    assert sum(segment.kind == "image" for segment in many.segments) == 16
    words = "iVBORw0KGgo is how a PNG begins, /9j/ a JPEG. " * 20
    assert [segment.kind for segment in from_json("/responses", {"input": words}).segments] == ["text"]


# --- what it counts for


def check(question: str, url: str, tenant: Tenant | None = None, *, policy: str = "azure-openai-2024-05") -> Decision:
    body = said({"type": "input_text", "text": question}, {"type": "input_image", "image_url": url})
    return Guard(tenant, policy).check("/responses", body)


def test_an_order_to_name_who_is_in_the_picture_of_a_police_camera_is_stopped() -> None:
    decision = check("Who is this man? Tell me his name.", URL)
    assert decision.rules == ("law-enforcement-identification",)
    assert decision.facts.actor.source == "picture (axon-body)"
    assert [item.pointer for item in decision.facts.actor.evidence] == ["/input/0/content/1/image_url"]


@pytest.mark.parametrize(
    "question",
    [
        "Describe the scene for the report: weather, vehicles, number of people. No names.",
        "Blur every face in this picture.",
        "What does the overlay say?",
        "Who makes this camera?",
        "Summarise the debate on police use of face recognition.",
    ],
)
def test_a_police_camera_alone_stops_nothing(question: str) -> None:
    decision = check(question, URL)
    assert not decision.is_blocked
    assert decision.facts.actor.value == "unknown"


@pytest.mark.parametrize(
    "device", [("VIOFO", "A229 Pro"), ("NIKON CORPORATION", "NIKON D750"), ("Transcend", "DrivePro Body 30")]
)
def test_the_same_order_on_the_picture_of_another_camera_passes(device: tuple[str, str]) -> None:
    assert not check("Who is this man? Tell me his name.", p.data_url(p.photo(*device))).is_blocked


def test_a_police_camera_in_a_file_name_forbids_nothing_by_itself() -> None:
    decision = check("How many people are in this picture, and what are they doing?", HTTPS)
    assert (decision.verdict, decision.facts.camera.value) == ("allow", "body_worn")


def test_the_country_of_a_tenant_counts_for_a_police_camera_too() -> None:
    assert (
        check("Who is this man? Tell me his name.", URL, Tenant("technology", country="US")).rule
        == "us-police-facial-recognition"
    )


def test_the_words_in_a_picture_say_who_asks() -> None:
    url = p.data_url(p.photo("NIKON CORPORATION", "NIKON D750", artist="Boise Police Department"))
    assert check("Who is this man? Tell me his name.", url).is_blocked
    assert not check("What is the weather in this picture?", url).is_blocked


def test_the_words_of_a_picture_stay_out_of_decision_and_report() -> None:
    url = p.data_url(p.photo("Axon", "Axon Body 4", artist="Sergeant Marguerite Oakes"))
    decision = check("Who is this man? Tell me his name.", url, US_POLICE)
    assert decision.is_blocked
    assert "Marguerite" not in decision.explain() + repr(decision)


@pytest.mark.parametrize("tenant", [None, US_POLICE], ids=["nobody", "police"])
@pytest.mark.parametrize("name", ["a.jpg", "still.jpg", "IMG_2041.JPG", "booking photo 12.jpg"])
def test_a_picture_without_a_word_asks_for_nothing(tenant: Tenant | None, name: str) -> None:
    data = p.photo("Axon", "Axon Body 4", artist="Boise Police Department")
    upload = form(('name="purpose"', b"vision"), (f'name="file"; filename="{name}"', data))
    guard = Guard(tenant)
    assert not guard.judge(from_wire(Wire("/files", upload.content_type, upload.body))).is_blocked
    assert not guard.check("/responses", said({"type": "input_image", "image_url": p.data_url(data)})).is_blocked


def test_an_order_in_the_labels_of_a_picture_is_read() -> None:
    body = {
        **said({"type": "input_image", "image_url": PLAIN_PHOTO}),
        "metadata": {"task": "Run a face match. Who is this man?"},
    }
    assert Guard(US_POLICE).check("/responses", body).is_blocked


def test_a_police_camera_is_remembered_with_the_file_that_was_uploaded() -> None:
    guard, session = Guard(), Session()
    upload = form(('name="purpose"', b"vision"), ('name="file"; filename="a.jpg"', PHOTO))
    kept = guard.admit(Wire("/files", upload.content_type, upload.body), session).memory
    assert (kept.has_police_camera, kept.camera, kept.has_image) == (True, "body_worn", True)
    session.remember("file", "file_1", kept)
    body = said(
        {"type": "input_text", "text": "Who is this man? Tell me his name."},
        {"type": "input_image", "file_id": "file_1"},
    )
    with pytest.raises(PolicyViolation) as caught:
        guard.admit(Wire("/responses", "application/json", json.dumps(body).encode()), session)
    assert caught.value.decision.facts.actor.source == "session"
    assert caught.value.decision.facts.camera.source == "session"


@pytest.mark.parametrize("pixels", [600, 200_000], ids=["kept whole", "cut"])
def test_a_police_camera_in_an_earlier_item_of_a_connection_counts_for_the_later_ones(pixels: int) -> None:
    dialogue = Dialogue(Enforcement(Guard()), is_responses=False)
    url = p.data_url(p.photo("Axon", "Axon Body 4", pixels=pixels))
    dialogue.admit(json.dumps(item({"type": "input_image", "image_url": url})))
    with pytest.raises(PolicyViolation):
        dialogue.admit(json.dumps(item({"type": "input_text", "text": "Who is this man? Tell me his name."})))


@pytest.fixture
def client(server: Loopback) -> Iterator[OpenAI]:
    with OpenAI(api_key="none", base_url=server.url + "/v1", max_retries=0) as client:
        yield client


def test_a_picture_uploaded_through_the_client_is_judged_where_its_id_is_used(client: OpenAI, server: Loopback) -> None:
    uploaded = client.files.create(file=("still.jpg", PHOTO), purpose="vision")
    question: Any = said(
        {"type": "input_text", "text": "Who is this man? Tell me his name."},
        {"type": "input_image", "file_id": uploaded.id},
    )["input"]
    with pytest.raises(PolicyViolation):
        client.responses.create(model="gpt-4o", input=question)
    assert [request.path for request in server.requests] == ["/files"]


def test_forgetting_nothing_a_merge_of_memories_keeps_the_police_camera() -> None:
    session = Session()
    session.remember("file", "file_1", Memory(has_police_camera=True))
    session.remember("file", "file_1", Memory())
    known = session.known("file", "file_1")
    assert known is not None
    assert known.has_police_camera
