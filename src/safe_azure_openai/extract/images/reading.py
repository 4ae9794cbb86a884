"""Which reader reads what."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from contextlib import suppress

from .boxes import read_boxes
from .gif import read_gif
from .jpeg import read_jpeg
from .metadata import Metadata, Notes
from .png import read_png
from .riff import read_riff
from .source import Source
from .tiff import read_tiff

__all__ = ["metadata_of"]

#: First bytes of a file, and what reads it.
_READERS: tuple[tuple[bytes, Callable[[Source, Notes], None]], ...] = (
    (b"\xff\xd8\xff", read_jpeg),
    (b"\x89PNG\r\n\x1a\n", read_png),
    (b"GIF8", read_gif),
    (b"RIFF", read_riff),
    (b"II*\0", read_tiff),
    (b"MM\0*", read_tiff),
)
#: Types of the first box of a file made of boxes. QuickTime files of old begin without ``ftyp``.
_FIRST_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide"})


def metadata_of(source: Source) -> Metadata | None:
    """Return what a picture or video carries about itself; ``None`` if it carries nothing, or is another file.

    The cost does not grow with the file: headers are read, what they describe is skipped. Nothing is raised; a header
    that is cut, lies or loops ends the reading, and what was found before it stays.
    """
    start = source.read(0, 12)
    reader = next((reader for mark, reader in _READERS if start.startswith(mark)), None)
    if reader is None and start[4:8] in _FIRST_BOXES:
        reader = read_boxes
    if reader is None:
        return None
    notes = Notes()
    with suppress(struct.error, zlib.error, ValueError, IndexError):  # what a broken header makes of the readers
        reader(source, notes)
    return notes.metadata()
