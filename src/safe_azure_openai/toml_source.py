"""TOML files that can say where a value stands, so that an error names file, line and field."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .errors import ConfigurationError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["Place", "TomlSource"]

#: A path into a TOML document: keys, and indices (from 0) of arrays.
Place = Sequence["str | int"]

_HEADER = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?")
_KEY = re.compile(r"""\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*=""")
_LONG_QUOTE = re.compile('"""|' + "'''")


@dataclass(frozen=True, slots=True)
class TomlSource:
    """One parsed file: its name for messages, its text, its data, and the SHA-256 of its bytes."""

    name: str
    text: str
    data: dict[str, object]
    digest: str

    @classmethod
    def parse(cls, name: str, content: bytes) -> TomlSource:
        """Return the parsed file.

        Raises:
            ConfigurationError: ``content`` is not UTF-8 or not TOML; names file, line and column.
        """
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            raise ConfigurationError(f"{name}, line {line}: not UTF-8 text; save the file as UTF-8") from None
        try:
            data: dict[str, object] = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            end = f"at line {len(text.splitlines())}, the last"
            problem = str(error).replace("at end of document", end)
            raise ConfigurationError(
                f'{name}: not valid TOML: {problem}; write name = "text" on a line of its own, and each name once'
            ) from None
        return cls(name, text, data, hashlib.sha256(content).hexdigest())

    def line_of(self, place: Place) -> int:
        """Return the line (from 1) of the deepest part of ``place`` that is written in the file."""
        best_line, best_depth = 1, 0
        for line, path in _paths(self.text):
            depth = _common(path, place)
            if depth == len(path) and depth > best_depth:
                best_line, best_depth = line, depth
        return best_line

    def error(self, place: Place, message: str) -> ConfigurationError:
        """Return the error to raise about the value at ``place``."""
        field = ".".join(str(part + 1) if isinstance(part, int) else part for part in place)
        return ConfigurationError(f"{self.name}, line {self.line_of(place)}, field {field or '(file)'}: {message}")


def _paths(text: str) -> Iterator[tuple[int, tuple[str | int, ...]]]:
    """Yield each line that opens a table or sets a key, with the path it opens or sets."""
    table: tuple[str | int, ...] = ()
    counts: dict[tuple[str | int, ...], int] = {}
    closing = ""
    for number, line in enumerate(text.splitlines(), 1):
        if closing:
            closing = "" if closing in line else closing
            continue
        if header := _HEADER.match(line):
            table = _table(_keys(header[2]), header[1] == "[[", counts)
            yield number, table
        elif key := _KEY.match(line):
            yield number, (*table, *_keys(key[1]))
        quote = _LONG_QUOTE.search(line)
        if quote and line.count(quote[0]) % 2:
            closing = quote[0]


def _keys(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))


def _table(keys: tuple[str, ...], is_array: bool, counts: dict[tuple[str | int, ...], int]) -> tuple[str | int, ...]:
    """Return the path of a table header, with the index of each array of tables that it passes through."""
    path: tuple[str | int, ...] = ()
    for index, key in enumerate(keys):
        path = (*path, key)
        if is_array and index == len(keys) - 1:
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path


def _common(path: Place, place: Place) -> int:
    depth = 0
    for ours, theirs in zip(path, place, strict=False):
        if ours != theirs:
            break
        depth += 1
    return depth
