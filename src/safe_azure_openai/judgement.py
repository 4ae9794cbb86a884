"""From the requests of one call to a decision: read, merge, ask the rules, say where it was seen.

Pure, and imported when the first request is judged: building a client does not pay for it.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace

from .decision import Decision
from .merge import facts_of, is_for_law_enforcement, memory_of
from .model import Evidence, Facts, Gap, Memory, Request
from .policy import Policy
from .session import merge
from .signals.reading import read
from .signals.thresholds import Sensitivity, thresholds
from .tenant import Tenant

__all__ = ["Court", "judge", "new_id"]

#: Requests of one upload that are judged one by one; a larger upload is reported as cut off.
MOST_REQUESTS = 100_000


@dataclass(frozen=True, slots=True)
class Court:
    """What requests are judged by."""

    tenant: Tenant
    policy: Policy
    sensitivity: Sensitivity
    quotes: bool


def new_id() -> str:
    """Return a new decision id."""
    return "dec_" + secrets.token_hex(8)


def judge(court: Court, requests: Sequence[Request], memory: Memory) -> Decision:
    """Return the decision about the requests of one call: the first that is blocked decides, else the first."""
    decision: Decision | None = None
    kept = memory
    gaps: list[Gap] = []
    for request in requests[:MOST_REQUESTS]:
        one = _judge_one(court, request, memory)
        gaps.extend(one.gaps)
        kept = merge(kept, one.memory)
        if one.is_blocked:
            decision = one
            break
        decision = decision or one
    if len(requests) > MOST_REQUESTS:
        gaps.append(Gap(f"/lines/{MOST_REQUESTS + 1}", "too_large"))
    if decision is None:
        decision = Decision("allow", new_id(), "", policy=court.policy.refs)
    return replace(decision, gaps=tuple(gaps), memory=kept)


def _judge_one(court: Court, request: Request, memory: Memory) -> Decision:
    limits = thresholds(court.sensitivity)
    reading = read(request, memory, for_police=is_for_law_enforcement(court.tenant))
    kept = memory_of(reading, memory, limits)
    # Where a fact was seen costs passes of the encoder, so it is looked for only if a rule matches.
    facts = facts_of(reading.without_evidence(), kept, court.tenant, limits, request.gaps)
    matches = court.policy.evaluate(facts)
    flips: tuple[str, ...] = ()
    if matches:
        facts = facts_of(reading, kept, court.tenant, limits, request.gaps)
        flips = court.policy.flips(facts)
    return Decision(
        "block" if matches else "allow",
        new_id(),
        request.path,
        facts=facts,
        matches=matches,
        evidence=_evidence(facts, request, quotes=court.quotes),
        policy=court.policy.refs,
        gaps=request.gaps,
        memory=kept,
        screened=reading.is_screened,
        flips=flips,
    )


def _evidence(facts: Facts, request: Request, *, quotes: bool) -> tuple[Evidence, ...]:
    """Return the evidence of all facts with the digest of the words, and the words only where asked for."""
    texts = {segment.pointer: segment.text for segment in request.segments}
    out: dict[tuple[str, str], Evidence] = {}
    for name, fact in facts.items():
        for item in fact.evidence:
            words = texts.get(item.pointer, "")[item.start : item.end or None]
            digest = hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()[:16]
            out.setdefault(
                (name, item.pointer), replace(item, kind=name, digest=digest, quote=words if quotes else None)
            )
    return tuple(out.values())
