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
from safe_azure_openai.extract.documents import read_document
from safe_azure_openai.model.request import Gap, Origin, Segment


def document_text(data: bytes) -> tuple[str, bool]:
    """Return the words of a document, and whether those are all of it."""
    document = read_document(data)
    assert document.scans == ()
    return document.text, document.is_whole


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


def whole_pdf(*pages: str) -> bytes:
    """Return a PDF as programs write it, with a page for each text and a table of what stands where."""
    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for number, words in enumerate(pages):
        content = zlib.compress(f"BT /F1 12 Tf 72 700 Td ({words}) Tj ET".encode() if words else b"q Q")
        objects += [
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 3 0 R >> >> "
            b"/Contents %d 0 R >>" % (5 + 2 * number),
            b"<< /Filter /FlateDecode /Length %d >>\nstream\n%b\nendstream" % (len(content), content),
        ]
    out, places = bytearray(b"%PDF-1.7\n"), list[int]()
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(out))
    return bytes(out) + b"xref\n0 %d\n0000000000 65535 f \n%b%b" % (len(objects) + 1, table, end)


def locked_pdf(password: str) -> bytes:
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(whole_pdf("Who is he?"))))
    writer.encrypt(password, owner_password="other", algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def test_all_pages_of_a_pdf_are_read() -> None:
    assert document_text(whole_pdf("Watch list", "Match them")) == ("Watch list\nMatch them", True)


def test_a_pdf_with_a_page_without_words_is_not_read_whole() -> None:
    assert document_text(whole_pdf("Watch list", "")) == ("Watch list", False)


def test_a_pdf_with_more_pages_than_are_read_is_not_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_PAGES", 1)
    assert document_text(whole_pdf("Watch list", "Match them")) == ("Watch list", False)


def test_a_pdf_that_opens_for_everybody_is_read() -> None:
    assert document_text(locked_pdf("")) == ("Who is he?", True)


@pytest.mark.parametrize(
    "data",
    [locked_pdf("secret"), b"\xd0\xcf\x11\xe0" + "EncryptedPackage".encode("utf-16-le"), b"PK\x03\x04\x14\0\x01\0rest"],
    ids=["pdf", "office", "zip"],
)
def test_a_document_that_takes_a_password_is_a_gap_of_its_own(data: bytes) -> None:
    encoded = base64.b64encode(data + b" " * 300).decode()
    request = from_json("/responses", {"input": [{"type": "input_file", "filename": "a.pdf", "file_data": encoded}]})
    assert request.gaps == (Gap("/input/0/file_data", "encrypted"),)
    assert not request.gaps[0].is_blocking


@given(st.binary(max_size=200), st.sampled_from([b"PK\x03\x04", b"%PDF", b"%PDF stream\n"]))
def test_no_bytes_make_it_raise(data: bytes, start: bytes) -> None:
    assert document_text(start + data)[1] is False


@pytest.mark.parametrize("part", ["<", "<br ", "<!--", "</w:p"])
def test_signs_that_open_no_tag_are_passed_once(part: str) -> None:
    # No clock, here and below: what grows with the square of the length takes an hour.
    content = part * (2**21 // len(part))
    text, is_whole = document_text(archive(**{"[Content_Types].xml": "<Types/>", "word/document.xml": content}))
    assert is_whole
    assert not text or part in text


@pytest.mark.parametrize("part", [b"(\\", b"[\\[", b"(", b"[(\\)"])
def test_strings_without_end_are_passed_once(part: bytes) -> None:
    text, _ = document_text(pdf(b"BT (Who) Tj T* " + part * (2**20 // len(part)) + b" Tj ET"))
    assert text.startswith("Who")


def test_a_string_is_shown_whatever_stands_open_before_it() -> None:
    assert document_text(pdf(b"BT [ (junk) 0 Td (Who is) Tj [(th) -250 (is m) 20 (an)] TJ ET"))[0] == "Who isth is man"
