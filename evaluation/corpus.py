"""Labelled requests as they lie on disk: one JSON object a line.

``id, slice, lang, tenant, calls, label, rules``; a line with ``text`` instead of ``calls`` is an ordinary prompt, which
must pass without a tenant and under that of a US police department.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safe_azure_openai.extract import from_json, from_wire
from safe_azure_openai.model.request import Request
from safe_azure_openai.model.wire import Wire
from safe_azure_openai.tenant import Tenant

POLICE = {"sector": "law_enforcement", "country": "US", "serves": None}
#: What ``$IMG`` in a data URL stands for: a grey pixel.
PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="


@dataclass(frozen=True)
class Item:
    """One labelled request: its calls in order; the label is that of the last. ``family`` names what it varies."""

    id: str
    file: str
    slice: str
    language: str
    tenant: dict[str, Any] | None
    calls: tuple[dict[str, Any], ...]
    is_violation: bool
    rules: tuple[str, ...]
    family: str = ""


def load(path: Path) -> Iterator[Item]:
    """Yield the items of one JSONL file; an ordinary prompt gives two."""
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line.replace("$IMG", PICTURE))
            if "calls" in row:
                yield Item(
                    row["id"], path.stem, row["slice"], row["lang"], row["tenant"], tuple(row["calls"]),
                    row["label"] == "block", tuple(row.get("rules") or ()), row.get("family_seed") or "",
                )  # fmt: skip
                continue
            body = {"model": "gpt-4o", "messages": [{"role": "user", "content": row["text"]}]}
            calls = ({"path": "/chat/completions", "body": body},)
            for name, tenant in (("no tenant", None), ("US police", POLICE)):
                yield Item(f"{row['id']}/{name}", path.stem, name, row["lang"], tenant, calls, False, ())
        except (ValueError, KeyError) as error:
            raise SystemExit(f"{path}:{number}: not an item of a corpus: {error!r}") from error


def tenant_of(fields: Mapping[str, Any] | None) -> Tenant:
    """Return the tenant that an item declares."""
    told = fields or {}
    return Tenant(told.get("sector") or "unknown", country=told.get("country"), serves=told.get("serves"))


def requests_of(call: dict[str, Any]) -> tuple[Request, ...]:
    """Return what the guard would judge for one call of an item."""
    body = call.get("body") or call
    if "file_text" not in body:
        return (from_json(call["path"], body),)
    head = f'--x\r\nContent-Disposition: form-data; name="purpose"\r\n\r\n{body.get("purpose", "")}\r\n'
    file = f'--x\r\nContent-Disposition: form-data; name="file"; filename="u.jsonl"\r\n\r\n{body["file_text"]}\r\n'
    return from_wire(Wire("/files", "multipart/form-data; boundary=x", (head + file + "--x--\r\n").encode()))
