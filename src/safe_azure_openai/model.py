"""The values that travel through the guard: frozen, typed, free of I/O.

A *segment* is one inspected string or attachment with its origin and JSON pointer. A *request* is the segments of one
API call, or of one line of an uploaded JSONL file. Detectors read a request into *signals*; tenant, session and signals
merge into *facts*; rules speak of facts only; a *decision* names the rules that matched and the evidence.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

Verdict = Literal["allow", "block"]
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


#: Reasons of gaps that text in a picture leaves: nothing that could read it, or not enough time.
UNREAD_TEXT = frozenset({"unread_picture", "picture_timeout"})


LinkKind = Literal[
    "response",
    "conversation",
    "thread",
    "assistant",
    "prompt",
    "file",
    "upload",
    "vector_store",
    "model",
    "container",
    "item",
]


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
        "unread_stream",
        "unknown_reference",
        "unread_attachment",
        "unread_picture",
        "picture_timeout",
        "encrypted",
        "partial_upload",
        "guard_error",
        "timeout",
        "no_second_opinion",
    ]

    @property
    def is_blocking(self) -> bool:
        """Whether ``ON_UNINSPECTABLE`` applies. Ids and attachments the guard has not read are facts, not faults.

        To pictures whose text was not read it applies where that is required: see ``Guard.stops``.
        """
        return self.reason not in {"unknown_reference", "unread_attachment", "encrypted", *UNREAD_TEXT}


#: Which source told something of the tenant: the access token, Microsoft Graph, the tags that Azure Resource Manager
#: keeps, or the cloud that the endpoint belongs to.
FoundBy = Literal["token", "graph", "tags", "cloud"]


@dataclass(frozen=True, slots=True)
class Found:
    """One value of one field of a tenant, and what it was read from, such as ``verified domain met.police.uk``."""

    field: str
    value: str
    how: str
    origin: FoundBy
    is_stale: bool = False  # the last known value: its source could not be asked since


@dataclass(frozen=True, slots=True)
class Wire:
    """What is about to be sent, as it would be sent. ``path`` has neither host nor the version or deployment prefix.

    ``told`` is what the access token beside it says of the tenant, where that is asked for; never the token.
    ``connection`` names the WebSocket that it is sent on.
    """

    path: str
    content_type: str = ""
    body: bytes = b""
    query: str = ""
    deployment: str = ""  # Azure: the deployment in the URL
    told: tuple[Found, ...] = ()
    connection: str = ""


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


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where a fact was seen: kind of fact, JSON pointer, span in the segment's text, digest of the words.

    ``quote`` holds the words themselves only when the operator asked for it (``EVIDENCE=quote``).
    """

    kind: str
    pointer: str
    start: int = 0
    end: int = 0
    digest: str = ""
    quote: str | None = None
    score: float = 1.0


UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing the rules speak of. ``value`` may be ``unknown``, which is a value, not an absence."""

    value: str = UNKNOWN
    source: str = "none"  # e.g. "tenant (environment)", "request", "session"
    score: float = 0.0
    threshold: float = 0.0
    evidence: tuple[Evidence, ...] = ()

    @property
    def is_known(self) -> bool:
        return self.value != UNKNOWN


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything a rule may ask about, one field each; the choices of each field are in ``FACT_VALUES``."""

    actor: Fact = field(default_factory=Fact)
    country: Fact = field(default_factory=Fact)
    act: Fact = field(default_factory=Fact)
    stance: Fact = field(default_factory=Fact)
    camera: Fact = field(default_factory=Fact)
    timing: Fact = field(default_factory=Fact)
    setting: Fact = field(default_factory=Fact)
    premises: Fact = field(default_factory=Fact)
    inspection: Fact = field(default_factory=Fact)

    def items(self) -> tuple[tuple[str, Fact], ...]:
        return tuple((name, getattr(self, name)) for name in FACT_VALUES)


#: The closed choices of each fact; ``country`` is an ISO 3166-1 alpha-2 code. ``unknown`` is always one of them.
FACT_VALUES: dict[str, tuple[str, ...]] = {
    "actor": ("law_enforcement", "other"),
    "country": (),
    "act": (
        "facial_recognition",
        "emotion_inference",
        "sensitive_trait_inference",
        "persistent_tracking",
        "untargeted_scraping",
        "none",
    ),
    "stance": ("operational", "discussion"),
    "camera": ("body_worn", "dash_mounted", "other_mobile", "fixed"),
    "timing": ("real_time", "recorded"),
    "setting": ("in_the_wild", "cooperative"),
    "premises": ("public", "workplace", "education", "private"),  # EU AI Act, Article 5 (1) (f) and (h)
    "inspection": ("complete", "partial"),
}


@dataclass(frozen=True, slots=True)
class Memory:
    """What is kept of a request under the ids the server gave it: numbers and closed choices, never text."""

    actor: float = 0.0
    country: str = UNKNOWN
    act: float = 0.0
    camera: str = UNKNOWN
    camera_score: float = 0.0
    timing: float = 0.0
    has_image: bool = False
    is_unknown: bool = False  # an id this process has never seen
    has_police_camera: bool = False  # a picture of a camera that is sold to law enforcement alone


@dataclass(frozen=True, slots=True)
class PolicyRef:
    """Which rules judged: id, version and the SHA-256 of the pack's bytes."""

    id: str
    version: str
    digest: str


@dataclass(frozen=True, slots=True)
class RuleMatch:
    """A rule that matched, with all that an error or a report needs of it."""

    id: str
    policy: str
    family: Literal["identification", "real_time_camera", "other"]
    title: str
    citation: str
    fix: str
    facts: tuple[str, ...] = ()
