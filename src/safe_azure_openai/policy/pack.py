"""Policy packs: TOML files that hold the rules, and the case files beside them that prove each rule.

A pack is checked completely when it is loaded. Whatever is wrong with it is a ``ConfigurationError`` that names file,
line and field, and where possible what was meant.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from .. import countries
from ..errors import ConfigurationError
from ..model.facts import FACT_VALUES, Fact, Facts, PolicyRef, Verdict
from ..model.memory import UNKNOWN
from ..suggestion import did_you_mean
from ..toml_source import Place, TomlSource
from .engine import Alternative, Conditions, Family, Pack, Rule

__all__ = ["BUILT_IN", "Case", "load_packs", "read_cases"]

#: The policies that come with this package. Explicit, so that nothing that is installed beside can add to it.
BUILT_IN = ("azure-openai-2024-05", "microsoft-code-of-conduct", "eu-ai-act-article-5")

KebabId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=80)]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, pattern=r"^[^\n]+$")]
Prose = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Version = Annotated[str, StringConstraints(pattern=r"^\d+(\.\d+){0,2}$")]
Url = Annotated[str, StringConstraints(pattern=r"^https://\S+$")]

_PATTERNS = {
    r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$": "lower-case words joined by hyphens, such as no-face-search",
    r"^[^\n]+$": "one line of text",
    r"^\d+(\.\d+){0,2}$": 'a version such as "1.0.0"',
    r"^https://\S+$": "an address that begins with https://",
}


class _Alternative(BaseModel):
    """Fact -> permitted values; ``unless`` holds the values that lift it."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, list[str]]  # pyright: ignore[reportIncompatibleVariableOverride] - pydantic's own idiom

    unless: dict[str, list[str]] = Field(default_factory=dict)


class _Rule(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: KebabId
    order: int = Field(ge=1)
    family: Family
    title: Line
    citation: Line
    url: Url
    fix: Line
    why: Prose
    docs: Prose
    when: list[_Alternative] = Field(min_length=1)


class _Pack(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: KebabId
    version: Version
    title: Line
    extends: list[str] = Field(default_factory=list)
    rule: list[_Rule] = Field(default_factory=lambda: list[_Rule]())


_FIELDS: dict[str, type[BaseModel]] = {"": _Pack, "rule": _Rule}


def load_packs(id_or_path: str) -> tuple[Pack, ...]:
    """Return the pack and the packs it extends, those it extends first, each once.

    Raises:
        ConfigurationError: there is no such pack, or a file is wrong.
    """
    packs: dict[str, Pack] = {}
    _load(id_or_path, None, packs, ())
    return tuple(packs.values())


def _load(id_or_path: str, folder: Path | None, packs: dict[str, Pack], parents: tuple[str, ...]) -> None:
    source, home = _read(id_or_path, folder)
    schema = _validate(source)
    if schema.id in parents:
        raise source.error(("extends",), f"the packs extend one another: {' -> '.join((*parents, schema.id))}")
    if not schema.rule and not schema.extends:
        raise source.error((), "the pack has no rules; add a [[rule]] table, or name packs in 'extends'")
    for index, parent in enumerate(schema.extends):
        try:
            _load(parent, home, packs, (*parents, schema.id))
        except ConfigurationError as error:
            raise source.error(("extends", index), str(error)) from None
    packs.setdefault(schema.id, _pack(source, schema))


def _is_path(id_or_path: str) -> bool:
    return id_or_path.endswith(".toml") or "/" in id_or_path or "\\" in id_or_path


def _read(id_or_path: str, folder: Path | None) -> tuple[TomlSource, Path | None]:
    """Return the parsed file, and the folder that its own relative paths start from."""
    if not _is_path(id_or_path):
        return TomlSource.parse(f"{_built_in(id_or_path)}.toml", _built_in_bytes(id_or_path, ".toml")), None
    path = Path(id_or_path)
    try:
        path = path.expanduser() if folder is None else folder / path.expanduser()
        return TomlSource.parse(str(path), path.read_bytes()), path.parent
    except (OSError, RuntimeError) as error:  # the latter where a home folder is not known
        why = error.strerror if isinstance(error, OSError) else error
        raise ConfigurationError(
            f"policy file {str(path)!r} cannot be read: {why}; give the path of a TOML file, "
            f"or one of {', '.join(BUILT_IN)}"
        ) from None


def _built_in(id: str) -> str:
    if id in BUILT_IN:
        return id
    raise ConfigurationError(
        f"there is no policy {id!r}; the choices are {', '.join(BUILT_IN)}, or the path of a TOML file"
        + did_you_mean(id, BUILT_IN)
    )


def _built_in_bytes(id: str, suffix: str) -> bytes:
    return resources.files(__name__.rpartition(".")[0]).joinpath("packs").joinpath(id + suffix).read_bytes()


# --- what a pack may say


def _validate(source: TomlSource) -> _Pack:
    try:
        schema = _Pack.model_validate(source.data)
    except ValidationError as error:
        # A misspelt field is also a missing one; the misspelling is what the reader can act on.
        first = min(error.errors(), key=lambda item: item["type"] != "extra_forbidden")
        raise source.error(first["loc"], _problem(first["loc"], cast("dict[str, Any]", first))) from None
    for place, message in _problems(schema):
        raise source.error(place, message)
    return schema


def _problem(place: Place, error: dict[str, Any]) -> str:
    """Return a message that says what is wrong and what to write, for an error of pydantic's."""
    kind, context = str(error["type"]), cast("dict[str, Any]", error.get("ctx", {}))
    if kind == "extra_forbidden":
        names = list(_FIELDS["rule" if len(place) > 1 else ""].model_fields)
        return (
            f"there is no field {place[-1]!r}; the fields are {', '.join(names)}{did_you_mean(str(place[-1]), names)}"
        )
    if kind == "missing":
        return f"the field {place[-1]!r} is missing"
    if kind == "literal_error":
        choices = str(context["expected"])
        return f"{error['input']!r} is not one of {choices}" + did_you_mean(
            str(error["input"]), [choice.strip(" '") for choice in choices.replace(" or ", ",").split(",")]
        )
    if kind == "string_pattern_mismatch":
        return f"{error['input']!r} is not {_PATTERNS[str(context['pattern'])]}"
    return str(error["msg"])


def _problems(schema: _Pack) -> Iterator[tuple[Place, str]]:
    """Yield what no type can express: ids and orders used twice, unknown facts and values."""
    ids: set[str] = set()
    orders: set[int] = set()
    for index, rule in enumerate(schema.rule):
        if rule.id in ids:
            yield ("rule", index, "id"), f"the rule id {rule.id!r} is used twice"
        if rule.order in orders:
            yield ("rule", index, "order"), f"the order {rule.order} is used twice; rules are reported in this order"
        ids.add(rule.id)
        orders.add(rule.order)
        for number, alternative in enumerate(rule.when):
            place = ("rule", index, "when", number)
            if not alternative.__pydantic_extra__:
                yield place, "names no fact, so the rule would match every request; name at least one fact"
            yield from _condition_problems(place, alternative.__pydantic_extra__)
            yield from _condition_problems((*place, "unless"), alternative.unless)


def _condition_problems(place: tuple[str | int, ...], conditions: dict[str, list[str]]) -> Iterator[tuple[Place, str]]:
    for fact, values in conditions.items():
        hint = did_you_mean(fact, FACT_VALUES)
        if fact not in FACT_VALUES:
            yield (*place, fact), f"there is no fact {fact!r}; the facts are {', '.join(FACT_VALUES)}{hint}"
        elif not values:
            yield (*place, fact), "lists no value; list at least one"
        else:
            problems = (_value_problem(fact, value) for value in values)
            yield from (((*place, fact), problem) for problem in problems if problem)


def _value_problem(fact: str, value: str) -> str | None:
    choices = (*FACT_VALUES[fact], UNKNOWN)
    if value in choices or (fact == "country" and value in countries.CODES):
        return None
    if fact != "country":
        hint = did_you_mean(value, choices)
        return f"{value!r} is not a value of {fact}; the values are {', '.join(choices)}{hint}"
    meant = countries.suggest(value)
    hint = f"; did you mean {meant!r}?" if meant else ""
    return f"{value!r} is not a country; write an ISO 3166-1 alpha-2 code such as 'US', or {UNKNOWN!r}{hint}"


def _pack(source: TomlSource, schema: _Pack) -> Pack:
    rules = sorted(schema.rule, key=lambda rule: rule.order)
    return Pack(
        ref=PolicyRef(schema.id, schema.version, source.digest),
        title=schema.title,
        rules=tuple(
            Rule(
                id=rule.id,
                policy=schema.id,
                order=rule.order,
                family=rule.family,
                title=rule.title,
                citation=rule.citation,
                url=rule.url,
                fix=rule.fix,
                why=rule.why,
                docs=rule.docs,
                alternatives=tuple(
                    Alternative(_conditions(when.__pydantic_extra__), _conditions(when.unless)) for when in rule.when
                ),
            )
            for rule in rules
        ),
    )


def _conditions(listed: dict[str, list[str]]) -> Conditions:
    return tuple((fact, frozenset(values)) for fact, values in listed.items())


# --- case files


@dataclass(frozen=True, slots=True)
class Case:
    """One line of a case file: facts, and the verdict and rules that they must give."""

    line: int
    facts: Facts
    verdict: Verdict
    rules: tuple[str, ...]
    note: str


class _Case(BaseModel):
    model_config = ConfigDict(extra="forbid")

    facts: dict[str, str]
    verdict: Literal["allow", "block"]
    rules: list[str]
    note: Line


def read_cases(id_or_path: str) -> tuple[Case, ...]:
    """Return the cases beside a pack: ``no-face-search.cases.jsonl`` stands beside ``no-face-search.toml``.

    Raises:
        ConfigurationError: there is no case file, or a line of it is wrong; names file and line.
    """
    if _is_path(id_or_path):
        path = Path(id_or_path).expanduser().with_suffix(".cases.jsonl")
        name = str(path)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ConfigurationError(f"case file {name!r} cannot be read: {error.strerror}") from None
    else:
        name = f"{_built_in(id_or_path)}.cases.jsonl"
        content = _built_in_bytes(id_or_path, ".cases.jsonl")
    lines = enumerate(content.decode("utf-8").splitlines(), 1)
    return tuple(_case(name, number, line) for number, line in lines if line.strip())


def _case(name: str, number: int, line: str) -> Case:
    where = f"{name}, line {number}"
    try:
        case = _Case.model_validate(json.loads(line))
    except json.JSONDecodeError as error:
        raise ConfigurationError(f"{where}: not valid JSON: {error.msg} (column {error.colno})") from None
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(f"{where}, field {field}: {first['msg']}") from None
    for place, message in _condition_problems((), {fact: [value] for fact, value in case.facts.items()}):
        raise ConfigurationError(f"{where}, field facts.{place[-1]}: {message}")
    facts = Facts(**{name: Fact(value, "case") for name, value in case.facts.items()})
    return Case(number, facts, case.verdict, tuple(case.rules), case.note)
