"""A message after it was read: its segments, and what its pictures and ids tell."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from .memory import LinkKind

Kind = Literal["text", "image", "audio", "file"]


class Origin(str, Enum):
    """Who put a segment into the request; decides how the words are read."""

    STANDING = "standing"  # system, developer, instructions, tool definitions, response formats
    USER = "user"  # the person's own turn, a prompt, an input
    ASSISTANT = "assistant"  # earlier model turns, predicted outputs
    TOOL = "tool"  # what a tool or a function returned
    FILE = "file"  # the content of an uploaded or attached file
    METADATA = "metadata"  # user ids, metadata values, file and deployment names, query parameters


@dataclass(frozen=True, slots=True)
class Segment:
    """One string or attachment of a request.

    ``pointer`` is an RFC 6901 JSON pointer into the body. ``/query/<name>`` stands for a URL parameter,
    ``/path/<n>`` for a part of the URL path, ``/parts/<name>`` for a multipart field, and a leading ``/lines/<n>``
    (from 1) for a line of a JSONL upload. ``text`` is the string as sent; for an attachment it is the name or
    address, never the payload.
    """

    kind: Kind
    origin: Origin
    pointer: str
    text: str = ""


#: Kinds of cameras, as the fact ``camera`` has them.
Camera = Literal["body_worn", "dash_mounted", "other_mobile", "fixed"]


@dataclass(frozen=True, slots=True)
class Signal:
    """A camera that a file's headers, its name or an overlay burned into it tell of.

    ``device`` is an id of ``extract/images/cameras.toml``.
    """

    camera: Camera
    pointer: str
    device: str
    is_police_only: bool = False  # sold to law enforcement alone: weak support for such an actor
    is_live: bool = False  # the overlay says LIVE


@dataclass(frozen=True, slots=True)
class Overlay:
    """When a picture was taken, as the overlay burned into it says: the time of day, and whether it is live."""

    segment: int
    clock_s: float | None = None
    is_live: bool = False


@dataclass(frozen=True, slots=True)
class Stream:
    """What the pictures of a session tell together, at the place of the last one.

    ``is_one_camera`` alone says nothing of when; ``live`` is what shows that they come while the camera films, if any.
    """

    pointer: str
    is_one_camera: bool = True
    live: Literal["", "realtime session", "LIVE", "clock"] = ""


@dataclass(frozen=True, slots=True)
class Link:
    """An id in a request that stands for content the server keeps."""

    kind: LinkKind
    id: str
    pointer: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that a request carries itself: the index of its segment, and the file as bytes or in base64.

    Base64 begins at ``start``; what stands before it is the head of a data URL.
    """

    segment: int
    encoded: str | bytes = field(repr=False)
    start: int = 0


@dataclass(frozen=True, slots=True)
class Gap:
    """A part of a request that could not be read, and why; never its content."""

    pointer: str
    reason: Literal[
        "too_large",
        "undecodable",
        "unknown_reference",
        "unread_attachment",
        "unread_picture",
        "picture_timeout",
        "encrypted",
        "partial_upload",
        "guard_error",
        "no_second_opinion",
    ]

    @property
    def is_unread_text(self) -> bool:
        """Whether it is text in a picture: nothing was there that could read it, or not enough time."""
        return self.reason in {"unread_picture", "picture_timeout"}

    @property
    def is_blocking(self) -> bool:
        """Whether ``ON_UNINSPECTABLE`` applies. Ids and attachments the guard has not read are facts, not faults.

        To pictures whose text was not read it applies where that is required: see ``Guard.stops``.
        """
        return not self.is_unread_text and self.reason not in {"unknown_reference", "unread_attachment", "encrypted"}


@dataclass(frozen=True, slots=True)
class Request:
    """What the guard judges: one API call, or one line of an upload that holds many."""

    path: str
    segments: tuple[Segment, ...] = ()
    links: tuple[Link, ...] = ()
    gaps: tuple[Gap, ...] = ()
    signals: tuple[Signal, ...] = ()
    pictures: tuple[Picture, ...] = field(default=(), repr=False, compare=False)
    overlays: tuple[Overlay, ...] = ()
    stream: Stream | None = None
