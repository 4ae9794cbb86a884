"""Every environment variable of this package, once: the docs and the ``env`` command are made from here.

A wrong value, and a variable with our prefix that does not exist, fail when the settings are loaded.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast, get_args, get_origin

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from . import countries
from .errors import ConfigurationError
from .suggestion import did_you_mean
from .tenant import Sector

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

__all__ = ["PREFIX", "Settings", "Variable", "overlooked", "variables"]

PREFIX = "SAFE_AZURE_OPENAI_"

#: Characters of a wrong value that are told.
_MOST_TOLD = 80


def _country(value: str) -> str:
    if value not in countries.CODES:
        raise ValueError("not a country")
    return value


def _name(value: str) -> str:
    if not value or not value.isprintable():
        raise ValueError("not one line of text")
    return value


def _list(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _path(value: object) -> object:
    if not isinstance(value, str):
        return value
    if not value:
        raise ValueError("not a path")
    if "://" in value:
        raise ValueError("a URL and not a path")
    try:
        return Path(value).expanduser()
    except RuntimeError:
        raise ValueError("in a home folder that is not known") from None


@dataclass(frozen=True, slots=True)
class _Values:
    """The column "values" of the table, for a variable that has no closed list of choices."""

    text: str


_Country = Annotated[str, AfterValidator(_country)]
_Name = Annotated[str, AfterValidator(_name)]
_FilePath = Annotated[Path, BeforeValidator(_path)]


class Settings(BaseSettings):
    """What the environment says. Frozen; ``load`` is the way to get one."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", frozen=True)

    sector: Sector = Field(default="unknown", description="What the organisation that uses the client is.")
    serves: Sector = Field(
        default="unknown", description="Whom it works for: a vendor to sheriffs serves law_enforcement."
    )
    country: Annotated[
        _Country | None,
        _Values("an ISO 3166-1 alpha-2 code, such as US"),
    ] = Field(default=None, description="Where the organisation is.")
    organization: Annotated[_Name | None, _Values("a name, one line")] = Field(
        default=None, description="Name of the agency or company, for records."
    )
    tenant_file: Annotated[_FilePath | None, _Values("the path of a TOML file")] = Field(
        default=None,
        description="File that declares the same, tenant_id and cloud too; a variable wins over it.",
    )
    tenant_discovery: Literal["off", "token", "directory"] = Field(
        default="off",
        description="Whether the tenant is looked up in Azure: in the client's token, or in its directory and tags.",
    )
    require_tenant: bool = Field(default=False, description="Refuse to build a client while the sector is unknown.")
    policy: Annotated[
        tuple[str, ...],
        NoDecode,
        BeforeValidator(_list),
        Field(min_length=1),
        _Values("policy ids or paths of TOML files, comma separated"),
    ] = Field(
        default=("azure-openai-2024-05",),
        description="What requests are judged by; the rules of several policies add up.",
    )
    mode: Literal["enforce", "monitor"] = Field(
        default="enforce",
        description="enforce raises before a prohibited request is sent; monitor records it and sends it.",
    )
    on_uninspectable: Literal["block", "allow"] = Field(
        default="block", description="What becomes of a request of which a part cannot be read."
    )
    audit_file: Annotated[_FilePath | None, _Values("the path of a JSONL file")] = Field(
        default=None,
        description="File that each decision is appended to, one JSON object per line.",
    )
    evidence: Literal["digest", "quote"] = Field(
        default="digest", description="digest records places and digests only; quote records the words themselves too."
    )
    session_store: Annotated[
        str,
        Field(pattern=r"^(memory|rediss?://\S+)$"),
        _Values("memory, or a redis:// URL such as redis://host:6379/0"),
    ] = Field(
        default="memory",
        description="Where facts about content kept by the server, and traces of cameras, are remembered: in each "
        "process, or in Redis (extra redis) for all processes that name it.",
    )
    ocr: Literal["auto", "off", "require"] = Field(
        default="auto",
        description="Whether text inside images is read: auto where the extra ocr is installed. With require, "
        "ON_UNINSPECTABLE holds for images that were not read.",
    )

    @field_validator("*", mode="before")
    @classmethod
    def _strip(cls, value: object) -> object:
        return value.strip() if isinstance(value, str) else value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read arguments and the environment, and no file that happens to lie about."""
        return (init_settings, env_settings)

    @classmethod
    def load(cls) -> Settings:
        """Return the settings of this process's environment.

        Raises:
            ConfigurationError: a variable is wrong or does not exist; names each such variable, its value, the
                choices, and what was probably meant.
        """
        problems = _unknown_variables()
        try:
            settings = cls()
        except ValidationError as error:
            wrong = {str(item["loc"][0]): item for item in reversed(error.errors())}
            problems += [_invalid(name, wrong[name]) for name in Settings.model_fields if name in wrong]
        else:
            if not problems:
                return settings
        raise ConfigurationError("\n".join(problems))


@dataclass(frozen=True, slots=True)
class Variable:
    """One row of the table: a variable, what it may be, what it is by default, what it is for."""

    name: str
    field: str
    values: str
    default: str
    description: str
    choices: tuple[str, ...] = ()

    def shown(self, settings: Settings) -> str:
        """Return the value in force as text, without the password that a URL may carry."""
        return _shown(getattr(settings, self.field), self.field)


def variables() -> tuple[Variable, ...]:
    """Return every variable, in the order of the documentation."""
    return tuple(_variable(name) for name in Settings.model_fields)


def _variable(name: str) -> Variable:
    info = Settings.model_fields[name]
    choices = get_args(info.annotation) if get_origin(info.annotation) is Literal else ()
    if info.annotation is bool:
        choices = ("true", "false")
    described = next((item.text for item in info.metadata if isinstance(item, _Values)), "")
    return Variable(
        name=PREFIX + name.upper(),
        field=name,
        values=described or ", ".join(choices),
        default=_shown(info.default),
        description=str(info.description),
        choices=choices,
    )


def _shown(value: object, field: str = "") -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    text = ",".join(cast("tuple[str, ...]", value)) if isinstance(value, tuple) else str(value)
    return _without_secrets(text) if field == "session_store" or "://" in text else text


def _without_secrets(address: str) -> str:
    """Return an address without what may be a password: what stands before an @, and its options."""
    place, _, options = address.partition("?")
    scheme = place[: place.find("://") + 3] if "://" in place else ""
    if "@" in options:  # of the password, or of an option
        return f"{scheme}***"
    if "@" in place:
        place = f"{scheme}***@{place.rpartition('@')[2]}"
    return f"{place}?***" if options else place


def _invalid(name: str, error: ErrorDetails) -> str:
    variable = _variable(name)
    # As it is written, and not as pydantic has it: versions differ in whether that is before or after a validator.
    # Of two spellings the later counts, as it does for pydantic.
    written = {key.upper(): value for key, value in os.environ.items()}[variable.name]
    value = written.strip()
    why = error["msg"].removeprefix("Value error, ") if error["type"] == "value_error" else "not valid"
    default = Settings.model_fields[name].default
    hint = did_you_mean(value, variable.choices or ([default] if isinstance(default, str) else []))
    if name == "country":
        meant = countries.suggest(value)
        hint = f"; did you mean {meant!r}?" if meant else ""
    told = _shown(value or written, name)
    told = told if len(told) <= _MOST_TOLD else told[:_MOST_TOLD] + "..."
    return f"{variable.name}={told!r} is {why}: write {_one_of(variable)}{hint}"


def _one_of(variable: Variable) -> str:
    return f"one of {variable.values}" if variable.choices else variable.values


def _unknown_variables() -> list[str]:
    """Return a message for each variable with our prefix that does not exist: a misspelt one must not go unnoticed."""
    known = _names()
    return [
        f"{name} is not a variable of safe-azure-openai{did_you_mean(name, known, prefix=PREFIX) or ';'} "
        "see all with: safe-azure-openai env"
        for name in sorted(os.environ)
        if name.upper().startswith(PREFIX) and name.upper() not in known
    ]


def overlooked() -> list[str]:
    """Return a message for each variable whose prefix is almost ours, so that it is read by nobody."""
    hints = {
        name: did_you_mean(name, _names())
        for name in sorted(os.environ)
        if name.upper().startswith("SAFE_") and not name.upper().startswith(PREFIX)
    }
    return [f"{name} is read by nobody here{hint}" for name, hint in hints.items() if hint]


def _names() -> list[str]:
    return [PREFIX + name.upper() for name in Settings.model_fields]
