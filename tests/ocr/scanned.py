"""PDF files that the tests write: pages with words, with pictures, with both or with neither."""

from __future__ import annotations

import io
import zlib
from dataclasses import dataclass

from PIL import Image

from .drawn import encoded


@dataclass(frozen=True)
class Drawn:
    """A picture as a PDF holds it: the entries of its dictionary, and its data."""

    entries: str
    data: bytes


def _sized(image: Image.Image, entries: str) -> str:
    return f"/Subtype /Image /Width {image.width} /Height {image.height} {entries}"


def jpeg(image: Image.Image) -> Drawn:
    return Drawn(_sized(image, "/ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter /DCTDecode"), encoded(image, "JPEG"))


def jpeg2000(image: Image.Image) -> Drawn:
    return Drawn(_sized(image, "/Filter /JPXDecode"), encoded(image, "JPEG2000"))


def fax(image: Image.Image) -> Drawn:
    """Return a picture in black and white, packed as a fax is."""
    out = io.BytesIO()
    image.convert("1").save(out, "TIFF", compression="group4", tiffinfo={262: 0, 278: image.height})  # one strip
    with Image.open(out) as tiff:
        (at,), (size,) = tiff.tag_v2[273], tiff.tag_v2[279]
    parameters = f"/DecodeParms << /K -1 /Columns {image.width} /Rows {image.height} >>"
    entries = f"/ColorSpace /DeviceGray /BitsPerComponent 1 /Filter /CCITTFaxDecode {parameters}"
    return Drawn(_sized(image, entries), out.getvalue()[at : at + size])


def samples(image: Image.Image, colours: str = "/DeviceRGB", mode: str = "RGB", bits: int = 8) -> Drawn:
    """Return a picture as deflated samples, in a colour space of the same mode."""
    data = zlib.compress(image.convert(mode).tobytes())
    return Drawn(_sized(image, f"/ColorSpace {colours} /BitsPerComponent {bits} /Filter /FlateDecode"), data)


def predicted(image: Image.Image) -> Drawn:
    """Return a picture as deflated samples with the predictors of PNG, each row beginning with its kind."""
    width, pixels = image.width * 3, image.convert("RGB").tobytes()
    rows = b"".join(b"\0" + pixels[at : at + width] for at in range(0, len(pixels), width))
    parameters = f"/DecodeParms << /Predictor 15 /Colors 3 /BitsPerComponent 8 /Columns {image.width} >>"
    entries = f"/ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter /FlateDecode {parameters}"
    return Drawn(_sized(image, entries), zlib.compress(rows))


def palette(image: Image.Image) -> Drawn:
    few = image.convert("P", palette=Image.Palette.ADAPTIVE, colors=16)
    lookup = bytes(few.getpalette() or ()).ljust(48, b"\0")[:48].hex()
    colours = f"[/Indexed /DeviceRGB 15 <{lookup}>]"
    return Drawn(
        _sized(few, f"/ColorSpace {colours} /BitsPerComponent 8 /Filter /FlateDecode"), zlib.compress(few.tobytes())
    )


def scanned_pdf(*pages: str | Drawn | tuple[str, Drawn], wrapped: int = 0) -> bytes:
    """Return a PDF of these pages. ``wrapped`` puts each picture into so many forms, one inside another."""
    objects: list[bytes] = [b"", b"", b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    kids: list[int] = []

    def add(content: bytes) -> int:
        objects.append(content)
        return len(objects)

    for page in pages:
        words, drawn = page if isinstance(page, tuple) else (page, None) if isinstance(page, str) else ("", page)
        content = f"BT /F1 12 Tf 72 700 Td ({words}) Tj ET".encode() if words else b"/Im0 Do"
        named = ""
        if drawn is not None:
            number = add(_stream(f"/Type /XObject {drawn.entries}", drawn.data))
            for _ in range(wrapped):
                inner = f"/Subtype /Form /BBox [0 0 1 1] /Resources << /XObject << /Im0 {number} 0 R >> >>"
                number = add(_stream(inner, b"/Im0 Do"))
            named = f"/XObject << /Im0 {number} 0 R >>"
        body = add(_stream("", content))
        kids.append(
            add(
                f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {body} 0 R "
                f"/Resources << /Font << /F1 3 0 R >> {named} >> >>".encode()
            )
        )
    objects[0] = b"<< /Type /Catalog /Pages 2 0 R >>"
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(f'{kid} 0 R' for kid in kids)}] /Count {len(kids)} >>".encode()
    return _file(objects)


def _stream(entries: str, data: bytes) -> bytes:
    return f"<< {entries} /Length {len(data)} >>\nstream\n".encode() + data + b"\nendstream"


def _file(objects: list[bytes]) -> bytes:
    out, places = bytearray(b"%PDF-1.7\n"), list[int]()
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(out))
    return bytes(out) + b"xref\n0 %d\n0000000000 65535 f \n%b%b" % (len(objects) + 1, table, end)
