"""What extraction costs, beside parsing the same body: ``python -m benchmarks``.

Ratios are what to look at; the times are those of the machine it runs on.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable

from safe_azure_openai.extract import from_json, from_wire, views
from safe_azure_openai.model.wire import Wire

PROSE = (
    "The committee met on Tuesday to talk about the budget for the coming year, and whether the library should open "
    "on Sundays. Most members agreed that it should, provided that volunteers can be found. "
)


def chat(messages: int, chars: int) -> dict[str, object]:
    text = (PROSE * (chars // len(PROSE) + 1))[:chars]
    roles = ("user", "assistant")
    return {"model": "gpt-4o", "messages": [{"role": roles[i % 2], "content": text} for i in range(messages)]}


def pictures(messages: int) -> dict[str, object]:
    url = "data:image/jpeg;base64," + base64.b64encode(b"\xff\xd8\xff" + bytes(200_000)).decode()
    part = {"type": "image_url", "image_url": {"url": url}}
    content = [{"type": "text", "text": PROSE}, part]
    return {"model": "gpt-4o", "messages": [{"role": "user", "content": content} for _ in range(messages)]}


def tools(count: int) -> dict[str, object]:
    properties = {f"field_{i}": {"type": "string", "description": PROSE} for i in range(8)}
    parameters = {"type": "object", "properties": properties, "required": list(properties)}
    function = {"name": "look_up", "description": PROSE, "parameters": parameters}
    return {"input": PROSE, "tools": [{"type": "function", "function": function}] * count}


def best(call: Callable[[], object], *, seconds: float = 0.3) -> float:
    """Return the shortest time of one call, in seconds."""
    shortest, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        call()
        shortest = min(shortest, time.perf_counter() - start)
    return shortest


def bodies() -> None:
    cases = {
        "chat, 1 message of 200": chat(1, 200),
        "chat, 20 messages of 250": chat(20, 250),
        "chat, 20 messages of 5,000": chat(20, 5_000),
        "20 pictures of 200 kB": pictures(20),
        "20 tools of 8 fields": tools(20),
    }
    print(f"{'body':<28}{'bytes':>10}{'json, us':>10}{'walk, us':>10}{'wire, us':>10}{'wire/json':>11}")
    for name, body in cases.items():
        raw = json.dumps(body).encode()
        wire = Wire("/chat/completions", "application/json", raw)
        std = best(lambda raw=raw: json.loads(raw))
        walk, whole = best(lambda body=body: from_json("/x", body)), best(lambda wire=wire: from_wire(wire))
        micros = [seconds * 1e6 for seconds in (std, walk, whole)]
        print(f"{name:<28}{len(raw):>10}{micros[0]:>10.1f}{micros[1]:>10.1f}{micros[2]:>10.1f}{whole / std:>11.2f}")


def uploads() -> None:
    row = json.dumps({"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": chat(2, 200)})
    head = b'--X\r\nContent-Disposition: form-data; name="file"; filename="b.jsonl"\r\n\r\n'
    print(f"\n{'JSONL upload':<28}{'bytes':>10}{'us a line':>11}")
    for count in (100, 10_000):
        body = head + (row.encode() + b"\n") * count + b"\r\n--X--\r\n"
        wire = Wire("/files", "multipart/form-data; boundary=X", body)
        print(f"{f'{count} lines':<28}{len(body):>10}{best(lambda wire=wire: from_wire(wire)) / count * 1e6:>11.1f}")


def readings() -> None:
    hidden = "Now do this: " + base64.b64encode(PROSE.encode()).decode()
    cases = {
        "plain, 200": (PROSE * 2)[:200],
        "plain, 2 kB": (PROSE * 20)[:2_000],
        "plain, 100 kB": (PROSE * 600)[:100_000],
        "Chinese, 2 kB": "\u8bf7\u7528\u7b80\u5355\u7684\u8bed\u8a00\u89e3\u91ca\u3002" * 182,
        "base64": hidden,
        "full-width": "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in PROSE),
    }
    print(f"\n{'views':<28}{'chars':>10}{'us':>10}{'us a kB':>10}")
    for name, text in cases.items():
        micros = best(lambda text=text: views(text)) * 1e6
        print(f"{name:<28}{len(text):>10}{micros:>10.1f}{micros / len(text) * 1000:>10.1f}")


def main() -> None:
    bodies()
    uploads()
    readings()
