"""Fields of forms and queries: names with brackets become nested values, as the API reads them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import parse_qsl

from ..model.request import Origin
from .walk import Walk, below

# The keys of image[], metadata[agency], chunking_strategy[static][max]. Must not match a[b in "a[b".
_BRACKETS = re.compile(r"\[([^\[\]]*)\]")
_NAME = re.compile(rf"[^\[\]]*(?:{_BRACKETS.pattern})*")


def pairs(text: str) -> list[tuple[str, str]]:
    """Return the names and values of a query or of an application/x-www-form-urlencoded body, decoded."""
    return parse_qsl(text, keep_blank_values=True, errors="replace")


def read_fields(walk: Walk, fields: Iterable[tuple[str, str]], base: str, origin: Origin) -> None:
    """Read named strings as the body of a call would be read, each below ``base``.

    ``a[b][c]`` is read as ``{"a": {"b": {"c": ...}}}`` but keeps its own pointer. A name that comes again gets an
    index, from 1, below it.
    """
    seen: dict[str, int] = {}
    for name, value in fields:
        pointer = below(base, name)
        count = seen[name] = seen.get(name, -1) + 1
        own = Walk()
        own.value(_nested(name, value), origin=origin)
        walk.adopt(own, below(pointer, str(count)) if count else pointer)


def _nested(name: str, value: str) -> dict[str, object]:
    if _NAME.fullmatch(name) is None:
        return {name: value}
    nested: object = value
    for key in reversed([key for key in _BRACKETS.findall(name) if key]):
        nested = {key: nested}
    return {name.partition("[")[0]: nested}
