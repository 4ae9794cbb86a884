"""What is kept of content that stays at the server, and the kinds of ids that it is kept under."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

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
    "agent",
    "session",
    "eval",
    "call",
    "item",
]

#: The value of a fact that nothing is known of.
UNKNOWN = "unknown"


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
