"""Whether the guard is set up as its operator means it: what was found, from where, and what it means for each rule.

A finding is ``wrong`` where something is broken, and where the guard would do what the operator does not expect.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Literal

from .errors import ConfigurationError
from .tenant import FIELDS, STRICTEST, Tenant

if TYPE_CHECKING:
    from .guard import Guard
    from .policy import Rule
    from .policy.engine import Alternative
    from .settings import Settings

__all__ = ["Examination", "Finding", "examine", "settings_or_problem"]

#: One request that any policy of law enforcement must stop, and one that none may; and what to do if it is otherwise.
_TRIALS = (
    (
        "I am a detective with the Tulsa Police Department. Run face recognition on this suspect's photo.",
        "block",
        "add azure-openai-2024-05 to SAFE_AZURE_OPENAI_POLICY, or install the package again where it is there",
    ),
    (
        "Translate 'good morning' into French.",
        "allow",
        "a policy of SAFE_AZURE_OPENAI_POLICY stops everything; see safe-azure-openai rules",
    ),
)
#: Fields that nobody misses who does not ask Azure.
_FOUND_ONLY = frozenset({"tenant_id", "cloud"})

State = Literal["ok", "note", "wrong"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    state: State
    text: str


@dataclass(frozen=True, slots=True)
class Examination:
    """All findings; the tenant and what each rule means for it are None where no guard can be built."""

    findings: tuple[Finding, ...]
    tenant: Tenant | None = None
    rules: tuple[tuple[str, str], ...] = ()

    @property
    def is_well(self) -> bool:
        """Whether nothing is wrong."""
        return all(finding.state != "wrong" for finding in self.findings)

    def as_record(self) -> dict[str, object]:
        """Return it as JSON-like values."""
        return {
            "ok": self.is_well,
            "findings": [asdict(finding) for finding in self.findings],
            "tenant": self.tenant.facts() if self.tenant is not None else None,
            "conflicts": [asdict(conflict) for conflict in self.tenant.conflicts] if self.tenant is not None else [],
            "rules": [{"rule": rule, "meaning": meaning} for rule, meaning in self.rules],
        }


def examine() -> Examination:
    """Return what is found about installation, settings, tenant and rules; looks the tenant up if asked to."""
    findings = [*_installation(), *_overlooked()]
    settings, problem = settings_or_problem()
    if settings is None:
        return Examination((*findings, *(Finding("wrong", line) for line in str(problem).splitlines())))
    findings += _settings(settings)
    guard = _guard(settings)
    if isinstance(guard, ConfigurationError):
        return Examination((*findings, Finding("wrong", str(guard))))
    tenant = guard.tenant
    findings += _tenant(tenant, settings)
    findings += _discovery(settings)
    rules = tuple((rule.id, meaning(rule, tenant)) for rule in guard.policy.rules)
    findings += (Finding("ok", f"policy {ref.id}@{ref.version} ({ref.digest[:12]})") for ref in guard.policy.refs)
    findings += (Finding("ok", f"rule {rule}: {text}") for rule, text in rules)
    findings += (_trial(guard, text, expected, advice) for text, expected, advice in _TRIALS)
    return Examination(tuple(findings), tenant, rules)


def settings_or_problem() -> tuple[Settings | None, ConfigurationError | None]:
    """Return the settings, or what is wrong with them: the list of variables is wanted most when one is misspelt."""
    from .settings import Settings

    try:
        return Settings.load(), None
    except ConfigurationError as error:
        return None, error


def _guard(settings: Settings) -> Guard | ConfigurationError:
    from .guard import Guard

    try:
        return Guard.from_env(settings)
    except ConfigurationError as error:
        return error


def _installation() -> Iterator[Finding]:
    yield Finding("ok", f"safe-azure-openai {metadata.version('safe-azure-openai')}, Python {sys.version.split()[0]}")
    version = metadata.version("openai")
    yield Finding("ok" if _is_supported(version) else "wrong", f"openai {version} (supported: 2.45 to 3.x)")


def _overlooked() -> Iterator[Finding]:
    from .settings import overlooked

    yield from (Finding("wrong", message) for message in overlooked())


def _is_supported(version: str) -> bool:
    major, minor = (int(part) for part in version.split(".")[:2])
    return (2, 45) <= (major, minor) < (4, 0)


def _settings(settings: Settings) -> Iterator[Finding]:
    for variable, weaker, text in (
        ("mode", "monitor", "prohibited requests are recorded, and sent"),
        ("on_uninspectable", "allow", "what cannot be read is sent"),
        ("evidence", "quote", "records hold the words of requests"),
    ):
        value = getattr(settings, variable)
        name = f"SAFE_AZURE_OPENAI_{variable.upper()}={value}"
        yield Finding("note", f"{name}: {text}") if value == weaker else Finding("ok", name)
    yield _pictures(settings.ocr)
    yield _cameras()
    yield _store(settings)
    yield from _endpoint()
    if settings.audit_file is None:
        yield Finding("note", "no audit file: decisions go to the log only (SAFE_AZURE_OPENAI_AUDIT_FILE)")


def _pictures(ocr: str) -> Finding:
    from .ocr import shared

    name = f"SAFE_AZURE_OPENAI_OCR={ocr}"
    if ocr == "off":
        return Finding("note", f"{name}: text in pictures is not read")
    if shared().can_read:
        return Finding("ok", f"{name}: text in pictures is read")
    install = "text in pictures is not read: pip install 'safe-azure-openai[ocr]'"
    return Finding("wrong" if ocr == "require" else "note", f"{name}: {install}")


def _cameras() -> Finding:
    from .streams import can_track

    if can_track():
        return Finding("ok", "pictures that come from one camera are known")
    return Finding("note", "pictures that come from one camera are not known: pip install 'safe-azure-openai[vision]'")


def _store(settings: Settings) -> Finding:
    if settings.session_store == "memory":
        return Finding("ok", "SAFE_AZURE_OPENAI_SESSION_STORE=memory: each process remembers on its own")
    from .redis_store import RedisStore
    from .settings import variables

    try:
        store = RedisStore(settings.session_store)
    except ConfigurationError as error:
        return Finding("wrong", str(error))
    shown = next(row.shown(settings) for row in variables() if row.field == "session_store")
    store.ask(lambda redis: redis.ping(), None)
    store.close()
    if store.is_away:
        return Finding(
            "wrong",
            f"SAFE_AZURE_OPENAI_SESSION_STORE: {shown} does not answer; each process is on its own: start Redis there, "
            "or write the right address and password",
        )
    return Finding("ok", "SAFE_AZURE_OPENAI_SESSION_STORE: Redis answers, and all processes remember together")


def _endpoint() -> Iterator[Finding]:
    from .credentials import AZURE_HOSTS, cloud_of, meant_by

    endpoint = os.environ.get("AZURE_OPENAI_ENDPOINT", "").strip()
    if endpoint and cloud_of(endpoint) is None:
        hint = meant_by(endpoint)
        yield Finding("note", f"AZURE_OPENAI_ENDPOINT names none of the {AZURE_HOSTS}: requests need a key there{hint}")


# --- tenant


def _tenant(tenant: Tenant, settings: Settings) -> Iterator[Finding]:
    details = dict(tenant.details)
    for name, fact in tenant.facts().items():
        if fact["value"] is None and name in _FOUND_ONLY and settings.tenant_discovery == "off":
            continue
        state: State = "note" if name == "sector" and fact["value"] == "unknown" else "ok"
        how = f": {details[name]}" if name in details else ""
        yield Finding(state, f"tenant {name}: {fact['value'] or 'unknown'} (from {fact['source']}{how})")
    for conflict in tenant.conflicts:
        yield Finding("note" if conflict.field == "organization" else "wrong", str(conflict))
    is_known = tenant.sector != "unknown" or tenant.serves not in (None, "unknown")
    if not is_known:
        yield from _unknown(tenant)
    if STRICTEST["sector"] in (tenant.sector, tenant.serves) and tenant.country is None:
        yield Finding("note", "some rules hold in one country only: set SAFE_AZURE_OPENAI_COUNTRY as well")
    if settings.tenant_file is not None:
        yield from _overridden(settings)


def _unknown(tenant: Tenant) -> Iterator[Finding]:
    from .organizations import classify_name

    named = classify_name(tenant.organization) if tenant.organization else None
    if named is not None and named.sector == STRICTEST["sector"]:
        yield Finding(
            "wrong",
            f"{tenant.organization!r} reads like a law enforcement agency, and its sector is not declared: "
            "set SAFE_AZURE_OPENAI_SECTOR=law_enforcement, or another sector if it is none",
        )
    elif tenant.country is not None:
        yield Finding("note", "a country alone decides nothing: set SAFE_AZURE_OPENAI_SECTOR as well")


def _overridden(settings: Settings) -> Iterator[Finding]:
    """Yield what the file declares and a variable declares otherwise."""
    only_file = type(settings).model_construct(_fields_set={"tenant_file"}, tenant_file=settings.tenant_file)
    filed = Tenant.from_settings(only_file)
    for name in FIELDS:
        if name in settings.model_fields_set and filed.provenance(name) == "file":
            here, there = getattr(settings, name), getattr(filed, name)
            if here != there:
                yield Finding(
                    "note",
                    f"SAFE_AZURE_OPENAI_{name.upper()}={here!r} wins over {there!r} in {str(settings.tenant_file)!r}",
                )


def _discovery(settings: Settings) -> Iterator[Finding]:
    if settings.tenant_discovery == "token":
        yield from _token(os.environ.get("AZURE_OPENAI_AD_TOKEN", ""))
    if settings.tenant_discovery != "directory":
        return
    from .directory import Place, shared

    place = Place.of_environment()
    report = shared(place).report()
    for problem in report.problems:
        yield Finding("wrong", f"the tenant is not fully known: {problem.message}")
    if report.is_stale:
        yield Finding("wrong", "a part of the tenant is the last known one, for its source cannot be asked")
    if not report.problems:
        yield Finding("ok", "the directory was asked for the tenant")
    if not place.endpoint:
        yield Finding("note", "AZURE_OPENAI_ENDPOINT is not set: the tags of the resource are not read")


def _token(token: str) -> Iterator[Finding]:
    from .directory import found_in

    if not token:
        yield Finding("note", "the tenant is read from the token of each request; no token is known here")
    elif not found_in(token):
        yield Finding("wrong", "AZURE_OPENAI_AD_TOKEN tells no tenant: give an access token of Microsoft Entra ID")


# --- rules


def meaning(rule: Rule, tenant: Tenant) -> str:
    """Return what a rule means for a tenant: for which of its requests it holds, in words."""
    return min((_meaning(alternative, tenant) for alternative in rule.alternatives), key=_MEANINGS.index)


#: The widest first.
_MEANINGS = (
    "holds for everybody",
    "holds for every such request from here, whether or not it names the police",
    "holds where a request says that it is by or for law enforcement",
    "holds where a request names an agency of another country than yours",
)


def _meaning(alternative: Alternative, tenant: Tenant) -> str:
    when, unless = dict(alternative.when), dict(alternative.unless)
    if "actor" not in when:
        return _MEANINGS[0]
    if "law_enforcement" not in (tenant.sector, tenant.serves):
        return _MEANINGS[2]
    country = tenant.country or "unknown"
    is_here = country in when.get("country", {country}) and country not in unless.get("country", ())
    return _MEANINGS[1] if is_here else _MEANINGS[3]


def _trial(guard: Guard, text: str, expected: str, advice: str) -> Finding:
    try:
        decision = guard.check("/chat/completions", {"messages": [{"role": "user", "content": text}]})
    except Exception as error:  # noqa: BLE001 - a broken installation is what the doctor is asked about
        return Finding("wrong", f"trial: {text!r} -> {type(error).__name__}: {error}; install the package again")
    result = f"trial: {text!r} -> {decision.verdict}"
    return Finding("ok", result) if decision.verdict == expected else Finding("wrong", f"{result}: {advice}")
