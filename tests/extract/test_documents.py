"""Documents are read as far as the standard library can, and say whether that was all."""

from __future__ import annotations

import base64
import io
import zipfile
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safe_azure_openai.extract import documents, from_json
from safe_azure_openai.extract.documents import document_text
from safe_azure_openai.model import Gap, Origin, Segment


def archive(**parts: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as out:
        for name, content in parts.items():
            out.writestr(name, content)
    return buffer.getvalue()


def docx(*paragraphs: str) -> bytes:
    body = "".join(f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>" for text in paragraphs)
    return archive(**{"[Content_Types].xml": "<Types/>", "word/document.xml": f"<w:document>{body}</w:document>"})


def pdf(content: bytes, *, packed: bool = True) -> bytes:
    stream = zlib.compress(content) if packed else content
    return b"%PDF-1.7\n1 0 obj\n<< /Length 1 >>\nstream\n" + stream + b"\nendstream\nendobj\n"


def test_the_paragraphs_of_a_word_document_are_lines() -> None:
    assert document_text(docx("Watch list &amp; faces", "Match <w:b/>them")) == ("Watch list & faces\nMatch them", True)


def test_a_word_formatted_in_runs_stays_whole() -> None:
    assert document_text(docx("fa</w:t></w:r><w:r><w:t>cial")) == ("facial", True)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("ppt/slides/slide1.xml", "<a:p><a:t>booking photos</a:t></a:p>"),
        ("xl/sharedStrings.xml", "<si><t>booking photos</t></si>"),
        ("content.xml", "<text:p>booking photos</text:p>"),
        ("OEBPS/one.xhtml", "<p>booking photos</p>"),
    ],
)
def test_slides_sheets_open_documents_and_books_are_read(name: str, content: str) -> None:
    assert document_text(archive(**{"mimetype": "x", name: content})) == ("booking photos", True)


def test_an_archive_that_is_no_document_is_not_read_whole() -> None:
    assert document_text(archive(**{"a.txt": "w", "b.html": "<p>seen</p>"})) == ("seen", False)


@pytest.mark.parametrize("data", [b"PK\x03\x04 broken", docx("x")[:-40], b"plain", b"", b"\xd0\xcf\x11\xe0"])
def test_what_is_broken_or_no_document_is_unread(data: bytes) -> None:
    assert document_text(data) == ("", False)


@pytest.mark.parametrize("data", [docx("w " * 2000), pdf(b"(w ) Tj " * 2000)], ids=["docx", "pdf"])
def test_what_unpacks_to_too_much_is_not_read_whole(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_UNPACKED", 1000)
    text, is_whole = document_text(data + data)
    assert not is_whole
    assert len(text) < 1000


@pytest.mark.parametrize("packed", [True, False])
def test_the_simple_strings_of_a_pdf_are_read_and_never_called_all(packed: bool) -> None:
    content = (
        b"BT (Face \\(of\\) the \\163uspect) Tj T* [(book) -20 (ing) -300 (photos)] TJ ET "
        b"<feff0047006500730069006300680074> Tj T* <686>Tj"
    )
    text, is_whole = document_text(pdf(content, packed=packed))
    assert text == "Face (of) the suspect\nbooking photos\nGesicht\nh`"
    assert not is_whole


def test_line_ends_and_unknown_escapes_of_a_pdf_string_are_read() -> None:
    assert document_text(pdf(b"(a\\nb\\\nc\\qd) Tj"))[0] == "a\nbcqd"


def test_glyph_numbers_and_pictures_of_a_pdf_are_no_words() -> None:
    assert document_text(pdf(b"<0001000200030004> Tj") + pdf(b"\x00\x01", packed=False) + pdf(b"q Q")) == ("", False)


def test_a_document_in_a_request_is_read_and_leaves_no_gap() -> None:
    data = "data:application/octet-stream;base64," + base64.b64encode(docx("Who is he?")).decode()
    request = from_json("/responses", {"input": [{"type": "input_file", "filename": "a.docx", "file_data": data}]})
    assert request.segments[1:] == (Segment("text", Origin.FILE, "/input/0/file_data", "Who is he?"),)
    assert request.gaps == ()


def test_a_pdf_in_a_request_is_read_and_leaves_a_gap() -> None:
    data = base64.b64encode(pdf(b"(Who is he?) Tj" + b" " * 300)).decode()
    request = from_json("/responses", {"input": [{"type": "input_file", "filename": "a.pdf", "file_data": data}]})
    assert [(s.kind, s.text) for s in request.segments[1:]] == [("text", "Who is he?"), ("file", "a.pdf")]
    assert request.gaps == (Gap("/input/0/file_data", "unread_attachment"),)


@given(st.binary(max_size=200), st.sampled_from([b"PK\x03\x04", b"%PDF", b"%PDF stream\n"]))
def test_no_bytes_make_it_raise(data: bytes, start: bytes) -> None:
    assert document_text(start + data)[1] is False
