"""The policy decision point: a request and a tenant in, a decision out."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Literal, get_args

from .errors import ConfigurationError, InspectionError, violation
from .model.memory import Memory
from .model.wire import Wire
from .sinks import LoggingSink, Sink, record_all
from .suggestion import did_you_mean
from .tenant import Tenant
from .tenant_sources import Declared, TenantSource

if TYPE_CHECKING:
    from .decision import Decision
    from .judgement import Court, Judge
    from .model.request import Gap, Request
    from .ocr import Reader
    from .policy import Policy
    from .session import Session
    from .settings import Settings
    from .signals.thresholds import Sensitivity

__all__ = ["Guard"]

Mode = Literal["enforce", "monitor"]
OnUninspectable = Literal["block", "allow"]
EvidenceKind = Literal["digest", "quote"]
Ocr = Literal["auto", "off", "require"]


class Guard:
    """Decides whether a request may be sent. Thread-safe; the same input gives the same verdict.

    Args:
        tenant: who asks, or where that is asked at each request; unknown where nothing is declared.
        policy: ids of built-in policies or paths of TOML packs, one or several, or a ``Policy``.
        mode: ``enforce`` raises, ``monitor`` decides and records only.
        on_uninspectable: what becomes of a request of which a part cannot be read: ``block`` raises
            ``InspectionError``, ``allow`` sends it.
        evidence: ``digest`` keeps places and digests, ``quote`` the words too.
        ocr: whether text in pictures is read: ``auto`` where the extra ``ocr`` is installed, ``off`` never. With
            ``require``, a picture whose text could not be read counts as a part that cannot be read.
        sinks: where decisions are recorded, besides the logger ``safe_azure_openai``.
        sensitivity: which set of limits the answers are held against. ``strict`` finds more than ``balanced``, and
            stops more honest requests; docs/explanation/figures.md says how many.
        judge: who is asked for a second opinion where the guard is not sure, such as ``SecondOpinion("gpt-4o-mini")``;
            nobody by default. ``check`` asks too, and then waits for the network.
        clock: seconds, for durations.
    Raises:
        ConfigurationError: a policy is unknown or broken, or an argument is none of the choices.
    """

    def __init__(
        self,
        tenant: Tenant | TenantSource | None = None,
        policy: str | Policy | Sequence[str | Policy] = "azure-openai-2024-05",
        *,
        mode: Mode = "enforce",
        on_uninspectable: OnUninspectable = "block",
        evidence: EvidenceKind = "digest",
        ocr: Ocr = "auto",
        sinks: Iterable[Sink] = (),
        sensitivity: Sensitivity = "balanced",
        judge: Judge | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        from .policy import Policy  # reading rules can wait until there is a guard
        from .signals.thresholds import Sensitivity

        _one_of("mode", mode, get_args(Mode))
        _one_of("on_uninspectable", on_uninspectable, get_args(OnUninspectable))
        _one_of("evidence", evidence, get_args(EvidenceKind))
        _one_of("ocr", ocr, get_args(Ocr))
        _one_of("sensitivity", sensitivity, get_args(Sensitivity))
        fixed = Tenant() if tenant is None else tenant
        if not isinstance(fixed, Tenant):
            _has("tenant", fixed, "settle", "Tenant('law_enforcement', country='US')")
        if judge is not None:
            _has("judge", judge, "opinion", "SecondOpinion('gpt-4o-mini')")
        sinks = _sinks(sinks)
        self.tenants: TenantSource = Declared(fixed) if isinstance(fixed, Tenant) else fixed
        self.policy = policy if isinstance(policy, Policy) else Policy.load(policy)
        self.mode: Mode = mode
        self.on_uninspectable: OnUninspectable = on_uninspectable
        self.evidence: EvidenceKind = evidence
        self.ocr: Ocr = ocr
        self.reader: Reader | None = None  # instead of the one that all guards of the process share
        self.sinks: tuple[Sink, ...] = (LoggingSink(), *sinks)
        self.sensitivity: Sensitivity = sensitivity
        self.second_judge = judge
        self._clock = clock

    @property
    def tenant(self) -> Tenant:
        """Who asks, as far as it is known now."""
        return self.tenants.tenant()

    @classmethod
    def from_env(
        cls,
        settings: Settings | None = None,
        *,
        tenant: Tenant | TenantSource | None = None,
        judge: Judge | None = None,
    ) -> Guard:
        """Return the guard that the environment describes (docs/reference/environment.md).

        Args:
            settings: what is read instead of the environment.
            tenant: who asks, in place of the one that the environment declares.
            judge: who is asked for a second opinion; the environment names nobody.
        Raises:
            ConfigurationError: a variable is wrong; the message names it, its value and the choices.
        """
        from .policy import Policy
        from .settings import PREFIX, Settings
        from .sinks import JsonlSink
        from .tenant_sources import tenant_source

        settings = settings if settings is not None else Settings.load()
        try:
            policy = Policy.load(settings.policy)
        except ConfigurationError as error:
            raise ConfigurationError(f"{PREFIX}POLICY: {error}") from None
        return cls(
            tenant_source(settings) if tenant is None else tenant,
            policy,
            mode=settings.mode,
            on_uninspectable=settings.on_uninspectable,
            evidence=settings.evidence,
            ocr=settings.ocr,
            sinks=[JsonlSink(settings.audit_file)] if settings.audit_file else [],
            judge=judge,
        )

    def check(self, path: str, body: object) -> Decision:
        """Return the decision about one API call, without sending, recording or raising anything.

        Where the tenant is looked up, the first check waits for that: in an event loop, ask in a thread.

        Args:
            path: the API path, such as ``"/chat/completions"``.
            body: what would be sent, as JSON-like values; never changed.
        """
        from .extract import from_json

        self.tenants.settle()
        return self.judge((from_json(path, body),))

    def judge(
        self,
        requests: Sequence[Request],
        *,
        memory: Memory = Memory(),  # noqa: B008 - frozen
        tenant: Tenant | None = None,
        watch: Callable[[Sequence[Request]], Sequence[Request]] | None = None,
    ) -> Decision:
        """Return the decision about the requests of one call: the first that is blocked decides, else the first.

        ``memory`` is what is known of the content that the server keeps for this call, ``tenant`` whose it is;
        ``watch`` adds what the pictures tell together with those of earlier calls.
        """
        from .judgement import judge

        began = self._clock()
        requests = self._read_pictures(requests)
        if watch is not None:
            requests = watch(requests)
        decision = judge(self._court(tenant if tenant is not None else self.tenant), requests, memory)
        return replace(decision, duration_us=(self._clock() - began) * 1e6)

    def _court(self, tenant: Tenant) -> Court:
        from .judgement import Court

        quotes = self.evidence == "quote"
        return Court(tenant, self.policy, self.sensitivity, quotes=quotes, judge=self.second_judge)

    def _read_pictures(self, requests: Sequence[Request]) -> Sequence[Request]:
        if self.ocr == "off" or not any(request.pictures for request in requests):
            return requests
        return self._reader().read(requests)

    def _reader(self) -> Reader:
        from .ocr import shared  # few requests carry pictures

        return self.reader or shared()

    def may_wait(self, body: bytes = b"") -> bool:
        """Whether judging ``body`` may take long, so that it must not be done in an event loop.

        It does where somebody else is asked, where the tenant is still looked up, and where a picture in it is decoded.
        """
        if self.second_judge is not None or not self.tenants.is_settled:
            return True
        from .extract.attachments import may_hold_picture

        if not may_hold_picture(body):
            return False
        from .streams import can_track  # few requests carry pictures

        return can_track() or (self.ocr != "off" and self._reader().can_read)

    def stops(self, gap: Gap) -> bool:
        """Whether a request with this gap must not be sent. An opinion that is required is so in any case."""
        is_blocking = gap.is_blocking or (self.ocr == "require" and gap.is_unread_text)
        return gap.reason == "no_second_opinion" or (self.on_uninspectable != "allow" and is_blocking)

    def admit(self, wire: Wire, session: Session, *, seen: set[str] | None = None) -> Decision:
        """Decide about a request that is about to be sent, record the decision, and raise if it must not be sent.

        Args:
            wire: what would be sent.
            session: what is known of the content that the server keeps.
            seen: digests of requests already recorded, for a call that is attempted several times.
        Raises:
            PolicyViolation: a rule matched, and the mode is ``enforce``.
            InspectionError: a part cannot be inspected, the mode is ``enforce``, and such requests are to be blocked.
            ConfigurationError: a tenant is required, and the first look-up did not tell it.
        """
        self.tenants.settle()
        tenant = self.tenants.tenant(wire.told)
        decision = self._decide(wire, session, tenant)
        uninspected = any(self.stops(gap) for gap in decision.gaps)
        stopped = self.mode != "monitor" and (decision.is_blocked or uninspected)
        digest = hashlib.sha256(wire.path.encode() + b"\0" + wire.body).hexdigest() if seen is not None else ""
        if seen is None or digest not in seen:
            record_all(self.sinks, decision, tenant=tenant, sent=not stopped)
        if seen is not None:
            seen.add(digest)
        if stopped and decision.is_blocked:
            raise violation(decision)
        if stopped:
            raise InspectionError(decision)
        return decision

    def _decide(self, wire: Wire, session: Session, tenant: Tenant) -> Decision:
        from .decision import Decision
        from .extract import from_wire
        from .judgement import new_id
        from .model.request import Gap

        try:
            requests = from_wire(wire)
            links = [link for request in requests for link in request.links]
            memory = session.recall(links) if links else Memory()
            return self.judge(requests, memory=memory, tenant=tenant, watch=partial(session.watch, wire))
        except Exception as error:  # noqa: BLE001 - what the guard cannot judge it must not clear: its own fault is a gap
            return Decision(
                "allow",
                new_id(),
                wire.path,
                policy=self.policy.refs,
                gaps=(Gap("", "guard_error"),),
                memory=Memory(is_unknown=True),
                flips=(f"a fault inside the guard: {type(error).__name__}",),
            )


def _one_of(name: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        hint = did_you_mean(value, choices) if isinstance(value, str) else ""
        raise ConfigurationError(f"Guard({name}={value!r:.80}) is not valid: write one of {', '.join(choices)}{hint}")


def _has(name: str, value: object, method: str, example: str) -> None:
    if isinstance(value, type) or not callable(getattr(value, method, None)):
        raise ConfigurationError(f"Guard({name}={value!r:.80}) is not valid: it has no {method}(); give {example}")


def _sinks(sinks: Iterable[Sink]) -> tuple[Sink, ...]:
    example = "a list such as [JsonlSink('decisions.jsonl')]"
    _has("sinks", sinks, "__iter__", example)
    some = tuple(sinks)
    for sink in some:
        _has("sinks", sink, "record", example)
    return some
