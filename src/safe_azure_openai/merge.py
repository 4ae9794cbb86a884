"""Tenant, session and reading to facts: the most restrictive one that is supported wins.

POLICY, "Who the actor is": the tenant configuration, the standing context and the words of the user are three sources
of the same fact. A tenant declared as something else does not excuse a request made for a police department; a tenant
declared as law enforcement does not make ordinary work prohibited. That rule lives here and nowhere else.
"""

from __future__ import annotations

import math
from dataclasses import replace

from .model.facts import Evidence, Fact, Facts
from .model.memory import UNKNOWN, Memory
from .model.request import Gap, Signal
from .signals.reading import CAMERAS, SIGN, Reading
from .signals.thresholds import Thresholds, at_odds
from .tenant import Tenant

__all__ = ["ANOTHER_COUNTRY", "facts_of", "is_for_law_enforcement", "memory_of", "together_of"]

#: Another country than the United States, not determined which (ISO 3166-1 keeps ZZ for private use).
ANOTHER_COUNTRY = "ZZ"
#: By how much an earlier call has to be surer of something than this one to be the one that told it.
TOLD = 0.3
#: By how much surer, in log odds, act and actor have to be where each is told by another window.
APART = 1.0
#: Cameras by how much a rule makes of them. Of several that are supported, the first counts.
STRICTEST = ("body_worn", "dash_mounted", "other_mobile", "fixed", UNKNOWN)
#: Acts of the stricter policies, as the encoder's question and as the value that the rules know.
OTHER_ACTS = {
    "emo": "emotion_inference",
    "trait": "sensitive_trait_inference",
    "track": "persistent_tracking",
    "scrape": "untargeted_scraping",
}


def is_for_law_enforcement(tenant: Tenant) -> bool:
    """Whether requests of this tenant are by or for law enforcement, whatever they say themselves."""
    return "law_enforcement" in (tenant.sector, tenant.serves)


def memory_of(reading: Reading, before: Memory, limits: Thresholds) -> Memory:
    """Return what is kept of a request, on top of what was kept of those that it builds on."""
    answer = reading.answer
    camera, camera_score = reading.camera
    if (seen := _seen(reading, limits)) is not None:
        camera, camera_score = seen.camera, 1.0
    if before.camera_score > camera_score:
        camera, camera_score = before.camera, before.camera_score
    # What is remembered has to be sure enough to have the say later, whoever the tenant is.
    country = _named_country(reading, limits.country_against)
    return Memory(
        actor=max(before.actor, answer["le"]),
        country=before.country if country == UNKNOWN else country,
        act=max(before.act, answer["fr"]),
        camera=camera,
        camera_score=camera_score,
        timing=max(before.timing, answer["live"]),
        has_image=before.has_image or reading.has_image,
        is_unknown=before.is_unknown,
        has_police_camera=before.has_police_camera or any(signal.is_police_only for signal in reading.signals),
    )


def facts_of(reading: Reading, memory: Memory, tenant: Tenant, limits: Thresholds, gaps: tuple[Gap, ...]) -> Facts:
    """Return the facts that the rules are asked about. ``memory`` already includes ``reading``.

    Where each fact was seen is looked for only if ``reading`` can say it: that costs a pass of the encoder a segment.
    """
    answer = reading.answer
    limits = limits.over(answer.read)
    surely_live = limits.real_time
    if reading.stream is not None and reading.stream.is_one_camera:
        limits = limits.eased(("real_time",))  # alone they say nothing of when, but they make such words likelier
    actor = _heard("le", "law_enforcement", reading, memory.actor, limits.actor)
    camera = _camera(reading, memory, limits)
    timing = _timing(reading, memory, limits)
    setting = _heard("coop", "cooperative", reading, 0.0, limits.cooperative)
    act = _act(reading, memory, limits)
    # How sure the act has to be depends on how the actor is known: declared, or told by the same words.
    alone = limits.police_image if memory.has_image else limits.police
    if is_for_law_enforcement(tenant):
        actor = _declared(tenant)
        # A declaration never makes the guard less strict than the same words without one.
        told = _recognition(reading, together_of(reading, memory), limits.violation)
        act = _recognition(reading, memory.act, alone) or told or _without_recognition(act)
    else:
        together, limit = together_of(reading, memory), limits.violation
        if _is_told_apart(reading, memory):
            together, limit = min(memory.act, memory.actor), alone
        if together >= limit:
            actor = _fact("law_enforcement", "le", reading, together, limit)
            act = _recognition(reading, together, limit) or act
        elif memory.has_police_camera and act.value == "facial_recognition":
            # Weak support for such an actor: enough with an order that leaves no doubt, and never alone.
            actor = _police_camera(reading, memory, limits)
        elif act.value == "facial_recognition":
            actor = Fact(source="none", score=together, threshold=limit)
    if answer["rt"] >= limits.real_time:
        head = "body" if answer["body"] >= answer["dash"] else "dash"
        act = _recognition(reading, answer["rt"], limits.real_time) or act
        camera = _fact(CAMERAS[head], head, reading, answer["rt"], limits.real_time)
        timing = _fact("real_time", "live", reading, answer["rt"], limits.real_time)
        if answer["rt"] < surely_live:
            timing = replace(timing, source=f"{timing.source}, {_one_camera(reading)}")
        setting = Fact("in_the_wild", "request", answer["rt"], limits.real_time)
    elif not actor.is_known and not (
        act.value == "facial_recognition" and _is_seen_on_body_or_dash(reading, camera, limits)
    ):
        # Of live cameras in other hands than those of law enforcement, only the question about all of it together says,
        # or the pictures: one that such a camera took, or several that come from one.
        timing = Fact(source=_one_camera(reading), score=answer["rt"], threshold=limits.real_time)
    return Facts(
        actor=actor,
        country=_country(reading, memory, tenant, limits),
        act=act,
        stance=_stance(act, memory),
        camera=camera,
        timing=timing,
        setting=setting,
        inspection=_inspection(gaps),
    )


def together_of(reading: Reading, memory: Memory) -> float:
    """Return how sure it is that facial recognition is to be done for law enforcement, by words alone.

    One question asks for both at once, and sees how they hang together; the least sure of the two apart holds where
    they stand in different windows, messages or calls. In several windows no question can see both at once, so there
    the two apart are enough if they are surer.
    """
    apart = min(memory.act, memory.actor)
    together = _mean_logit(reading.answer["fr_le"], apart)
    return max(together, at_odds(apart, -APART)) if reading.answer.read > 1 else together


def _is_told_apart(reading: Reading, memory: Memory) -> bool:
    """Whether the act or the actor was told by an earlier call, so that no window can show how they hang together."""
    return memory.actor - reading.answer["le"] > TOLD or memory.act - reading.answer["fr"] > TOLD


def _mean_logit(*probabilities: float) -> float:
    """Return the mean of probabilities on the scale where doubt and certainty are symmetric."""
    clipped = [min(max(p, 1e-6), 1 - 1e-6) for p in probabilities]
    mean = sum(math.log(p / (1 - p)) for p in clipped) / len(clipped)
    return 1 / (1 + math.exp(-mean))


def _fact(value: str, head: str, reading: Reading, score: float, limit: float) -> Fact:
    """Return a fact that is sure enough: from the request if that says something of it, else from an earlier one."""
    if reading.answer[head] >= SIGN:
        return Fact(value, "request", score, limit, reading.evidence(head))
    return Fact(value, "session", score, limit)


def _recognition(reading: Reading, score: float, limit: float) -> Fact | None:
    return _fact("facial_recognition", "fr", reading, score, limit) if score >= limit else None


def _act(reading: Reading, memory: Memory, limits: Thresholds) -> Fact:
    """Return the act that is asked for by whomever: facial recognition first, else the surest of the others."""
    if found := _recognition(reading, memory.act, limits.act):
        return found
    head = max(OTHER_ACTS, key=lambda name: reading.answer[name])
    if reading.answer[head] >= limits.other_act:
        return _fact(OTHER_ACTS[head], head, reading, reading.answer[head], limits.other_act)
    return Fact(source="none", score=memory.act, threshold=limits.act)


def _without_recognition(act: Fact) -> Fact:
    return Fact(source="none", score=act.score, threshold=act.threshold) if act.value == "facial_recognition" else act


def _stance(act: Fact, memory: Memory) -> Fact:
    if act.is_known:
        return Fact("operational", act.source, act.score, act.threshold)
    if memory.act >= SIGN:
        return Fact("discussion", "request", act.score, act.threshold)
    return Fact(source="none", score=act.score, threshold=act.threshold)


def _declared(tenant: Tenant) -> Fact:
    field = "sector" if tenant.sector == "law_enforcement" else "serves"
    return Fact("law_enforcement", f"tenant {field} ({tenant.origin(field)})", 1.0)


def _heard(head: str, value: str, reading: Reading, remembered: float, limit: float) -> Fact:
    """Return a fact that the request states, or that an earlier one of its chain stated."""
    score = reading.answer[head]
    if score >= limit:
        return Fact(value, "request", score, limit, reading.evidence(head))
    if remembered >= limit:
        return Fact(value, "session", remembered, limit)
    return Fact(source="none", score=max(score, remembered), threshold=limit)


def _seen(reading: Reading, limits: Thresholds) -> Signal | None:
    """Return the camera that the pictures tell of, unless the words tell of one that more is made of."""
    if not reading.signals:
        return None
    heard, score = reading.camera
    signal = min(reading.signals, key=lambda signal: (STRICTEST.index(signal.camera), not signal.is_police_only))
    is_stricter = score >= limits.camera and STRICTEST.index(heard) < STRICTEST.index(signal.camera)
    return None if is_stricter else signal


def _is_seen_on_body_or_dash(reading: Reading, camera: Fact, limits: Thresholds) -> bool:
    is_live = reading.stream is not None and reading.stream.live
    return (is_live or _seen(reading, limits) is not None) and camera.value in ("body_worn", "dash_mounted")


def _one_camera(reading: Reading) -> str:
    is_one = reading.stream is not None and reading.stream.is_one_camera
    return "pictures (one camera)" if is_one else Fact().source


def _police_camera(reading: Reading, memory: Memory, limits: Thresholds) -> Fact:
    for signal in reading.signals:
        if signal.is_police_only:
            evidence = (Evidence("camera", signal.pointer),)
            return Fact("law_enforcement", f"picture ({signal.device})", memory.act, limits.act, evidence)
    return Fact("law_enforcement", "session", memory.act, limits.act)


def _timing(reading: Reading, memory: Memory, limits: Thresholds) -> Fact:
    """Return whether it happens live: as it is told, as an overlay says, or as a stream of pictures shows."""
    heard = _heard("live", "real_time", reading, memory.timing, limits.live)
    shown = next((signal for signal in reading.signals if signal.is_live), None)
    if heard.is_known:
        return heard
    if shown is not None:
        evidence = (Evidence("timing", shown.pointer),)
        return Fact("real_time", f"picture ({shown.device}, LIVE)", 1.0, limits.live, evidence)
    stream = reading.stream
    if stream is not None and stream.live:
        evidence = (Evidence("timing", stream.pointer),)
        return Fact("real_time", f"pictures ({stream.live})", 1.0, limits.live, evidence)
    return replace(heard, source=_one_camera(reading))


def _camera(reading: Reading, memory: Memory, limits: Thresholds) -> Fact:
    if (seen := _seen(reading, limits)) is not None:
        evidence = (Evidence("camera", seen.pointer),)
        return Fact(seen.camera, f"picture ({seen.device})", 1.0, limits.camera, evidence)
    camera, score = reading.camera
    if score >= limits.camera:
        return Fact(camera, "request", score, limits.camera)
    if memory.camera_score >= limits.camera:
        return Fact(memory.camera, "session", memory.camera_score, limits.camera)
    return Fact(source="none", score=score, threshold=limits.camera)


def _named_country(reading: Reading, limit: float) -> str:
    answer = reading.answer
    if max(answer["us"], answer["abroad"]) < limit or max(answer["le"], answer["fr_le"]) < SIGN:
        return UNKNOWN
    return "US" if answer["us"] >= answer["abroad"] else ANOTHER_COUNTRY


def _country(reading: Reading, memory: Memory, tenant: Tenant, limits: Thresholds) -> Fact:
    named = _named_country(reading, limits.country)
    if named != UNKNOWN:
        head = "us" if named == "US" else "abroad"
        is_another = tenant.country is not None and (named == "US") != (tenant.country == "US")
        # Of an agency that is elsewhere than the tenant, words have to be surer than of one that is where it is.
        limit = limits.country_against if is_another else limits.country
        if reading.answer[head] >= limit:
            return Fact(named, "request", reading.answer[head], limit, reading.evidence(head))
    if memory.country != UNKNOWN:
        return Fact(memory.country, "session", 1.0)
    if tenant.country:
        return Fact(tenant.country, f"tenant country ({tenant.origin('country')})", 1.0)
    return Fact(source="none")


def _inspection(gaps: tuple[Gap, ...]) -> Fact:
    evidence = tuple(Evidence(f"gap:{gap.reason}", gap.pointer) for gap in gaps)
    return Fact("partial" if gaps else "complete", "request", 1.0, 0.0, evidence)
