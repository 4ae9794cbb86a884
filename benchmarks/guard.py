"""What a check costs, and what a guarded call costs beside a plain one: ``python -m benchmarks``.

Ratios are what to look at; the times are those of the machine it runs on.
"""

from __future__ import annotations

import importlib
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import openai

from safe_azure_openai import Guard, OpenAI, Tenant

PROSE = (
    "The committee met on Tuesday to talk about the budget for the coming year, and whether the library should open "
    "on Sundays. Most members agreed that it should, provided that volunteers can be found. "
)
CANDIDATE = "Detective Ruiz, Mesa PD. Which of the six booking photos is the man on the porch camera? "
REPLY = {
    "id": "chatcmpl_1",
    "object": "chat.completion",
    "created": 0,
    "model": "gpt-4o",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Yes."}}],
}


def chat(text: str) -> dict[str, Any]:
    return {"model": "gpt-4o", "messages": [{"role": "user", "content": text}]}


def quantiles(call: Callable[[int], object], rounds: int) -> tuple[float, float]:
    """Return the median and the 95th percentile of one call, in microseconds."""
    times = []
    for n in range(rounds):
        began = time.perf_counter()
        call(n)
        times.append((time.perf_counter() - began) * 1e6)
    return statistics.median(times), statistics.quantiles(times, n=20)[18]


def checks() -> None:
    """Print what ``Guard.check`` costs beside parsing the same body as JSON. No text comes twice."""
    print(f"{'check':<34}{'bytes':>9}{'p50 us':>10}{'p95 us':>10}{'x json':>9}")
    nobody, police = Guard(), Guard(Tenant("law_enforcement", country="US"))
    cases = [
        ("ordinary, no tenant", nobody, "", (200, 2_000, 100_000)),
        ("ordinary, police tenant", police, "", (200, 2_000, 100_000)),
        ("candidate", nobody, CANDIDATE, (200, 2_000, 100_000)),
    ]
    for name, guard, start, sizes in cases:
        for size in sizes:
            text = (start + PROSE * (size // len(PROSE) + 1))[:size]
            raw = json.dumps(chat(text))
            parse, _ = quantiles(lambda _, raw=raw: json.loads(raw), 50)
            guard.check("/chat/completions", chat(text))
            p50, p95 = quantiles(
                lambda n, guard=guard, text=text: guard.check("/chat/completions", chat(f"{n} {text}")),
                200 if size < 10_000 and not start else 30,
            )
            print(f"{name:<34}{len(raw):>9}{p50:>10.0f}{p95:>10.0f}{p50 / parse:>9.1f}")


def calls() -> None:
    """Print what a whole call costs with and without the guard, over a transport inside the process."""
    http: Any = importlib.import_module(openai.DefaultHttpxClient.__mro__[1].__module__.partition(".")[0])
    transport = http.MockTransport(lambda _: http.Response(200, json=REPLY))

    def client(cls: type[openai.OpenAI]) -> openai.OpenAI:
        return cls(api_key="none", base_url="http://x.invalid/v1", http_client=http.Client(transport=transport))

    text = (PROSE * 12)[:2_000]
    plain, guarded = client(openai.OpenAI), client(OpenAI)

    def call(some: openai.OpenAI) -> Callable[[int], object]:
        def one(n: int) -> object:
            messages: Any = [{"role": "user", "content": f"{n} {text}"}]
            return some.chat.completions.create(model="gpt-4o", messages=messages)

        return one

    # In turns, so that both meet the same machine.
    rounds = [(quantiles(call(plain), 60)[0], quantiles(call(guarded), 60)[0]) for _ in range(5)]
    stock, ours = (statistics.median(column) for column in zip(*rounds, strict=True))
    print(f"\nwhole call, 2 KB: openai {stock:.0f} us, guarded {ours:.0f} us, ratio {ours / stock:.2f}")


def main() -> None:
    checks()
    calls()
