"""The lines of a JSONL file."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from .decoding import Undecodable, decode_json

#: Lines by which a file is known.
_LOOKED_AT = 20


def lines(text: str) -> Iterator[tuple[int, object]] | None:
    """Return the numbered values of a JSONL file, ``None`` if ``text`` is none.

    A file is JSONL if its first line that is not blank is a JSON object, and most of those at its beginning are JSON;
    one that holds an object over several lines is not, nor is a log whose first entry is one. Numbers count from 1 and
    blank lines count. A line that is no JSON comes as an ``Undecodable``.
    """
    if not text.lstrip().startswith("{"):
        return None
    broken = [isinstance(value, Undecodable) for _, value in islice(_values(text), _LOOKED_AT)]
    return None if broken[0] or sum(broken) * 2 > len(broken) else _values(text)


def _values(text: str) -> Iterator[tuple[int, object]]:
    # Only a line feed ends a line: a value may hold U+2028 and its kind, at which `splitlines` would cut.
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield number, decode_json(line.encode("utf-8", "surrogatepass"))
            except Undecodable as error:
                yield number, error
