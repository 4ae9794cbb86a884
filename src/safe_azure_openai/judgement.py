"""From the requests of one call to a decision: read, merge, ask the rules, say where it was seen.

Pure, and imported when the first request is judged: building a client does not pay for it.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from .decision import Decision
from .merge import facts_of, is_for_law_enforcement, memory_of
from .model.facts import Evidence, Facts, RuleMatch
from .model.memory import Memory
from .model.request import Gap, Origin, Request
from .opinion import Asked, Opinion, Question
from .policy import Policy
from .session import merge
from .signals.names import tells
from .signals.reading import NOTHING, Reading, read
from .signals.thresholds import Sensitivity, Thresholds, thresholds
from .tenant import Tenant

__all__ = ["Court", "Judge", "judge", "new_id"]

#: Requests of one upload that are judged one by one; a larger upload is reported as cut off.
MOST_REQUESTS = 100_000
#: What a second judge has to say yes to for a limit to give way to the lower edge of its band.
_GIVES_WAY: dict[str, frozenset[Asked]] = {
    "violation": frozenset(("facial_recognition", "law_enforcement")),
    "police": frozenset(("facial_recognition", "law_enforcement")),
    "police_image": frozenset(("facial_recognition", "law_enforcement")),
    "act": frozenset(("facial_recognition",)),
    "real_time": frozenset(("facial_recognition", "live_mobile_camera")),
}
#: Questions of the encoder whose places a second judge is shown of a long request.
_IN_DOUBT = ("fr", "le", "fr_le", "rt")
_LINE = re.compile(r"/lines/\d+")


class Judge(Protocol):
    """Somebody else who is asked where this package is not sure: see ``second_opinion.SecondOpinion``."""

    def opinion(self, question: Question) -> Opinion:
        """Return what they say, or why there is no opinion. Called from any thread; raises nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Court:
    """What requests are judged by."""

    tenant: Tenant
    policy: Policy
    sensitivity: Sensitivity
    quotes: bool
    judge: Judge | None = None


def new_id() -> str:
    """Return a new decision id."""
    return "dec_" + secrets.token_hex(8)


def judge(court: Court, requests: Sequence[Request], memory: Memory) -> Decision:
    """Return the decision about the requests of one call: the first that is blocked decides, else the first."""
    decision: Decision | None = None
    kept = memory
    gaps: list[Gap] = []
    opinions: dict[Opinion, None] = {}
    for request in requests[:MOST_REQUESTS]:
        one = _judge_one(court, request, memory)
        gaps.extend(one.gaps)
        opinions.update(dict.fromkeys(one.opinions))
        kept = merge(kept, one.memory)
        if one.is_blocked:
            decision = one
            break
        decision = decision or one
    if len(requests) > MOST_REQUESTS:
        gaps.append(Gap(f"/lines/{MOST_REQUESTS + 1}", "too_large"))
    if decision is None:
        decision = Decision("allow", new_id(), "", policy=court.policy.refs)
    return replace(decision, gaps=tuple(gaps), opinions=tuple(opinions), memory=kept)


def _judge_one(court: Court, request: Request, memory: Memory) -> Decision:
    limits = thresholds(court.sensitivity)
    reading = _reading(court, request, memory)
    kept = memory_of(reading, memory, limits)
    # Where a fact was seen costs passes of the encoder, so it is looked for only if a rule matches.
    facts = facts_of(reading.without_evidence(), kept, court.tenant, limits, request.gaps)
    matches = court.policy.evaluate(facts)
    gaps = request.gaps
    opinions: tuple[Opinion, ...] = ()

    def matches_at(limits: Thresholds) -> tuple[RuleMatch, ...]:
        return court.policy.evaluate(facts_of(reading.without_evidence(), kept, court.tenant, limits, request.gaps))

    if not matches and court.judge is not None and not reading.is_screened and matches_at(limits.eased(_GIVES_WAY)):
        is_told = is_for_law_enforcement(court.tenant) or memory.actor >= limits.actor
        places = tuple(item for head in _IN_DOUBT for item in reading.evidence(head))
        opinion = court.judge.opinion(Question(request, places, is_told, kept.has_image))
        limits = limits.eased(_given_way(opinion, is_told=is_told))
        matches, opinions = matches_at(limits), (opinion,)
        if opinion.failure and opinion.is_required:
            gaps = (*gaps, Gap(_root(request), "no_second_opinion"))
    flips: tuple[str, ...] = ()
    if matches:
        facts = _marked(facts, facts_of(reading, kept, court.tenant, limits, request.gaps))
        flips = court.policy.flips(facts)
    return Decision(
        "block" if matches else "allow",
        new_id(),
        request.path,
        facts=facts,
        matches=matches,
        evidence=_evidence(facts, request, quotes=court.quotes),
        policy=court.policy.refs,
        gaps=gaps,
        memory=kept,
        screened=reading.is_screened,
        flips=flips,
        opinions=opinions,
    )


def _given_way(opinion: Opinion, *, is_told: bool) -> list[str]:
    """Return the limits that give way to what a second judge said; what is told already need not be said."""
    said = {*opinion.yes, "law_enforcement"} if is_told else {*opinion.yes}
    return [name for name, asked in _GIVES_WAY.items() if asked <= said]


def _marked(before: Facts, facts: Facts) -> Facts:
    """Return the facts with a note at the source of those that only hold because of a second opinion."""
    was = dict(before.items())
    turned = {name: fact for name, fact in facts.items() if fact.value != was[name].value}
    return replace(facts, **{name: replace(f, source=f"{f.source}, second opinion") for name, f in turned.items()})


def _root(request: Request) -> str:
    """Return the pointer of a whole request: empty, or the line of an upload that it is."""
    lines = (_LINE.match(segment.pointer) for segment in request.segments)
    return next((line.group() for line in lines if line), "")


def _reading(court: Court, request: Request, memory: Memory) -> Reading:
    """Return what a request says; who says nothing asks for nothing, whatever the encoder makes of a bare picture."""
    if _is_wordless(request):
        return replace(NOTHING, has_image=True, signals=request.signals, stream=request.stream)
    # A camera that the pictures tell of makes the words worth reading.
    is_seen = bool(request.signals) or memory.has_police_camera or request.stream is not None
    is_actor_given = is_for_law_enforcement(court.tenant) or court.policy.binds_everybody or is_seen
    said = read(request, memory, is_actor_given=is_actor_given)
    return replace(said, signals=request.signals, stream=request.stream)


def _is_wordless(request: Request) -> bool:
    """Whether there are pictures and nothing else but their own names and inscriptions, and names that say nothing."""
    pictures = {segment.pointer for segment in request.segments if segment.kind == "image"}
    texts = [segment for segment in request.segments if segment.kind == "text"]
    return bool(pictures) and all(
        text.origin is Origin.METADATA and (text.pointer in pictures or not tells(text.text)) for text in texts
    )


def _evidence(facts: Facts, request: Request, *, quotes: bool) -> tuple[Evidence, ...]:
    """Return the evidence of all facts with the digest of the words, and the words only where asked for.

    What could not be read is no evidence of anything: it stands among the gaps.
    """
    texts = {segment.pointer: segment.text for segment in request.segments}
    out: dict[tuple[str, str], Evidence] = {}
    for name, fact in facts.items():
        for item in fact.evidence if name != "inspection" else ():
            words = texts.get(item.pointer, "")[item.start : item.end or None]
            digest = hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()[:16]
            out.setdefault(
                (name, item.pointer), replace(item, kind=name, digest=digest, quote=words if quotes else None)
            )
    return tuple(out.values())
