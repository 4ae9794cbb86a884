"""XMP packets, by the names that say something. Source: ISO 16684-1 (XMP), Adobe's XMP Specification part 2.

Not parsed as XML: a packet may be cut, and what nobody expands cannot be made to explode.
"""

from __future__ import annotations

import html
import re

from .metadata import Field, Notes
from .source import Source

__all__ = ["read_xmp"]

#: Bytes of one packet that are read. Device and author stand in front; histories of edits follow.
MAX_PACKET = 12 * 1024

_NAMES: dict[str, Field] = {
    "tiff:Make": "device",
    "tiff:Model": "device",
    "tiff:Software": "device",
    "xmp:CreatorTool": "device",
    "aux:Lens": "device",
    "exifEX:LensModel": "device",
    "xmpDM:cameraModel": "device",
    "drone-dji:DroneModel": "device",
    "aux:SerialNumber": "serial",
    "exifEX:BodySerialNumber": "serial",
    "drone-dji:DroneSerialNumber": "serial",
    "aux:OwnerName": "words",
    "exifEX:CameraOwnerName": "words",
    "dc:creator": "words",
    "dc:description": "words",
    "dc:rights": "words",
    "dc:title": "words",
    "photoshop:Credit": "words",
    "photoshop:Source": "words",
    "photoshop:Headline": "words",
}
#: Namespaces that only one maker's devices write; the prefix itself is the name.
_MAKERS = (b"drone-dji:", b"drone-parrot:", b"drone-skydio:")

# An attribute or an element, its value perhaps the first of a list. Every repetition is bounded, so that no packet
# takes long. Must not match the end tag ("</dc:title>").
_VALUE = re.compile(
    r"(?<![/\w])(" + "|".join(map(re.escape, _NAMES)) + r")\s{0,4}"
    r"(?:=\s{0,4}[\"']([^\"'<>]{1,300})|[^<>=]{0,80}>\s{0,80}"
    r"(?:<rdf:(?:Alt|Bag|Seq)[^<>]{0,80}>\s{0,80}<rdf:li[^<>]{0,120}>)?([^<]{1,300}))"
)


def read_xmp(source: Source, notes: Notes) -> None:
    """Note what a packet says of device, serial number and author."""
    packet = source.read(0, min(source.size, MAX_PACKET))
    for maker in _MAKERS:
        if maker in packet:
            notes.add("device", maker.decode()[:-1])
    for found in _VALUE.finditer(packet.decode("utf-8", "replace")):
        notes.add(_NAMES[found[1]], html.unescape(found[2] or found[3]))
