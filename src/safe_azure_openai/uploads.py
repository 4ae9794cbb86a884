"""Files that are uploaded in parts: a part alone cannot be judged, for a line may begin in one and end in the next.

Each part is judged with the unfinished line that the part before it left: its whole lines as a file, its own unfinished
line as text. When the upload is completed, the ends of all parts are joined in the order that the request names and
judged again, so that no order of parts hides a line. What is kept is bounded. A part that does not fit, and an upload
that was not seen from its beginning, is judged under its own path, where it counts as a gap (``partial_upload``).
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import TYPE_CHECKING, Any, cast

from .model.wire import Wire

if TYPE_CHECKING:
    from .extract.multipart import Part

__all__ = ["Uploads"]

MAX_UPLOADS = 64
MAX_LINE_BYTES = 1024 * 1024
MAX_KEPT_BYTES = 16 * 1024 * 1024  # ends of the parts of one upload

_BOUNDARY = b"safe-azure-openai-part"


@dataclass
class _Upload:
    filename: str = ""
    purpose: str = ""
    tail: bytes = b""  # the unfinished line of the part that came last
    ends: dict[str, bytes] = field(default_factory=dict[str, bytes])  # by part id

    def fits(self, content: bytes, max_line_bytes: int) -> bool:
        kept = sum(map(len, self.ends.values())) + len(_ends(content))
        return len(_tail(self.tail + content)) <= max_line_bytes and kept <= MAX_KEPT_BYTES


class Uploads:
    """The unfinished uploads of one client and its copies; bounded, safe to share between threads."""

    def __init__(self, *, max_uploads: int = MAX_UPLOADS, max_line_bytes: int = MAX_LINE_BYTES) -> None:
        self._max_uploads = max_uploads
        self._max_line_bytes = max_line_bytes
        self._lock = Lock()
        self._uploads: OrderedDict[str, _Upload] = OrderedDict()

    def __len__(self) -> int:
        return len(self._uploads)

    def whole(self, wire: Wire) -> Wire:
        """Return what must be judged in place of ``wire``: for anything but a part or a completion, ``wire`` itself."""
        upload_id, action = _address(wire.path)
        if action == "parts":
            return self._part(wire, upload_id)
        if action == "complete":
            return self._complete(wire, upload_id)
        return wire

    def note(self, wire: Wire, reply: object) -> None:
        """Take notice of the reply to an upload's creation, part or end; ``wire`` is the request as it was sent."""
        given = cast("dict[str, Any]", reply).get("id") if isinstance(reply, dict) else None
        if not isinstance(given, str):
            return
        upload_id, action = _address(wire.path)
        with self._lock:
            if wire.path == "/uploads":
                body = _json_object(wire.body)
                self._uploads[given] = _Upload(str(body.get("filename", "")), str(body.get("purpose", "")))
                while len(self._uploads) > self._max_uploads:
                    self._uploads.popitem(last=False)
            elif action == "parts" and (upload := self._uploads.get(upload_id)) is not None:
                part = _file_of(wire)
                content = part.data if part is not None else b""
                upload.ends[given] = _ends(content)
                upload.tail = _tail(upload.tail + content)
            elif action in ("complete", "cancel"):
                self._uploads.pop(upload_id, None)

    def _part(self, wire: Wire, id: str) -> Wire:
        part = _file_of(wire)
        with self._lock:
            upload = self._uploads.get(id)
            if upload is None or part is None or not upload.fits(part.data, self._max_line_bytes):
                return wire
            beside = b'name="filename"', (part.filename or "").encode()
            return _as_file(wire, id, upload, upload.tail + part.data, beside)

    def _complete(self, wire: Wire, id: str) -> Wire:
        order: object = _json_object(wire.body).get("part_ids")
        names = [str(name) for name in cast("list[object]", order)] if isinstance(order, list) else []
        beside = b'name="body"\r\nContent-Type: application/json', wire.body
        with self._lock:
            upload = self._uploads.get(id)
            if upload is None or not set(names) <= set(upload.ends):
                return _as_file(replace(wire, path=f"/uploads/{id}/parts"), "", _Upload(), b"", beside)
            return _as_file(wire, id, upload, b"".join(upload.ends[name] for name in names), beside)


def _address(path: str) -> tuple[str, str]:
    """Return upload id and action of a path such as ``/uploads/upload_1/parts``, or two empty strings."""
    words = path.strip("/").split("/")
    return (words[1], words[2]) if len(words) == 3 and words[0] == "uploads" else ("", "")


def _tail(content: bytes) -> bytes:
    return content[content.rfind(b"\n") + 1 :]


def _ends(content: bytes) -> bytes:
    """Return the unfinished lines at both ends; everything, where no line ends."""
    first = content.find(b"\n") + 1
    return content[:first] + _tail(content) if first else content


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        data: object = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", data) if isinstance(data, dict) else {}


def _file_of(wire: Wire) -> Part | None:
    """Return the part's file, or None if the body is not a form of the one field ``data``."""
    from .extract.decoding import Undecodable  # with the first upload, not with the package
    from .extract.multipart import boundary_of, parts

    boundary = boundary_of(wire.content_type)
    if boundary is None:
        return None
    try:
        found = list(parts(wire.body, boundary))
    except Undecodable:
        return None
    return found[0] if [part.name for part in found] == ["data"] else None


def _as_file(wire: Wire, id: str, upload: _Upload, content: bytes, beside: tuple[bytes, bytes]) -> Wire:
    """Return a form that holds ``content`` under the upload's own file name, its unfinished line apart as text.

    ``beside`` is a field for what the request says besides the content.
    """
    tail = _tail(content)
    if tail.endswith(b"}") and _json_object(tail):
        tail = b""  # a last line needs no line end
    name = upload.filename.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A") or "part"
    fields = (
        (b'name="purpose"', upload.purpose.encode()),
        (b'name="data"; filename="' + name.encode() + b'"', content[: len(content) - len(tail)]),
        (b'name="unfinished_line"', tail),
        beside,
    )
    mark = _BOUNDARY
    while any(mark in value for _, value in fields):
        mark += b"-"
    return replace(
        wire,
        path=f"/uploads/{id}" if id else wire.path,
        content_type=f"multipart/form-data; boundary={mark.decode()}",
        body=b"".join(_form(fields, mark)),
    )


def _form(fields: tuple[tuple[bytes, bytes], ...], mark: bytes) -> Iterator[bytes]:
    for disposition, value in fields:
        yield b"--" + mark + b"\r\nContent-Disposition: form-data; " + disposition + b"\r\n\r\n" + value + b"\r\n"
    yield b"--" + mark + b"--\r\n"
