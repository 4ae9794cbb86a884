"""Put our four classes in the place of openai's in a test file, without moving any other line's code."""

from __future__ import annotations

import ast

CLASSES = frozenset({"OpenAI", "AsyncOpenAI", "AzureOpenAI", "AsyncAzureOpenAI"})
OURS = "safe_azure_openai"


def rebound(source: str) -> str:
    """Return ``source`` with each name that an import binds to one of the classes bound to ours instead.

    After ``from openai import AsyncOpenAI as A`` comes ``from safe_azure_openai import AsyncOpenAI as A``, on the same
    line; ``openai.AsyncOpenAI`` becomes ``safe_azure_openai.AsyncOpenAI``. Imports for type checkers are left alone.
    """
    tree = ast.parse(source)
    lines = source.splitlines(keepends=True)
    edits: list[tuple[int, int, int, str]] = []  # line, column, length, text; offsets are in bytes
    names = {"openai"}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and (node.module or "").split(".")[0] == "openai":
            bound = [alias for alias in node.names if alias.name in CLASSES]
            if bound:
                imported = ", ".join(f"{alias.name} as {alias.asname or alias.name}" for alias in bound)
                assert node.end_lineno is not None
                assert node.end_col_offset is not None
                edits.append((node.end_lineno, node.end_col_offset, 0, f"; from {OURS} import {imported}"))
        elif isinstance(node, ast.Import):
            names |= {alias.asname for alias in node.names if alias.name == "openai" and alias.asname}
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load) and node.attr in CLASSES):
            continue
        value = node.value
        if isinstance(value, ast.Name) and value.id in names:
            edits.append((value.lineno, value.col_offset, len(value.id), f'__import__("{OURS}")'))
    for line, column, length, text in sorted(edits, reverse=True):
        raw = lines[line - 1].encode()
        lines[line - 1] = (raw[:column] + text.encode() + raw[column + length :]).decode()
    return "".join(lines)
