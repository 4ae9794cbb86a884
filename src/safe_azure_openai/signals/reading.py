"""One request, read: the encoder's answers, the attachments, and where each answer was seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..extract import View, joined, views
from ..model.facts import Evidence
from ..model.memory import Memory
from ..model.request import Origin, Request, Segment, Signal, Stream
from . import meaning
from .meaning.reading import Word, windows
from .recognition import SURE, is_ordered
from .screen import Sums, highest, text_of

__all__ = ["NOTHING", "Reading", "read", "readings_of"]

#: Readings of one request at most: as it stands, and with disguises undone.
MOST_READINGS = 4
#: Segments that are read alone to find the one an answer rests on.
MOST_TRIALS = 12
#: A camera, as the encoder's question and as the fact that the rules know.
CAMERAS = {"body": "body_worn", "dash": "dash_mounted", "mobile": "other_mobile", "fixed": "fixed"}
#: Below this an answer remembered from an earlier call is no reason to look closer.
SIGN = 0.2
#: Calls whose content the server does not keep: what they say matters to themselves only.
_FORGOTTEN = ("/chat/completions", "/completions", "/embeddings", "/images", "/audio", "/moderations", "/videos")
_SPOKEN = (Origin.STANDING, Origin.USER)


def _no_evidence(_head: str) -> tuple[Evidence, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class Reading:
    """What the detectors found in one request."""

    answer: meaning.Answer = meaning.NOTHING
    has_image: bool = False
    evidence: Callable[[str], tuple[Evidence, ...]] = field(default=_no_evidence, repr=False, compare=False)
    signals: tuple[Signal, ...] = ()
    stream: Stream | None = None

    def without_evidence(self) -> Reading:
        """Return the same reading, which no longer looks for where an answer was seen."""
        return replace(self, evidence=_no_evidence)

    @property
    def camera(self) -> tuple[str, float]:
        """The likeliest camera and its probability."""
        head = max(CAMERAS, key=lambda name: self.answer[name])
        return CAMERAS[head], self.answer[head]

    @property
    def is_screened(self) -> bool:
        """Whether the encoder was not asked, because nothing it is asked about can be there."""
        return self.answer is meaning.NOTHING


NOTHING = Reading()


def read(request: Request, memory: Memory, *, is_actor_given: bool) -> Reading:
    """Return what ``request`` says, as it stands and with its disguises undone.

    ``memory`` is what is known of earlier calls it builds on; ``is_actor_given`` is whether no word has to say who it
    is for: the tenant tells it, or a rule binds everybody. Both make more texts worth reading.
    """
    segments = request.segments
    has_image = any(segment.kind == "image" for segment in segments)
    is_act_given = has_image or memory.has_image or memory.act >= SIGN
    is_actor_given = is_actor_given or memory.actor >= SIGN
    is_kept = not request.path.startswith(_FORGOTTEN)

    def is_worth(sums: Sums) -> bool:
        if is_kept and sums.any:  # what is missing may be told by another call
            return True
        if is_act_given or is_actor_given:
            return (is_act_given or sums.act >= 0) and (is_actor_given or sums.actor >= 0)
        return sums.both

    found, readings = readings_of(request)
    encoder = meaning.load()
    if not is_worth(highest(encoder.screen.each([text_of(segments, reading) for reading in readings]))):
        return replace(NOTHING, has_image=has_image)
    answer = encoder.answer(segments, readings, is_worth)
    spoken = [n for n in found if segments[n].origin in _SPOKEN]
    if answer is not meaning.NOTHING and any(is_ordered(r.get(n, segments[n].text)) for r in readings for n in spoken):
        answer = replace(answer, scores={**answer.scores, "fr": max(answer["fr"], SURE)})
    return Reading(answer, has_image, lambda head: _evidence(head, answer, segments, found, encoder))


def readings_of(request: Request) -> tuple[dict[int, tuple[View, ...]], list[dict[int, str]]]:
    """Return the views of each text, by segment, and the readings of the request that they make.

    A reading has other texts for some segments, by index; the first is the request as it stands.
    """
    found = {n: views(s.text) for n, s in enumerate(request.segments) if s.kind == "text" and s.text}
    out: list[dict[int, str]] = [{}]
    for rank in range(1, MOST_READINGS):
        other = {n: some[rank].text for n, some in found.items() if len(some) > rank}
        if other:
            # What has fewer readings is read in its plainest undisguised form.
            out.append({n: some[1].text for n, some in found.items() if len(some) > 1} | other)
    spoken = [n for n in found if request.segments[n].origin in _SPOKEN]
    if len(spoken) > 1:
        whole = joined(request, origins=_SPOKEN)
        if whole.count("\n") < sum(request.segments[n].text.count("\n") for n in spoken) + len(spoken) - 1:
            out.append({spoken[0]: whole, **dict.fromkeys(spoken[1:], "")})
    return found, out


def _evidence(
    head: str,
    answer: meaning.Answer,
    segments: Sequence[Segment],
    found: Mapping[int, Sequence[View]],
    encoder: meaning.Encoder,
) -> tuple[Evidence, ...]:
    """Return the segment that an answer rests on: the one that gives it most surely when it stands alone."""
    places = _places(answer.windows.get(head, ()), segments)
    # Words say what is asked for; an attachment is the place only where there are none.
    places = [place for place in places if segments[place[0].segment].kind == "text"] or places
    if not places:
        return ()
    best, highest = places[0], -1.0
    for place in places[:MOST_TRIALS] if len(places) > 1 else ():
        alone = encoder.probability(windows(place, segments)[0], head)
        if alone > highest:
            best, highest = place, alone
    index = best[0].segment
    start, end = _span(best, found.get(index, ()))
    return (Evidence(head, segments[index].pointer, start, end, score=answer[head]),)


def _places(words: Sequence[Word], segments: Sequence[Segment]) -> list[list[Word]]:
    """Return the words of each segment, and those that do not follow one another there apart."""
    out: list[list[Word]] = []
    for word in words:
        last = out[-1][-1] if out else None
        text = segments[word.segment].text
        if last is None or last.segment != word.segment or text[last.end : word.start].strip():
            out.append([])
        out[-1].append(word)
    return out


def _span(words: Sequence[Word], some: Sequence[View]) -> tuple[int, int]:
    """Return the span of ``words`` in the segment as it was sent."""
    start, end = min(word.start for word in words), max(word.end for word in words)
    for view in some:
        if len(view.text) >= end and view.indexes is not None:
            return view.origin(start), view.origin(end - 1) + 1 if end else 0
    return start, end
