"""The lines of a JSONL file."""

from __future__ import annotations

from collections.abc import Iterator

from .decoding import Undecodable, decode_json


def lines(text: str) -> Iterator[tuple[int, object]] | None:
    """Return the numbered values of a JSONL file, ``None`` if ``text`` is none.

    A file is JSONL if its first line that is not blank is a JSON object; a file that holds one object over several
    lines is not. Numbers count from 1 and blank lines count. A line that is no JSON comes as an ``Undecodable``.
    """
    first = text.lstrip().partition("\n")[0]
    if not first.startswith("{"):
        return None
    try:
        decode_json(first.encode("utf-8", "surrogatepass"))
    except Undecodable:
        return None
    return _values(text)


def _values(text: str) -> Iterator[tuple[int, object]]:
    # Only a line feed ends a line: a value may hold U+2028 and its kind, at which `splitlines` would cut.
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield number, decode_json(line.encode("utf-8", "surrogatepass"))
            except Undecodable as error:
                yield number, error
