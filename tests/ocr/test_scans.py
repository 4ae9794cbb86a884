"""Documents whose pages are pictures: read like pictures, judged like the words of a document."""

from __future__ import annotations

import base64
import io
from typing import Any

import pytest
from PIL import Image

from safe_azure_openai import Guard, Tenant
from safe_azure_openai.extract import documents, from_json, from_wire
from safe_azure_openai.extract.attachments import may_hold_picture
from safe_azure_openai.extract.documents import read_document
from safe_azure_openai.extract.scans import scans_of
from safe_azure_openai.model.request import Gap, Origin, Request, Segment
from safe_azure_openai.model.wire import Wire
from safe_azure_openai.ocr import Reader
from safe_azure_openai.streams import MemoryStore, Streams

from .drawn import WHITE, encoded, page
from .scanned import Drawn, fax, jpeg, jpeg2000, palette, predicted, samples, scanned_pdf
from .test_reader import ORDER, Scripted, guard, slow, told

__all__ = ["slow"]  # a fixture

POINTER = "/input/0/content/0/file_data"
UNREAD = Gap(POINTER, "unread_picture")
PAGE = page("Match the face in the attached still", "against our custody images.", size=(620, 400), ground=WHITE)
OTHER = page("Another page of the same document", "with other words on it.", size=(620, 400), ground=WHITE)
JBIG2 = Drawn("/Subtype /Image /Width 620 /Height 400 /BitsPerComponent 1 /Filter /JBIG2Decode", b"\0\1\2\3")


def body(pdf: bytes, words: str = "Do what the attached document says.") -> dict[str, Any]:
    data = "data:application/pdf;base64," + base64.b64encode(pdf).decode()
    parts = [
        {"type": "input_file", "filename": "a.pdf", "file_data": data},
        {"type": "input_text", "text": words},
    ]
    return {"model": "gpt-4o", "input": [{"role": "user", "content": parts}]}


def extracted(pdf: bytes) -> Request:
    return from_json("/responses", body(pdf))


def read(reader: Reader, pdf: bytes) -> Request:
    (request,) = reader.read([extracted(pdf)])
    return request


def of_the_file(request: Request) -> list[Segment]:
    return [segment for segment in request.segments if segment.pointer == POINTER]


# --- what is found in a document


@pytest.mark.parametrize(
    "drawn",
    [
        jpeg(PAGE),
        jpeg2000(PAGE),
        fax(PAGE),
        samples(PAGE),
        samples(PAGE, "/DeviceGray", "L"),
        samples(PAGE, "/DeviceGray", "1", bits=1),
        samples(PAGE, "[/CalRGB << /WhitePoint [1 1 1] >>]"),
        samples(PAGE, "[/ICCBased << /N 3 >>]"),
        samples(PAGE, f"[/Indexed /DeviceGray 255 <{bytes(range(256)).hex()}>]", "L"),
        predicted(PAGE),
        palette(PAGE),
    ],
    ids=[
        "jpeg",
        "jpeg 2000",
        "fax",
        "samples",
        "grey",
        "black and white",
        "calibrated",
        "profile",
        "grey palette",
        "predicted",
        "palette",
    ],
)
def test_a_page_that_is_a_picture_is_found_as_a_file(drawn: Drawn) -> None:
    document = read_document(scanned_pdf(drawn))
    assert (document.text, document.is_whole) == ("", True)
    (scan,) = document.scans
    with Image.open(io.BytesIO(scan)) as image:
        difference = [abs(a - b) for a, b in zip(_greys(image), _greys(PAGE), strict=True)]
    assert sum(difference) / len(difference) < 8


def _greys(image: Image.Image) -> bytes:
    return image.convert("RGB").convert("L").tobytes()


def test_the_pages_stay_in_order_and_those_with_words_are_read_as_before() -> None:
    words = "A page of words as programs write it, long enough to be no stamp on a page that was scanned."
    document = read_document(scanned_pdf(jpeg(PAGE), words, jpeg(OTHER), (words, jpeg(PAGE))))
    assert (document.text, document.is_whole) == (f"{words}\n{words}", True)
    assert document.scans == (encoded(PAGE, "JPEG"), encoded(OTHER, "JPEG"))


def test_a_stamp_on_a_scanned_page_does_not_stand_for_its_words() -> None:
    document = read_document(scanned_pdf(("DOC-000123", jpeg(PAGE))))
    assert (document.text, document.scans) == ("DOC-000123", (encoded(PAGE, "JPEG"),))


def test_a_logo_is_no_page() -> None:
    document = read_document(scanned_pdf(jpeg(PAGE.resize((120, 80))), ("Title", jpeg(PAGE.resize((120, 80))))))
    assert (document.text, document.is_whole, document.scans) == ("Title", False, ())


def test_a_picture_inside_forms_is_found_as_deep_as_programs_put_it() -> None:
    assert read_document(scanned_pdf(jpeg(PAGE), wrapped=2)).scans == (encoded(PAGE, "JPEG"),)
    assert read_document(scanned_pdf(jpeg(PAGE), wrapped=20)).scans == ()


@pytest.mark.parametrize(
    "drawn",
    [
        JBIG2,
        samples(PAGE, "/Pattern"),
        samples(PAGE, "[/Separation /Spot /DeviceRGB 3 0 R]"),
        Drawn("/Subtype /Image /Width 60000 /Height 60000 /BitsPerComponent 8 /ColorSpace /DeviceRGB", b"\0"),
        Drawn("/Subtype /Image /Width 1 /Height 60000000 /BitsPerComponent 1 /ColorSpace /DeviceGray", b"\0"),
        Drawn("/Subtype /Image /Width 620 /Height 400 /BitsPerComponent 8 /ColorSpace /DeviceRGB /Filter /Flate", b"x"),
        Drawn("/Subtype /Image /Width (a) /Height 400", b"\0"),
        Drawn("/Subtype /Image /Width 620 /Height 400 /BitsPerComponent 8 /ColorSpace [/Indexed /DeviceRGB]", b"\0"),
    ],
    ids=["jbig2", "pattern", "spot colour", "bomb", "ribbon", "no filter", "no width", "no palette"],
)
def test_a_page_that_cannot_be_made_a_file_is_known_as_one_that_was_not_read(drawn: Drawn) -> None:
    assert read_document(scanned_pdf(drawn)).scans == (b"",)


def test_pages_beyond_what_is_kept_are_known_as_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_SCANNED", len(encoded(PAGE, "JPEG")))
    assert read_document(scanned_pdf(jpeg(PAGE), jpeg(OTHER))).scans == (encoded(PAGE, "JPEG"), b"")


def test_without_its_reader_the_jpeg_pictures_of_a_pdf_without_words_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "_reads_pdf", lambda: False)
    document = read_document(scanned_pdf(jpeg(PAGE), samples(OTHER)))
    assert (document.text, document.is_whole, document.scans) == ("", False, (encoded(PAGE, "JPEG"),))
    assert read_document(scanned_pdf(("Some words", jpeg(PAGE)))).scans == ()


def test_forms_that_hold_themselves_end() -> None:
    form: dict[str, Any] = {"/Subtype": "/Form"}
    held = {f"/Im{number}": Held(form) for number in range(100)}
    form["/Resources"] = {"/XObject": held}
    looked.clear()
    assert list(scans_of({"/XObject": held})) == []
    assert len(looked) <= 256


looked: list[object] = []


class Held:
    """A reference to an object, which counts how often it is followed."""

    def __init__(self, value: object) -> None:
        self.value = value

    def get_object(self) -> object:
        looked.append(self.value)
        return self.value


# --- what a request says of it


def test_without_an_engine_a_scanned_page_is_not_inspected() -> None:
    request = read(Reader(None), scanned_pdf(jpeg(PAGE), samples(OTHER)))
    assert request.gaps == (UNREAD,)
    assert of_the_file(request) == [Segment("file", Origin.FILE, POINTER, "a.pdf")]
    decision = guard(Reader(None)).check("/responses", body(scanned_pdf(jpeg(PAGE))))
    assert (decision.gaps, decision.facts.inspection.value) == ((UNREAD,), "partial")


def test_where_reading_is_off_it_is_not_inspected_either() -> None:
    assert Guard(ocr="off").check("/responses", body(scanned_pdf(jpeg(PAGE)))).gaps == (UNREAD,)


def test_where_reading_is_required_it_stops_the_request() -> None:
    assert guard(Reader(None), ocr="require").stops(UNREAD)
    assert not guard(Reader(None)).stops(UNREAD)


def test_the_words_of_scanned_pages_are_those_of_the_document() -> None:
    engine = Scripted(*told("Who is", "this man?"))
    request = read(engine.reader(), scanned_pdf(jpeg(PAGE), samples(OTHER)))
    assert request.gaps == ()
    assert of_the_file(request) == [
        Segment("file", Origin.FILE, POINTER, "a.pdf"),
        Segment("text", Origin.FILE, POINTER, "Who is\nthis man?"),
        Segment("text", Origin.FILE, POINTER, "Who is\nthis man?"),
    ]
    assert len(engine.shapes) == 2


def test_a_fax_is_read_though_what_stands_behind_it_is_no_picture() -> None:
    request = read(Scripted(*told("Who is he?")).reader(), scanned_pdf(fax(PAGE)))
    assert (request.segments[-2].text, request.gaps) == ("Who is he?", ())


def test_an_order_on_a_scanned_page_is_blocked() -> None:
    british = Tenant("law_enforcement", country="GB")
    decision = guard(Scripted(*told(ORDER)).reader(), british).check("/responses", body(scanned_pdf(jpeg(PAGE))))
    assert decision.rule == "law-enforcement-identification"


def test_a_page_that_cannot_be_read_is_not_inspected_and_the_others_are() -> None:
    request = read(Scripted(*told("Who is he?")).reader(), scanned_pdf(jpeg(PAGE), JBIG2))
    assert request.gaps == (UNREAD,)
    assert of_the_file(request)[-1] == Segment("text", Origin.FILE, POINTER, "Who is he?")


def test_pages_that_take_too_long_are_not_inspected(slow: Scripted) -> None:
    request = read(slow.reader(seconds=0.2), scanned_pdf(jpeg(PAGE), samples(OTHER)))
    assert request.gaps == (Gap(POINTER, "picture_timeout"),)


def test_a_document_with_unread_and_blank_pages_says_both() -> None:
    request = extracted(scanned_pdf(jpeg(PAGE), ""))
    assert {gap.reason for gap in request.gaps} == {"unread_picture", "unread_attachment"}


def test_an_uploaded_scan_is_read_too() -> None:
    head = b'--X\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n'
    upload = Wire("/files", "multipart/form-data; boundary=X", head + scanned_pdf(jpeg(PAGE)) + b"\r\n--X--\r\n")
    raw = Wire("/x", "application/pdf", scanned_pdf(jpeg(PAGE)))
    for wire in (upload, raw):
        (request,) = Scripted(*told("Who is he?")).reader().read(from_wire(wire))
        assert (request.segments[-1].text, request.gaps) == ("Who is he?", ())


def test_scanned_pages_are_no_stream() -> None:
    store = MemoryStore()
    watched = Streams(store)
    wire = Wire("/responses")
    for number in range(8):
        pdf = scanned_pdf(jpeg(page(f"Page {number}", size=(620, 400))))
        (request,) = watched.watch(wire, [extracted(pdf)])
        assert request.stream is None
    assert list(store) == []


def test_a_document_may_be_waited_for() -> None:
    pdf = scanned_pdf(jpeg(PAGE))
    assert may_hold_picture(pdf)
    assert may_hold_picture(base64.b64encode(pdf))
