"""What a call with a picture costs with and without the guard, over real HTTP: ``python -m benchmarks calls``.

The stand-in for the service runs in a process of its own and reads nothing of what it gets, so that all that is
measured is the client. Plain and guarded clients take turns. Every picture has bytes of its own. Where the words are
the same each time, they were judged before, and what is left is the picture; words that are new are read as always.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

import openai

from safe_azure_openai import Guard, OpenAI, Tenant
from safe_azure_openai.ocr.engine import is_installed
from safe_azure_openai.testing import Loopback, Received, Reply

from .drawn import encoded, page, photograph, renewed, url
from .guard import REPLY
from .timing import in_turns, p50_p99

ROUNDS = 100
WORDS = "Describe this picture in one sentence, please."


class StandIn(Loopback):
    """Answers everything in the same way, and keeps nothing."""

    def receive(self, request: Received) -> Reply:  # noqa: ARG002 - it is given one
        return Reply.of(REPLY)


def serve(pipe: Connection) -> None:
    """Run the stand-in until the other end of the pipe says something, or is closed."""
    with StandIn() as server:
        pipe.send(server.url)
        pipe.poll(None)


@contextmanager
def stand_in() -> Iterator[str]:
    """Run the stand-in in a process of its own; its address."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs,), daemon=True)
    process.start()
    try:
        yield str(ours.recv())
    finally:
        ours.send(None)
        process.join()


@dataclass(frozen=True)
class Caller:
    """A client, and whether it says something new with each picture."""

    name: str
    client: openai.OpenAI
    is_new: bool = False

    def call(self, number: int, picture: str) -> object:
        words = f"{WORDS} ({self.name}, {len(picture)}, {number})" if self.is_new else WORDS
        content: Any = [{"type": "text", "text": words}, {"type": "image_url", "image_url": {"url": picture}}]
        return self.client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": content}])

    def calls(self, data: bytes, count: int) -> Iterator[Callable[[], object]]:
        """Yield calls, each with other bytes."""
        for number, one in enumerate(renewed(data, count)):
            yield partial(self.call, number, url(one))


def callers(address: str) -> list[Caller]:
    """Return the plain client, and guarded ones: without and with text in pictures, and where all words are read."""
    where: Any = {"api_key": "none", "base_url": address + "/v1", "max_retries": 0}

    def guarded(name: str, guard: Guard, *, is_new: bool = False) -> Caller:
        return Caller(name, OpenAI(**where).with_guard(guard), is_new)

    police = Tenant("law_enforcement", country="US")
    found = [
        Caller("openai", openai.OpenAI(**where)),
        guarded("ocr off, same words", Guard(ocr="off")),
        guarded("ocr off, new words", Guard(ocr="off"), is_new=True),
        guarded("ocr off, new, police", Guard(police, ocr="off"), is_new=True),
    ]
    return [*found, guarded("ocr auto, same words", Guard())] if is_installed() else found


def main() -> None:
    pictures = {
        "photograph, 320 x 240": encoded(photograph(320, 240)),
        "photograph, 1280 x 720": encoded(photograph(1280, 720)),
        "photograph, 4000 x 3000": encoded(photograph(4000, 3000)),
        "screenshot, 1000 x 188": encoded(page(), "PNG"),
    }
    print(f"{'call with one picture':<25}{'bytes':>8}  {'client':<22}", end="")
    print(f"{'p50 ms':>9}{'p99 ms':>9}{'x openai':>10}{'+ ms':>9}")
    with stand_in() as address:
        everybody = callers(address)
        for name, data in pictures.items():
            # A page that is read takes a second, so there are fewer rounds of it.
            rounds = ROUNDS // 5 if name.startswith("screenshot") and is_installed() else ROUNDS
            for caller in everybody:
                caller.call(-1, url(data))
            found = [p50_p99(some) for some in in_turns(*(caller.calls(data, rounds) for caller in everybody))]
            stock = found[0][0]
            for caller, (p50, p99) in zip(everybody, found, strict=True):
                print(f"{name:<25}{len(url(data)):>8}  {caller.name:<22}{p50:>9.2f}{p99:>9.2f}", end="")
                print(f"{p50 / stock:>10.2f}{p50 - stock:>9.2f}")


if __name__ == "__main__":
    main()
