"""The policy decision point: a request and a tenant in, a decision out."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from .decision import Decision
from .errors import InspectionError, violation
from .extract import from_json, from_wire
from .merge import facts_of, is_for_law_enforcement, memory_of
from .model import Evidence, Facts, Gap, Memory, Request, Wire
from .policy import Policy
from .session import Session, merge
from .sinks import LoggingSink, Sink
from .tenant import Tenant

if TYPE_CHECKING:
    from .settings import Settings
    from .signals.reading import Reading
    from .signals.thresholds import Sensitivity

__all__ = ["Guard"]

Mode = Literal["enforce", "monitor"]
OnUninspectable = Literal["block", "allow"]
EvidenceKind = Literal["digest", "quote"]

#: Requests of an upload that are judged one by one; a larger one is reported as cut off.
MOST_REQUESTS = 100_000


class Guard:
    """Decides whether a request may be sent. Thread-safe; the same input gives the same verdict.

    Args:
        tenant: who asks; unknown where nothing is declared.
        policy: ids of built-in policies or paths of TOML packs, one or several, or a ``Policy``.
        mode: ``enforce`` raises, ``monitor`` decides and records only.
        on_uninspectable: what becomes of a request of which a part cannot be read.
        evidence: ``digest`` keeps places and digests, ``quote`` the words too.
        sinks: where decisions are recorded, besides the logger ``safe_azure_openai``.
        sensitivity: which set of limits the answers are held against.
        clock: seconds, for durations.
    Raises:
        ConfigurationError: a policy is unknown or broken.
    """

    def __init__(
        self,
        tenant: Tenant | None = None,
        policy: str | Policy | Sequence[str | Policy] = "azure-openai-2024-05",
        *,
        mode: Mode = "enforce",
        on_uninspectable: OnUninspectable = "block",
        evidence: EvidenceKind = "digest",
        sinks: Iterable[Sink] = (),
        sensitivity: Sensitivity = "balanced",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.tenant = tenant if tenant is not None else Tenant()
        self.policy = policy if isinstance(policy, Policy) else Policy.load(policy)
        self.mode: Mode = mode
        self.on_uninspectable: OnUninspectable = on_uninspectable
        self.evidence: EvidenceKind = evidence
        self.sinks: tuple[Sink, ...] = (LoggingSink(), *sinks)
        self.sensitivity: Sensitivity = sensitivity
        self._clock = clock

    @classmethod
    def from_env(cls, settings: Settings | None = None) -> Guard:
        """Return the guard that the environment describes (docs/reference/environment.md).

        Raises:
            ConfigurationError: a variable is wrong; the message names it, its value and the choices.
        """
        from .settings import Settings
        from .sinks import JsonlSink

        settings = settings if settings is not None else Settings.load()
        sinks = [JsonlSink(settings.audit_file)] if settings.audit_file else []
        return cls(
            Tenant.from_settings(settings),
            Policy.load(settings.policy),
            mode=settings.mode,
            on_uninspectable=settings.on_uninspectable,
            evidence=settings.evidence,
            sinks=sinks,
        )

    def check(self, path: str, body: object) -> Decision:
        """Return the decision about one API call, without sending, recording or raising anything.

        Args:
            path: the API path, such as ``"/chat/completions"``.
            body: what would be sent, as JSON-like values; never changed.
        """
        return self.judge((from_json(path, body),))

    def judge(self, requests: Sequence[Request], *, memory: Memory = Memory()) -> Decision:  # noqa: B008
        """Return the decision about the requests of one call: the first that is blocked decides, else the first.

        ``memory`` is what is known of the content that the server keeps for this call. Never raises.
        """
        began = self._clock()
        decision: Decision | None = None
        gaps: list[Gap] = []
        for request in requests[:MOST_REQUESTS]:
            one = self._judge_one(request, memory)
            gaps.extend(one.gaps)
            if decision is None or one.is_blocked:
                decision = replace(one, memory=merge(decision.memory, one.memory)) if decision else one
            elif decision is not None:
                decision = replace(decision, memory=merge(decision.memory, one.memory))
            if one.is_blocked:
                break
        if len(requests) > MOST_REQUESTS:
            gaps.append(Gap(f"/lines/{MOST_REQUESTS + 1}", "too_large"))
        if decision is None:
            decision = Decision("allow", _new_id(), "", policy=self.policy.refs)
        return replace(decision, gaps=tuple(gaps), duration_us=(self._clock() - began) * 1e6)

    def _judge_one(self, request: Request, memory: Memory) -> Decision:
        from .signals import meaning
        from .signals.reading import NOTHING, is_worth_reading, read
        from .signals.thresholds import thresholds

        for_police = is_for_law_enforcement(self.tenant)
        reading = (
            read(request, meaning.load()) if is_worth_reading(request, memory, for_police=for_police) else NOTHING
        )
        limits = thresholds(self.sensitivity)
        kept = memory_of(reading, memory, limits)
        facts = facts_of(reading.without_evidence(), kept, self.tenant, limits, request.gaps)
        matches = self.policy.evaluate(facts)
        flips: tuple[str, ...] = ()
        if matches:
            facts = facts_of(reading, kept, self.tenant, limits, request.gaps)
            flips = self.policy.flips(facts)
        return Decision(
            "block" if matches else "allow",
            _new_id(),
            request.path,
            facts=facts,
            matches=matches,
            evidence=self._evidence(facts, request),
            policy=self.policy.refs,
            gaps=request.gaps,
            memory=kept,
            screened=reading is NOTHING,
            flips=flips,
        )

    def _evidence(self, facts: Facts, request: Request) -> tuple[Evidence, ...]:
        """Return the evidence of all facts with the digest of the words, and the words only where asked for."""
        texts = {segment.pointer: segment.text for segment in request.segments}
        out: dict[tuple[str, str], Evidence] = {}
        for name, fact in facts.items():
            for item in fact.evidence:
                words = texts.get(item.pointer, "")[item.start : item.end or None]
                out.setdefault(
                    (name, item.pointer),
                    replace(
                        item,
                        kind=name,
                        digest=hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()[:16],
                        quote=words if self.evidence == "quote" else None,
                    ),
                )
        return tuple(out.values())

    def admit(self, wire: Wire, session: Session, *, seen: set[str] | None = None) -> Decision:
        """Decide about a request that is about to be sent, record the decision, and raise if it must not be sent.

        Args:
            wire: what would be sent.
            session: what is known of the content that the server keeps.
            seen: digests of requests already recorded, for a call that is attempted several times.
        Raises:
            PolicyViolation: a rule matched, and the mode is ``enforce``.
            InspectionError: a part cannot be inspected, the mode is ``enforce``, and such requests are to be blocked.
        """
        decision = self._decide(wire, session)
        uninspected = self.on_uninspectable == "block" and any(gap.is_blocking for gap in decision.gaps)
        stopped = self.mode == "enforce" and (decision.is_blocked or uninspected)
        digest = hashlib.sha256(wire.path.encode() + b"\0" + wire.body).hexdigest() if seen is not None else ""
        if seen is None or digest not in seen:
            for sink in self.sinks:
                sink.record(decision, tenant=self.tenant, sent=not stopped)
        if seen is not None:
            seen.add(digest)
        if stopped and decision.is_blocked:
            raise violation(decision)
        if stopped:
            raise InspectionError(decision)
        return decision

    def _decide(self, wire: Wire, session: Session) -> Decision:
        try:
            requests = from_wire(wire)
            links = [link for request in requests for link in request.links]
            return self.judge(requests, memory=session.recall(links) if links else Memory())
        except Exception as error:  # what the guard cannot judge it must not clear: a fault of its own is a gap
            return Decision(
                "allow",
                _new_id(),
                wire.path,
                policy=self.policy.refs,
                gaps=(Gap("", "guard_error"),),
                memory=Memory(is_unknown=True),
                flips=(f"fault inside the guard: {type(error).__name__}",),
            )


def _new_id() -> str:
    return "dec_" + secrets.token_hex(8)


