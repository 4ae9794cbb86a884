"""Authored lines to requests and targets: what the encoder is trained to answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safe_azure_openai.extract import from_json
from safe_azure_openai.model.request import Request
from safe_azure_openai.signals.meaning import HEADS

__all__ = ["DATA", "HEADS", "Item", "body", "items", "lines", "made", "subject", "targets"]

DATA = Path(__file__).parent / "data"

#: Acts of the stricter policies, as keys of a line and as questions.
OTHER_ACTS = ("emo", "trait", "track", "scrape")


@dataclass(frozen=True)
class Item:
    """One authored line: the request, the targets (None where the question does not arise), and where it is from."""

    request: Request
    targets: tuple[float | None, ...]
    language: str
    family: str
    author: str
    file: str
    line: dict[str, Any]


def body(line: dict[str, Any]) -> dict[str, Any]:
    """Return the chat completion that an authored line stands for."""
    messages: list[dict[str, Any]] = []
    if line.get("s"):
        messages.append({"role": "system", "content": line["s"]})
    for turn, text in enumerate(line.get("h") or ()):
        messages.append({"role": "assistant" if turn % 2 else "user", "content": text})
    content: list[dict[str, Any]] = []
    if line.get("u"):
        content.append({"type": "text", "text": line["u"]})
    image = {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,/9j/4AAQ"}}
    content += [image] * int(line.get("img") or 0)
    if line.get("fn"):
        content.append({"type": "file", "file": {"filename": line["fn"]}})
    if line.get("tr"):
        messages.append({"role": "user", "content": content})
        messages.append({"role": "tool", "tool_call_id": "call_1", "content": line["tr"]})
    elif content:
        messages.append({"role": "user", "content": content})
    out: dict[str, Any] = {"model": line.get("model", "gpt-4o"), "messages": messages}
    if line.get("user"):
        out["user"] = line["user"]
    if line.get("tools"):
        out["tools"] = [
            {
                "type": "function",
                "function": {
                    "name": tool.get("n", ""),
                    "description": tool.get("d", ""),
                    "parameters": {"type": "object", "description": parameters(tool.get("p"))},
                },
            }
            for tool in line["tools"]
        ]
    return out


def made(line: dict[str, Any], author: str) -> Item:
    """Return the item of a line that was not authored but put together."""
    request = from_json("/chat/completions", body(line))
    return Item(request, targets(line), line["lang"], line.get("k", author), author, "", line)


def parameters(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) if value else ""


def targets(line: dict[str, Any]) -> tuple[float | None, ...]:
    """Return the answers to ``HEADS``. Which country only arises where there is an agency; ``le`` may be unknown."""
    fr, le, cam, live = int(line["fr"]), line.get("le") or "", line.get("cam") or "", int(line.get("live") or 0)
    coop = int(line.get("coop") or 0)
    rt = fr and live and cam in {"body", "dash"} and not coop
    country: tuple[float | None, float | None] = (None, None)
    if le:
        country = (float(le == "US"), float(le not in {"US", "?"}))
    told = None if "le" in line and line["le"] is None else float(bool(le))
    cameras = [float(cam == name) for name in ("body", "dash", "other", "fixed")]
    others = [float(line.get(act) or 0) for act in OTHER_ACTS]
    return (
        float(fr), told, float(bool(fr and le)), *country, *cameras,
        float(live), float(coop), float(rt), *others,
    )  # fmt: skip


def subject(line: dict[str, Any]) -> tuple[float, float]:
    """Return whether some policy could forbid what is asked for, and whether there is someone it is forbidden to.

    What the screen is asked: not what holds, but what could be there.
    """
    act = bool(line["fr"]) or any(line.get(name) for name in OTHER_ACTS)
    live = bool(line.get("live")) and line.get("cam") in {"body", "dash"}
    return float(act), float(bool(line.get("le")) or live)


def lines(path: Path, *keys: str) -> Iterator[dict[str, Any]]:
    """Yield the objects in the lines of a file, each of which has ``keys``."""
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            line = json.loads(text)
        except ValueError as error:
            raise SystemExit(f"{path}:{number}: {error!r}") from error
        if missing := [key for key in keys if key not in line]:
            raise SystemExit(f"{path}:{number}: there is no {', '.join(missing)}")
        yield line


def items(root: Path = DATA) -> Iterator[Item]:
    """Yield every authored line below ``root``, by author and file."""
    for path in sorted(root.glob("*/*.jsonl")):
        for number, text in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
            if not text.strip():
                continue
            try:
                line = json.loads(text)
                yield Item(
                    from_json("/chat/completions", body(line)),
                    targets(line),
                    line.get("lang", "en"),
                    line.get("k", ""),
                    path.parent.name,
                    path.stem,
                    line,
                )
            except (ValueError, KeyError, TypeError) as error:
                raise SystemExit(f"{path}:{number}: {error!r}") from error
