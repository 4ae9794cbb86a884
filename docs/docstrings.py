"""A class or a function as Markdown: its docstring, its fields, its signature, its methods and properties."""

from __future__ import annotations

import ast
import dataclasses
import importlib.util
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from typing import Any, Literal, get_args, get_origin

#: Characters of the longest signature that stands on one line.
LINE = 100

#: Public by their spelling, but called by the package's own parts only, and with values that are not promised.
INTERNAL = frozenset(
    {
        "Guard.judge",
        "Guard.admit",
        "Tenant.from_settings",
        "Policy.evaluate",
        "Policy.flips",
        "MarkerGuard.admit",
        "Loopback.receive",
        "Loopback.response",
        "Loopback.hear",
        "Loopback.opened",
        "Loopback.closed",
    }
)

_SECTION = re.compile(r"(Args|Returns|Raises|Attributes|Raises, besides what `openai` raises):")
_ITEM = re.compile(r" {4}([\w.*]+): (.*)")


def prose(docstring: str | None) -> str:
    """Return a docstring as Markdown for docs/reference: marks for code, links to pages, sections as lists."""
    text = re.sub(r"docs/([\w/-]+)\.md", _link, inspect.cleandoc(docstring or ""))
    text = re.sub(r":\w+:`~?([\w.]+)`", lambda match: f"`{match[1].rpartition('.')[2]}`", text).replace("``", "`")
    out: list[str] = []
    section = ""
    for line in text.split("\n"):
        if _SECTION.fullmatch(line):
            section = line
            out += ["", f"**{line}**", ""]
        elif not section or not line.startswith(" "):
            section = section if not line else ""
            out.append(line)
        elif section != "Returns:" and (item := _ITEM.match(line)):
            out.append(f"- `{item[1]}`: {item[2]}")
        else:
            out.append(line.strip() if section == "Returns:" else f"  {line.strip()}")
    return "\n".join(out)


def _link(page: re.Match[str]) -> str:
    title = page[1].rpartition("/")[2].replace("-", " ").capitalize()
    return f"[{title}](../{page[1]}.md)".replace("../reference/", "")


def signature(name: str, function: Callable[..., Any], *, is_method: bool = False) -> str:
    """Return a signature as it is written in the source, one line where it fits."""
    definition = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    if not isinstance(definition, (ast.FunctionDef, ast.AsyncFunctionDef)):
        raise TypeError(f"{name} is not a function")
    module = function.__module__
    parameters = list(_parameters(definition.args, module))[1 if is_method else 0 :]
    returns = definition.returns if name[0].islower() else None  # that of a constructor says nothing
    arrow = f" -> {_spelt_out(returns, module)}" if returns else ""
    line = f"{name}({', '.join(parameters)}){arrow}"
    if len(line) > LINE:
        rows = "".join(f"    {parameter},\n" for parameter in parameters)
        line = f"{name}(\n{rows}){arrow}"
    return f"```py\n{line}\n```"


def _parameters(arguments: ast.arguments, module: str) -> Iterator[str]:
    plain = [*arguments.posonlyargs, *arguments.args]
    defaults: list[ast.expr | None] = [None] * (len(plain) - len(arguments.defaults)) + list(arguments.defaults)
    for argument, default in zip(plain, defaults, strict=True):
        yield _parameter(argument, default, module)
    if arguments.vararg:
        yield f"*{_parameter(arguments.vararg, None, module)}"
    elif arguments.kwonlyargs:
        yield "*"
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        yield _parameter(argument, default, module)


def _parameter(argument: ast.arg, default: ast.expr | None, module: str) -> str:
    typed = argument.arg + (f": {_spelt_out(argument.annotation, module)}" if argument.annotation else "")
    equals = " = " if argument.annotation else "="
    return typed + (equals + ast.unparse(default).replace("'", '"') if default else "")


def _spelt_out(annotation: ast.expr | str, module: str) -> str:
    """Return a type with the choices in the place of a name that stands for them in that module, such as ``Mode``."""

    def choices(word: re.Match[str]) -> str:
        value = getattr(sys.modules[module], word[0], None) or _imported(word[0], module)
        return f"Literal[{', '.join(map(repr, get_args(value)))}]" if get_origin(value) is Literal else word[0]

    text = annotation if isinstance(annotation, str) else ast.unparse(annotation)
    return re.sub(r"\b[A-Z]\w*\b", choices, text).replace("'", '"')


def _imported(name: str, module: str) -> object:
    """Return what a module imports from this package under that name, if only for type checkers; else None."""
    for node in ast.walk(ast.parse(inspect.getsource(sys.modules[module]))):
        if isinstance(node, ast.ImportFrom) and node.level and name in [alias.name for alias in node.names]:
            path = importlib.util.resolve_name("." * node.level + (node.module or ""), sys.modules[module].__package__)
            return getattr(importlib.import_module(path), name, None)
    return None


def described(cls: type) -> str:
    """Return a class with its fields or its constructor, its docstring, its methods and its properties."""
    parts = [f"## `{cls.__name__}`"]
    if _is_client(cls):
        parts.append(f"Takes exactly what `openai.{cls.__name__}` takes.")
    elif dataclasses.is_dataclass(cls):
        parts.append(_fields(cls))
    elif "__init__" in vars(cls) and not getattr(cls, "_is_protocol", False):
        parts.append(signature(cls.__name__, vars(cls)["__init__"], is_method=True))
    return "\n\n".join([*parts, prose(cls.__doc__), *_members(cls)])


def _fields(cls: Any) -> str:
    shown = [field for field in dataclasses.fields(cls) if field.name[0] != "_"]
    kinds = [_spelt_out(str(field.type), cls.__module__).replace(" | ", " or ") for field in shown]
    rows = [f"| `{field.name}` | `{kind}` |" for field, kind in zip(shown, kinds, strict=True)]
    return "\n".join(["| field | type |", "| --- | --- |", *rows])


def _members(cls: type) -> Iterator[str]:
    for name, member in vars(cls).items():
        full = f"{cls.__name__}.{name}"
        if name.startswith("_") or full in INTERNAL or not _is_documented(member) or _is_upstream(cls, name):
            continue
        if isinstance(member, property):
            yield f"### `{full}`\n\n{prose(member.__doc__)}"
        else:
            function = getattr(cls, name)
            call = signature(name, function, is_method=not isinstance(member, staticmethod))
            yield f"### `{full}`\n\n{call}\n\n{prose(function.__doc__)}"


def _is_documented(member: object) -> bool:
    is_shown = inspect.isfunction(member) or isinstance(member, (classmethod, staticmethod, property))
    return is_shown and bool(member.__doc__)


def _is_client(cls: type) -> bool:
    return any(base is not cls and base.__name__ == cls.__name__ for base in _openai(cls))


def _is_upstream(cls: type, name: str) -> bool:
    """Return whether ``openai`` has a method of that name: ours has the same signature, and is documented there."""
    return any(hasattr(base, name) for base in _openai(cls))


def _openai(cls: type) -> Iterator[type]:
    return (base for base in cls.__mro__ if base.__module__.partition(".")[0] == "openai")
