"""Write ``extract/vocabulary.txt``: every key, every literal value and every path word of the OpenAI API.

Usage: ``python tests/extract/make_vocabulary.py <openai package directory>...`` (several versions are merged).
Source: the type definitions of the ``openai`` package itself, read as syntax trees; nothing is imported.
Of the types of administration only those of requests are read, and none of webhooks: what is never sent is no matter.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

TARGET = Path(__file__).parents[2] / "src/safe_azure_openai/extract/vocabulary.txt"
#: Values that have no Python type: those of ``type`` and ``format`` in JSON Schema 2020-12, and methods of batch lines.
OTHER_VALUES = (
    "POST GET "
    "array boolean integer null number object string date date-time duration email hostname idn-email ipv4 ipv6 regex "
    "time uri uri-reference uuid"
)
SCHEMA_KEYS = (
    "$anchor $comment $defs $id $ref $schema additionalProperties allOf anyOf const contains default definitions "
    "dependentRequired dependentSchemas deprecated else enum examples exclusiveMaximum exclusiveMinimum format if "
    "items maxItems maxLength maxProperties maximum minItems minLength minProperties minimum multipleOf not oneOf "
    "pattern patternProperties prefixItems properties propertyNames readOnly required then title type "
    "unevaluatedItems unevaluatedProperties uniqueItems writeOnly nullable"
)
#: Fields of batch and fine-tuning lines, Azure's additions, and headers of MCP tools; these have no Python type.
OTHER_KEYS = (
    "custom_id method url body weight functions preferred_output non_preferred_output data_sources authentication "
    "authorization headers file_data video_url fps file_text api-version"
)
PATH = re.compile(r'f?"(/[\w/{}.=, ]+)"')


def trees(package: Path, folder: str) -> Iterator[ast.AST]:
    for file in sorted((package / folder).rglob("*.py")):
        parts = file.relative_to(package).parts
        if "webhooks" not in parts and ("admin" not in parts or file.stem.endswith("_params")):
            yield ast.parse(file.read_text(encoding="utf-8"))


def keys(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            for statement in node.body:
                if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                    yield statement.target.id
        elif isinstance(node, ast.keyword) and node.arg == "alias" and isinstance(node.value, ast.Constant):
            yield str(node.value.value)


def literals(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == "Literal":
            for inner in ast.walk(node.slice):
                if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
                    yield inner.value


def path_words(package: Path) -> Iterator[str]:
    for file in sorted((package / "resources").rglob("*.py")):
        for match in PATH.finditer(file.read_text(encoding="utf-8")):
            yield from (word for word in match.group(1).split("/") if word and "{" not in word)


def vocabulary(packages: Iterable[Path]) -> dict[str, set[str]]:
    """Return the words of each section."""
    found: dict[str, set[str]] = {
        "keys": set(SCHEMA_KEYS.split()) | set(OTHER_KEYS.split()),
        "values": set(OTHER_VALUES.split()),
        "paths": {"openai", "deployments", "v1", "realtime", "live"},
    }
    for package in packages:
        for tree in trees(package, "types"):
            found["keys"].update(keys(tree))
            found["values"].update(literals(tree))
        found["paths"].update(path_words(package))
    return found


def main(packages: list[Path]) -> None:
    lines = [
        "# The fixed words of the OpenAI API; strings that are exactly one of these carry no message.",
        "# Made by tests/extract/make_vocabulary.py from the types of openai 2.54.0, 3.54.0 and 3.57.0.",
    ]
    for section, words in vocabulary(packages).items():
        lines += [f"[{section}]", *sorted(words)]
    TARGET.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]])
