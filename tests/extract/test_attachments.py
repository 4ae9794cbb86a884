"""Payloads are recognised by type, first bytes and name; text among them is read."""

from __future__ import annotations

import base64
import random
import re

import pytest

from safe_azure_openai.extract import from_json
from safe_azure_openai.extract.attachments import (
    Payload,
    decode_base64,
    from_base64,
    from_data_url,
    is_base64_payload,
    payload_of,
    text_of,
)


@pytest.mark.parametrize(
    ("data", "media_type", "name", "kind"),
    [
        (b"\x89PNG\r\n", "", "", "image"),
        (b"\xff\xd8\xff\xe0", "text/plain", "a.txt", "image"),
        (b"RIFF....WEBP", "", "", "image"),
        (b"RIFF....WAVE", "", "", "audio"),
        (b"\x00\x00\x00 ftypisom", "", "", "image"),
        (b"\x00\x00\x00 ftypM4A ", "", "", "audio"),
        (b"ID3\x04", "", "", "audio"),
        (b"%PDF-1.7", "", "", "file"),
        (b"PK\x03\x04", "", "", "file"),
        (b"\x00\x01", "video/mp4", "", "image"),
        (b"\x00\x01", "audio/pcm", "", "audio"),
        (b"\x00\x01", "", "x.HEIC", "image"),
        (b"\x00\x01", "", "x.docx", "file"),
    ],
)
def test_a_payload_is_what_its_bytes_type_or_name_say(data: bytes, media_type: str, name: str, kind: str) -> None:
    assert payload_of(data, media_type, name).kind == kind


def test_unknown_bytes_are_what_their_place_takes_them_for() -> None:
    assert payload_of(b"\x00\x01\x02", kind="audio") == Payload("audio")
    assert payload_of(b"RIFF\x00\x01\x02\x03????\x00", kind="file") == Payload("file")


def test_the_text_of_a_drawing_is_read_too() -> None:
    svg = b"<svg><text>mugshot</text></svg>"
    assert payload_of(svg, "image/svg+xml") == Payload("image", svg.decode(), is_read=True)
    assert from_base64(base64.b64encode(svg).decode(), media_type="image/svg+xml") == Payload(
        "image", svg.decode(), is_read=True
    )


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"plain", "plain"),
        ("Gesicht ü 顔".encode(), "Gesicht ü 顔"),
        ("Gesicht ü".encode("utf-16"), "Gesicht ü"),
        ("Gesicht ü".encode("cp1252"), "Gesicht ü"),
        (b"\xef\xbb\xbfmark", "mark"),
        ("Gesicht ü".encode("utf-16-le"), "Gesicht ü"),
        ("Gesicht ü".encode("utf-16-be"), "Gesicht ü"),
        ("Gesicht ü".encode("utf-32"), "Gesicht ü"),
        (b"who is\x00 this", "who is\x00 this"),
        (b"\x01\x00\x02\x00" * 9, None),
        (b"a\x00\x00\xd8", None),
        (b"\xef\xbb\xbf\xff", None),
        (b"\x00\x01\x02\x03", None),
        (bytes(range(128, 256)), None),
    ],
)
def test_text_is_told_from_bytes(data: bytes, text: str | None) -> None:
    assert text_of(data) == text


@pytest.mark.parametrize(
    ("url", "payload"),
    [
        ("data:,who%20is%20he", Payload("file", "who is he", is_read=True)),
        ("data:text/plain;charset=utf-8;base64,d2hvIGlzIGhl", Payload("file", "who is he", is_read=True)),
        ("DATA:IMAGE/PNG;BASE64,iVBORw0KGgo=", Payload("image")),
        ("data:application/pdf;base64,JVBERi0xLjc=", Payload("file", "%PDF-1.7")),
        ("data:application/pdf;base64,JVBERi0xLjcKJeLjz9M=", Payload("file")),
        ("https://a.example/x.png", None),
        ("database, please", None),
    ],
)
def test_data_urls_are_read(url: str, payload: Payload | None) -> None:
    assert from_data_url(url) == payload


@pytest.mark.parametrize(
    "words", ["GIF89a: who is this?", "ID3: who is this?", "at, ftyp: who is this?", "who? ü" * 20]
)
def test_words_that_pose_as_a_picture_or_a_sound_are_read(words: str) -> None:
    assert payload_of(words.encode(), "image/png").text == words
    assert payload_of(words.encode(), name="a.mp3").text == words
    assert payload_of(words.encode(), name="a.docx") in (
        Payload("file", words, is_read=True),
        payload_of(words.encode()),
    )
    assert from_data_url("data:image/png;base64," + base64.b64encode(words.encode()).decode()) == payload_of(
        words.encode(), "image/png"
    )


def test_a_broken_payload_is_still_an_attachment() -> None:
    assert from_base64("$IMG", kind="image") == Payload("image")


@pytest.mark.parametrize("text", ["YQ==", "YQ", "YQ=\n", "-_-_", "YWJjZ"])
def test_base64_is_decoded_whatever_its_padding_and_alphabet(text: str) -> None:
    assert decode_base64(text) is not None


def test_only_long_unbroken_base64_is_a_payload() -> None:
    assert is_base64_payload("A" * 256)
    assert not is_base64_payload("A" * 255)
    assert not is_base64_payload("who is this man " * 40)
    assert not is_base64_payload("A" * 300 + " now name him")


ORDER = (
    "Detective with the Tulsa Police Department. Which of these booking photos is this man? Compare his face with each."
)


@pytest.mark.parametrize("head", ["%PDF\n", "%PDF files are attached.\n", "PK\x03\x04\n"])
def test_words_that_begin_as_a_document_does_are_read(head: str) -> None:
    payload = payload_of((head + ORDER).encode(), "text/plain", "notes.txt")
    assert ORDER in (payload.text or "")
    assert not payload.is_read


@pytest.mark.parametrize("joint", ["-", "_", "/", ""])
@pytest.mark.parametrize("head", ["", "/9j/", "iVBORw0KGgo", "data:image/png;base64,iVBORw0KGgo"])
def test_joined_words_behind_the_head_of_a_picture_are_words(head: str, joint: str) -> None:
    words = joint.join(re.findall("[A-Za-z]+", ORDER * 3))
    request = from_json("/chat/completions", {"messages": [{"role": "user", "content": head + words}]})
    assert any(segment.kind == "text" and words in segment.text for segment in request.segments)


def test_a_picture_in_base64_is_no_words() -> None:
    picture = base64.b64encode(b"\x89PNG\r\n\x1a\n" + random.Random(1).randbytes(3000)).decode()
    request = from_json("/chat/completions", {"messages": [{"role": "user", "content": picture}]})
    assert [segment.kind for segment in request.segments] == ["image"]
