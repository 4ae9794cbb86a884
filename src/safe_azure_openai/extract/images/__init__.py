"""What pictures and videos carry besides what they show: device, words and movement, read without decoding a pixel."""

from .cameras import Device, recognise, recognise_name, recognise_overlay
from .metadata import Metadata
from .reading import metadata_of
from .source import Source
from .words import words_of

__all__ = [
    "Device",
    "Metadata",
    "Source",
    "metadata_of",
    "recognise",
    "recognise_name",
    "recognise_overlay",
    "words_of",
]
