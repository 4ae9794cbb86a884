"""Who uses the guarded client: declared by argument, by the environment or in a file, or found in Azure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from . import countries
from .errors import ConfigurationError
from .suggestion import did_you_mean

if TYPE_CHECKING:
    from .model.found import Found
    from .settings import Settings

__all__ = ["FIELDS", "SECTORS", "Conflict", "Sector", "Source", "Tenant", "fault"]

Sector = Literal[
    "law_enforcement",
    "government",
    "security",
    "healthcare",
    "education",
    "retail",
    "finance",
    "media",
    "technology",
    "legal",
    "transport",
    "other",
    "unknown",
]
SECTORS: tuple[str, ...] = get_args(Sector)

#: Where a field was declared or found. ``none``: nowhere, so its value is unknown.
Source = Literal["argument", "environment", "file", "token", "directory", "none"]

#: What a tenant is declared by, in the order in which it is shown.
FIELDS = ("sector", "country", "serves", "organization", "tenant_id", "cloud")

#: The value of a field that the rules are strictest with. POLICY: the most restrictive one that is supported wins.
STRICTEST = {"sector": "law_enforcement", "serves": "law_enforcement", "country": "US"}

_GUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


@dataclass(frozen=True, slots=True)
class Conflict:
    """A field of which something else was found than was declared, and which of both decides."""

    field: str
    declared: str
    source: Source
    found: str
    how: str
    decides: Literal["declared", "found"]

    def __str__(self) -> str:
        why = {
            "found": "the found one decides, for the most restrictive does",
            "declared": "the declared one decides",
        }[self.decides]
        return (
            f"tenant {self.field}: {self.declared!r} is declared ({self.source}), {self.found!r} was found "
            f"({self.how}); {why}"
        )


@dataclass(frozen=True, slots=True)
class Tenant:
    """Who asks, and for whom.

    Args:
        sector: what the organisation itself is.
        country: where it is, ISO 3166-1 alpha-2, or None where that is not known.
        serves: whom it works for: a vendor to sheriffs is ``Tenant("technology", serves="law_enforcement")``.
        organization: its name, for records.
        tenant_id: its id in Microsoft Entra.
        cloud: the Azure cloud it uses, such as ``public``, ``us_government`` or ``china``.
        sources: where each field was declared or found, with the details; set by ``from_settings`` and ``completed``.
        conflicts: what was found and is not what was declared.
        is_stale: whether something of it is the last known value, because its source could not be asked.
    Raises:
        ConfigurationError: a field has a value that it cannot have; names it, the value and the choices.
    """

    sector: Sector = "unknown"
    _: KW_ONLY
    country: str | None = None
    serves: Sector | None = None
    organization: str | None = None
    tenant_id: str | None = None
    cloud: str | None = None
    sources: tuple[tuple[str, Source], ...] = field(default=(), repr=False, compare=False)
    details: tuple[tuple[str, str], ...] = field(default=(), repr=False, compare=False)
    conflicts: tuple[Conflict, ...] = field(default=(), repr=False, compare=False)
    is_stale: bool = field(default=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in FIELDS:
            value = getattr(self, name)
            if problem := fault(name, value):
                raise ConfigurationError(f"Tenant({name}={value!r}): {problem}")

    @classmethod
    def from_settings(cls, settings: Settings) -> Tenant:
        """Return the tenant that the environment declares, completed field by field from ``TENANT_FILE``.

        Raises:
            ConfigurationError: the file is wrong (names file, line and field).
        """
        declared: dict[str, tuple[object, Source]] = {}
        if settings.tenant_file is not None:
            declared.update({name: (value, "file") for name, value in _read(settings.tenant_file).items()})
        for name in FIELDS:
            if name in settings.model_fields_set:
                declared[name] = (getattr(settings, name), "environment")
        return cls(
            **cast("dict[str, Any]", {name: value for name, (value, _) in declared.items()}),
            sources=tuple((name, declared[name][1] if name in declared else "none") for name in FIELDS),
        )

    def completed(self, found: Sequence[Found], source: Literal["token", "directory"]) -> Tenant:
        """Return this tenant with what was found of it. Of several values the most restrictive counts, else the first.

        What is declared stays, unless what was found is more restrictive; either way the difference is a conflict.
        """
        values: dict[str, Any] = {}
        sources: dict[str, Source] = {name: self.provenance(name) for name in FIELDS}
        details = dict(self.details)
        conflicts: list[Conflict] = []
        for name in FIELDS:
            best = _most_restrictive([item for item in found if item.field == name])
            if best is None or fault(name, best.value):
                continue
            declared = cast("str | None", getattr(self, name))
            is_known = declared not in (None, "unknown")
            if is_known and _is_same(declared, best.value):
                continue
            is_decisive = not is_known or best.value == STRICTEST.get(name)
            if is_known:
                decides: Literal["declared", "found"] = "found" if is_decisive else "declared"
                conflicts.append(Conflict(name, str(declared), sources[name], best.value, best.how, decides))
            if is_decisive:
                values[name], sources[name] = best.value, source
                details[name] = best.how + (", last known" if best.is_stale else "")
        return replace(
            self,
            **values,
            sources=tuple(sources.items()),
            details=tuple(details.items()),
            conflicts=tuple(conflicts),
            is_stale=any(item.is_stale for item in found),
        )

    def provenance(self, name: str) -> Source:
        """Return where the field ``name`` was declared or found."""
        known = dict(self.sources)
        if name in known:
            return known[name]
        default = next(item.default for item in fields(self) if item.name == name)
        return "none" if getattr(self, name) == default else "argument"

    def facts(self) -> dict[str, dict[str, str | None]]:
        """Return each field with its value and where it was declared or found, for records and reports."""
        return {name: {"value": getattr(self, name), "source": self.origin(name)} for name in FIELDS}

    def origin(self, name: str) -> str:
        """Return where the field comes from, and whether it is the last known value: ``directory, stale``."""
        source = self.provenance(name)
        return f"{source}, stale" if dict(self.details).get(name, "").endswith(", last known") else source

    def explain(self) -> str:
        """Return a report for people: each field, where it comes from, and what was found besides what is declared."""
        details = dict(self.details)
        lines = ["tenant"]
        for name in FIELDS:
            value = getattr(self, name) or "unknown"
            how = f": {details[name]}" if name in details else ""
            lines.append(f"  {name:<13}{value:<20} from {self.provenance(name)}{how}")
        lines += [f"  differs: {conflict}" for conflict in self.conflicts]
        return "\n".join(lines)


def _most_restrictive(found: Sequence[Found]) -> Found | None:
    strictest = next((item for item in found if item.value == STRICTEST.get(item.field)), None)
    return strictest or next(iter(found), None)


def _is_same(declared: str | None, found: str) -> bool:
    return str(declared).casefold() == found.casefold()


def fault(name: str, value: object) -> str | None:
    """Return what is wrong with the value of a field, and what to write instead; None where it is right."""
    if name == "sector" or (name == "serves" and value is not None):
        if value in SECTORS:
            return None
        return f"not a sector; write one of {', '.join(SECTORS)}{did_you_mean(str(value), SECTORS)}"
    if value is None:
        return None
    if name == "country":
        if value in countries.CODES:
            return None
        meant = countries.suggest(str(value))
        hint = f"; did you mean {meant!r}?" if meant else ""
        return f"not a country; write an ISO 3166-1 alpha-2 code such as 'US'{hint}"
    if name == "tenant_id":
        is_guid = isinstance(value, str) and re.fullmatch(_GUID, value)
        return None if is_guid else "not a tenant id; write the GUID from Entra"
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        return "not a name; write one line of text"
    return None


def _read(path: Path) -> dict[str, object]:
    """Return the fields of a tenant file, each one checked."""
    from .toml_source import TomlSource  # for those who have such a file

    try:
        source = TomlSource.parse(str(path), path.read_bytes())
    except OSError as error:
        raise ConfigurationError(
            f"SAFE_AZURE_OPENAI_TENANT_FILE={str(path)!r} cannot be read: {error.strerror}; "
            f"write a TOML file with {', '.join(FIELDS)}, or unset the variable"
        ) from None
    for name, value in source.data.items():
        if name not in FIELDS:
            raise source.error(
                (name,), f"there is no field {name!r}; the fields are {', '.join(FIELDS)}{did_you_mean(name, FIELDS)}"
            )
        if problem := fault(name, value):
            raise source.error((name,), f"{value!r} is {problem}")
    return source.data
