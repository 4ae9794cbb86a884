"""What the rules speak of, where it was seen, and what matched."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from .memory import UNKNOWN

Verdict = Literal["allow", "block"]


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
