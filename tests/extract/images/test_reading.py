"""What pictures and videos say of themselves is read from their headers, whatever the format."""

from __future__ import annotations

import base64
import struct
import zlib

import pytest

from safe_azure_openai.extract.images import Metadata, Source, metadata_of, words_of

from . import pictures as p

BODY = ("Axon", "Axon Body 4")
BLOCK = p.tiff({p.MAKE: BODY[0], p.MODEL: BODY[1], p.ARTIST: "Boise Police Department"})
PACKET = p.xmp('tiff:Make="Axon" tiff:Model="Axon Body 4"/>')
NOTHING = Metadata()


def found(data: bytes) -> Metadata:
    """Return what is read from the bytes, having seen that the same is read from their base64."""
    read = metadata_of(Source.of_bytes(data))
    assert metadata_of(Source.of_base64(base64.b64encode(data).decode())) == read
    return read or NOTHING


def text_chunk(keyword: bytes, text: bytes) -> bytes:
    return p.chunk(b"tEXt", keyword + b"\0" + text)


PROFILE = b"\nexif\n%8d\n" % len(BLOCK) + (b"Exif\0\0" + BLOCK).hex().encode()
XMP_PROFILE = b"\nxmp\n%8d\n" % len(PACKET) + PACKET.hex().encode()
FORMATS = {
    "jpeg exif": p.jpeg(p.exif(BLOCK)),
    "jpeg exif, big endian": p.jpeg(p.exif(p.tiff({p.MAKE: BODY[0], p.MODEL: BODY[1]}, order=">"))),
    "jpeg exif behind a profile": p.jpeg(p.segment(0xE2, bytes(60_000)), p.exif(BLOCK)),
    "jpeg with filled markers": p.jpeg(b"\xff\xff" + p.exif(BLOCK)),
    "jpeg xmp": p.jpeg(p.xmp_segment(PACKET)),
    "tiff": BLOCK,
    "tiff with xmp": p.tiff({p.XMP_TAG: PACKET}),
    "png exif": p.png(p.chunk(b"eXIf", BLOCK)),
    "png exif behind the picture": p.png(behind=(p.chunk(b"eXIf", BLOCK),), parts=200),
    "png text": p.png(text_chunk(b"Make", b"Axon"), text_chunk(b"Model", b"Axon Body 4")),
    "png xmp": p.png(p.chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + PACKET)),
    "png packed xmp": p.png(p.chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(PACKET))),
    "png packed text": p.png(p.chunk(b"zTXt", b"Model\0\0" + zlib.compress(b"Axon Body 4"))),
    "png profile": p.png(p.chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(PROFILE))),
    "png xmp profile": p.png(text_chunk(b"Raw profile type xmp", XMP_PROFILE)),
    "webp exif": p.riff(b"WEBP", (b"VP8X", bytes(10)), (b"VP8 ", bytes(9001)), (b"EXIF", BLOCK)),
    "webp exif with its mark": p.riff(b"WEBP", (b"VP8 ", bytes(90)), (b"EXIF", b"Exif\0\0" + BLOCK)),
    "webp xmp": p.riff(b"WEBP", (b"VP8 ", bytes(90)), (b"XMP ", PACKET)),
    "avi": p.riff(b"AVI ", (b"LIST", b"hdrl" + bytes(40)), (b"LIST", b"INFO" + b"ISFT\x0c\0\0\0Axon Body 4\0")),
    "gif xmp": p.gif(b"\x21\xff\x0bXMP DataXMP" + PACKET),
    "heic exif": p.heic(BLOCK),
    "heic exif and xmp, wide numbers": p.heic(BLOCK, PACKET, version=2),
    "heic exif inside meta": p.heic(BLOCK, version=1, in_idat=True),
    "heic xmp": p.heic(packet=PACKET),
    "mov text": p.mp4(
        p.box(b"moov", p.box(b"udta", p.quicktime_text(b"\xa9mak", BODY[0]), p.quicktime_text(b"\xa9mod", BODY[1])))
    ),
    "mp4 text": p.mp4(
        p.box(
            b"moov",
            p.box(
                b"udta",
                p.box(b"meta", bytes(4), p.box(b"hdlr", bytes(24)), p.box(b"ilst", p.itunes_text(b"\xa9mod", BODY[1]))),
            ),
        )
    ),
    "mp4 keys": p.mp4(
        p.box(b"moov", p.keyed({"com.apple.quicktime.make": BODY[0], "x": "y", "com.apple.quicktime.model": BODY[1]}))
    ),
    "mp4 keys of other programs": p.mp4(p.box(b"moov", p.keyed({"make": BODY[0], "model": BODY[1]}))),
    "mp4 xmp": p.mp4(p.box(b"uuid", bytes.fromhex("be7acfcb97a942e89c71999491e3afac"), PACKET)),
    "mov xmp": p.mp4(p.box(b"moov", p.box(b"udta", p.box(b"XMP_", PACKET)))),
    "mp4 behind a long box": p.box(b"ftyp", b"isom")
    + p.long_box(b"mdat", bytes(99))
    + p.box(b"moov", p.box(b"udta", p.box(b"manu", bytes(6), b"Axon Body 4\0"))),
}


@pytest.mark.parametrize("data", FORMATS.values(), ids=FORMATS.keys())
def test_the_device_is_read_from_every_format(data: bytes) -> None:
    assert "Axon Body 4" in found(data).device


WORDS = {
    "artist": p.jpeg(p.exif(p.tiff({p.ARTIST: "by a detective"}))),
    "owner": p.jpeg(p.exif(p.tiff({}, {p.OWNER: "by a detective"}))),
    "comment in ascii": p.jpeg(p.exif(p.tiff({}, {p.USER_COMMENT: b"ASCII\0\0\0by a detective"}))),
    "comment in unicode": p.jpeg(
        p.exif(p.tiff({}, {p.USER_COMMENT: b"UNICODE\0" + "by a detective".encode("utf-16-be")}, order=">"))
    ),
    "title of windows": p.jpeg(p.exif(p.tiff({0x9C9B: "by a detective\0".encode("utf-16-le")}))),
    "comment segment": p.jpeg(p.segment(0xFE, b"by a detective")),
    "xmp list": p.jpeg(
        p.xmp_segment(p.xmp(">\n <dc:creator>\n<rdf:Seq><rdf:li>by a detective</rdf:li></rdf:Seq></dc:creator>"))
    ),
    "xmp element": p.jpeg(p.xmp_segment(p.xmp("><photoshop:Credit>by a detective</photoshop:Credit>"))),
    "png": p.png(text_chunk(b"Author", b"by a detective")),
    "png behind the picture": p.png(behind=(text_chunk(b"Comment", b"by a detective"),), parts=200),
    "gif": p.gif(p.comment(b"by a detective")),
    "gif behind the picture": p.gif(behind=b"\0" + p.comment(b"by a detective")),
    "avi": p.riff(b"AVI ", (b"LIST", b"INFO" + b"ICMT\x0e\0\0\0by a detective")),
    "3gp": p.mp4(p.box(b"moov", p.box(b"udta", p.box(b"auth", bytes(4), b"\x55\xc4by a detective\0")))),
    "mov": p.mp4(p.box(b"moov", p.box(b"udta", p.quicktime_text(b"\xa9cmt", "by a detective")))),
}


@pytest.mark.parametrize("data", WORDS.values(), ids=WORDS.keys())
def test_what_somebody_wrote_is_read_from_every_format(data: bytes) -> None:
    assert found(data).words == ("by a detective",)


def test_serial_number_lens_and_speed_are_read() -> None:
    gps: dict[int, p.Value] = {0x000C: "M", 0x000D: (300, 10)}
    read = found(p.jpeg(p.exif(p.tiff({p.MAKE: "Maker"}, {p.SERIAL: "X81020805", p.LENS: "wide"}, gps))))
    assert (read.serial, read.device) == ("X81020805", ("Maker", "wide"))
    assert read.speed_kmh == pytest.approx(48.28, abs=0.01)


@pytest.mark.parametrize("speed", [(1, 0), (4_000_000_000, 1)])
def test_a_speed_that_no_camera_has_is_no_speed(speed: tuple[int, int]) -> None:
    assert found(p.jpeg(p.exif(p.tiff({p.MAKE: "Maker"}, None, {0x000D: speed})))).speed_kmh == 0.0


def test_boxes_that_only_some_makers_write_are_noted() -> None:
    video = p.mp4(p.box(b"moov", p.box(b"gps ", bytes(8))), p.box(b"free", b"GPS ", bytes(20)))
    assert {"moov/gps ", "freeGPS "} <= found(video).boxes


def test_a_box_means_what_its_place_makes_of_it() -> None:
    blackvue = p.box(b"free", p.box(b"cprt", b"Pittasoft Co., Ltd."), p.box(b"ptnm", bytes(20)))
    assert found(p.mp4(blackvue)).device == ("Pittasoft Co., Ltd.",)
    copyright_ = p.box(b"cprt", bytes(4), b"\x55\xc4", b"2026 Jane Roe\0")
    assert found(p.mp4(p.box(b"moov", p.box(b"udta", copyright_)))).words == ("2026 Jane Roe",)


def test_a_namespace_of_one_maker_names_the_device() -> None:
    packet = p.xmp('xmlns:drone-dji="http://www.dji.com/drone-dji/1.0/" drone-dji:AbsoluteAltitude="+12.1"/>')
    assert found(p.jpeg(p.xmp_segment(packet))).device == ("drone-dji",)


def test_the_record_of_garmin_names_its_model() -> None:
    assert found(p.mp4(p.box(b"uuid", b"GRMN\0\0\0\1\0DC66W\0\0"))).device == ("GRMN DC66W",)


def test_an_ordinary_picture_says_nothing() -> None:
    assert metadata_of(Source.of_bytes(p.jpeg())) is None
    assert metadata_of(Source.of_bytes(p.png())) is None
    assert metadata_of(Source.of_bytes(b"%PDF-1.7 Axon Body 4")) is None
    assert metadata_of(Source.of_base64("")) is None


@pytest.mark.parametrize(
    "wrapped", [lambda b: base64.encodebytes(b).decode(), lambda b: base64.urlsafe_b64encode(b).decode()]
)
def test_the_beginning_of_irregular_base64_is_read(wrapped: object) -> None:
    data = p.jpeg(p.exif(p.tiff({p.MAKE: "Axon", p.MODEL: "Axon Body 4", p.ARTIST: "\u00fe\u00ff" * 30})))
    assert callable(wrapped)
    assert metadata_of(Source.of_base64(wrapped(data))) == found(data)


@pytest.mark.parametrize("size", range(3))
def test_base64_is_read_whatever_its_padding_and_place(size: int) -> None:
    data = p.riff(b"WEBP", (b"VP8 ", bytes(50_000)), (b"EXIF", BLOCK + bytes(size)))
    text = "data:image/webp;base64," + base64.b64encode(data).decode()
    for url in (text, text.rstrip("="), text + "\r\n"):
        read = metadata_of(Source.of_base64(url, text.index(",") + 1))
        assert read is not None
        assert read.device == BODY


def test_a_broken_character_far_behind_ends_the_reading_there() -> None:
    text = base64.b64encode(FORMATS["webp exif"]).decode()
    assert metadata_of(Source.of_base64(text[:-100] + "$" + text[-99:])) is None


def test_what_is_long_is_cut_and_what_repeats_is_noted_once() -> None:
    read = found(p.png(*[text_chunk(b"Comment", b"%d " % (n % 20) * 500) for n in range(40)]))
    assert len(read.words) == 12
    assert max(map(len, read.words)) <= 200
    assert len(words_of(read)) <= 600


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        ("OLYMPUS DIGITAL CAMERA         ", ""),
        ("Created with GIMP", ""),
        ("CREATOR: gd-jpeg v1.0 (using IJG JPEG v62), quality = 90", ""),
        ("2024-05-02 10:00", ""),
        ("Created by the Boise Police Department", "Created by the Boise Police Department"),
        ("line\r\nby\tline\x07", "line by line"),
    ],
)
def test_what_programs_write_by_themselves_is_nobodys_words(words: str, kept: str) -> None:
    assert words_of(found(p.jpeg(p.exif(p.tiff({p.DESCRIPTION: words}))))) == kept


def test_neither_words_nor_serial_numbers_stand_in_a_repr() -> None:
    read = found(p.jpeg(p.exif(p.tiff({p.ARTIST: "Jane Roe"}, {p.SERIAL: "X81020805"}))))
    assert "Jane" not in repr(read)
    assert "X8102" not in repr(read)


def test_latin_letters_of_old_programs_are_read() -> None:
    assert found(p.png(text_chunk(b"Author", "Polizeipr\u00e4sidium".encode("latin-1")))).words == (
        "Polizeipr\u00e4sidium",
    )


def test_a_file_that_claims_to_be_longer_than_it_is_is_read_as_far_as_it_goes() -> None:
    whole = FORMATS["heic exif"]
    assert found(whole[:-20]).device == BODY
    assert found(struct.pack(">I", 0) + whole[4:]).device == ()
