"""Who uses the guarded client: declared by argument, by the environment or in a file."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast, get_args

from . import countries
from .errors import ConfigurationError
from .suggestion import did_you_mean

if TYPE_CHECKING:
    from .settings import Settings

__all__ = ["FIELDS", "SECTORS", "Sector", "Source", "Tenant"]

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

#: Where a field was declared. ``none``: nowhere, so its value is unknown.
Source = Literal["argument", "environment", "file", "none"]

#: What a tenant is declared by, in the order in which it is shown.
FIELDS = ("sector", "country", "serves", "organization")


@dataclass(frozen=True, slots=True)
class Tenant:
    """Who asks, and for whom.

    Args:
        sector: what the organisation itself is.
        country: where it is, ISO 3166-1 alpha-2, or None where that is not known.
        serves: whom it works for: a vendor to sheriffs is ``Tenant("technology", serves="law_enforcement")``.
        organization: its name, for records.
        sources: where each field was declared; set by ``from_settings``.
    Raises:
        ConfigurationError: a field has a value that it cannot have; names it, the value and the choices.
    """

    sector: Sector = "unknown"
    _: KW_ONLY
    country: str | None = None
    serves: Sector | None = None
    organization: str | None = None
    sources: tuple[tuple[str, Source], ...] = field(default=(), repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in FIELDS:
            value = getattr(self, name)
            if problem := _problem(name, value):
                raise ConfigurationError(f"Tenant({name}={value!r}): {problem}")

    @classmethod
    def from_settings(cls, settings: Settings) -> Tenant:
        """Return the tenant that the environment declares, completed field by field from ``TENANT_FILE``.

        Raises:
            ConfigurationError: the file is wrong (names file, line and field), or the sector is unknown although
                ``REQUIRE_TENANT`` is true.
        """
        declared: dict[str, tuple[object, Source]] = {}
        if settings.tenant_file is not None:
            declared.update({name: (value, "file") for name, value in _read(settings.tenant_file).items()})
        for name in FIELDS:
            if name in settings.model_fields_set:
                declared[name] = (getattr(settings, name), "environment")
        tenant = cls(
            cast("Sector", declared.get("sector", ("unknown",))[0]),
            country=cast("str | None", declared.get("country", (None,))[0]),
            serves=cast("Sector | None", declared.get("serves", (None,))[0]),
            organization=cast("str | None", declared.get("organization", (None,))[0]),
            sources=tuple((name, declared[name][1] if name in declared else "none") for name in FIELDS),
        )
        if settings.require_tenant and tenant.sector == "unknown":
            raise ConfigurationError(
                "SAFE_AZURE_OPENAI_REQUIRE_TENANT is true, but no sector is declared; set SAFE_AZURE_OPENAI_SECTOR "
                f"(or 'sector' in the file of SAFE_AZURE_OPENAI_TENANT_FILE) to one of {', '.join(SECTORS[:-1])}"
            )
        return tenant

    def provenance(self, name: str) -> Source:
        """Return where the field ``name`` was declared."""
        if self.sources:
            return dict(self.sources)[name]
        default = next(item.default for item in fields(self) if item.name == name)
        return "none" if getattr(self, name) == default else "argument"

    def facts(self) -> dict[str, dict[str, str | None]]:
        """Return each field with its value and where it was declared, for records and reports."""
        return {name: {"value": getattr(self, name), "source": self.provenance(name)} for name in FIELDS}


def _problem(name: str, value: object) -> str | None:
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
        if problem := _problem(name, value):
            raise source.error((name,), f"{value!r} is {problem}")
    return source.data
