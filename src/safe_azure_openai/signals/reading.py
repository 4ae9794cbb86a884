"""One request, read: the encoder's answers, the places named, the attachments, and where each was seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from ..extract import views
from ..model import Evidence, Memory, Request, Segment
from . import meaning

__all__ = ["NOTHING", "Reading", "read"]

#: Readings of one request at most: as it stands, and with disguises undone.
MOST_READINGS = 5
#: A name of a camera, as the encoder's question and as the fact that the rules know.
CAMERAS = {"body": "body_worn", "dash": "dash_mounted", "mobile": "other_mobile", "fixed": "fixed"}


def _no_evidence(head: str) -> tuple[Evidence, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class Reading:
    """What the detectors found in one request."""

    answer: meaning.Answer = meaning.NOTHING
    has_image: bool = False
    is_screened: bool = False
    evidence: Callable[[str], tuple[Evidence, ...]] = field(default=_no_evidence, repr=False, compare=False)

    def without_evidence(self) -> Reading:
        """Return the same reading, which no longer looks for where an answer was seen."""
        return replace(self, evidence=_no_evidence)

    @property
    def camera(self) -> tuple[str, float]:
        """The likeliest camera and its probability."""
        head = max(CAMERAS, key=lambda name: self.answer[name])
        return CAMERAS[head], self.answer[head]


NOTHING = Reading()


def is_worth_reading(request: Request, memory: Memory, *, for_police: bool) -> bool:
    """Whether anything about identity, faces, people in pictures or cameras can be in the request at all."""
    return any(segment.text for segment in request.segments)


def read(request: Request, encoder: meaning.Encoder) -> Reading:
    """Return what ``request`` says, as it stands and with its disguises undone."""
    segments = request.segments
    readings: list[dict[int, str]] = [{}]
    for index, segment in enumerate(segments):
        if segment.kind != "text":
            continue
        for rank, view in enumerate(views(segment.text)[1:], 1):
            while len(readings) <= rank:
                readings.append({})
            readings[rank][index] = view.text
    answer = encoder.answer(segments, readings[:MOST_READINGS])
    return Reading(
        answer,
        has_image=any(segment.kind == "image" for segment in segments),
        evidence=lambda head: _evidence(head, answer, segments, encoder),
    )


def _evidence(
    head: str, answer: meaning.Answer, segments: Sequence[Segment], encoder: meaning.Encoder
) -> tuple[Evidence, ...]:
    """Return the segment that an answer rests on: the one without which it falls furthest."""
    from .meaning.reading import windows

    seen = answer.windows.get(head, ())
    indexes = list(dict.fromkeys(word.segment for word in seen))
    if not indexes:
        return ()
    best, lowest = indexes[0], float("inf")
    if len(indexes) > 1:
        for index in indexes:
            rest = [word for word in seen if word.segment != index]
            left = encoder.probability(windows(rest, segments)[0], head)
            if left < lowest:
                best, lowest = index, left
    words = [word for word in seen if word.segment == best]
    return (
        Evidence(
            head, segments[best].pointer, min(w.start for w in words), max(w.end for w in words), score=answer[head]
        ),
    )
