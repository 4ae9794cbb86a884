"""Send each item through the real client, and count what would leave the machine."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import openai

from safe_azure_openai import Decision, Guard, InspectionError, OpenAI, PolicyViolation, Tenant
from safe_azure_openai.streams import MemoryStore, Streams
from safe_azure_openai.testing import Loopback, Received

from .corpus import Item, tenant_of

#: The HTTP library that this ``openai`` is built on.
http: Any = importlib.import_module(openai.DefaultHttpxClient.__mro__[1].__module__.partition(".")[0])


@dataclass(frozen=True)
class Outcome:
    """What became of an item. ``sent`` counts the requests and frames that left at its last call."""

    item: Item
    blocked: bool
    rules: tuple[str, ...]
    sent: int
    error: str
    judged_us: float
    screened: bool

    @property
    def leaked(self) -> bool:
        """Whether something left although the call was stopped. A socket's earlier events may have."""
        return self.blocked and self.sent > 0 and self.item.calls[-1]["path"] != "/realtime"


class Last:
    """A sink that keeps the latest decision."""

    decision: Decision | None = None

    def record(self, decision: Decision, *, tenant: Tenant, sent: bool) -> None:  # noqa: ARG002 - a sink is given them
        self.decision = decision


class Arrivals:
    """The clock of an item: the time that its latest call gives as ``t``, in seconds; where none does, that of now."""

    def __init__(self) -> None:
        self._at: float | None = None

    def __call__(self) -> float:
        return time.time() if self._at is None else self._at

    def note(self, call: Mapping[str, Any]) -> None:
        """Go on to when a call arrives."""
        if "t" in call:
            self._at = float(call["t"])


@lru_cache
def guard_for(tenant: tuple[tuple[str, Any], ...]) -> tuple[Guard, Last]:
    last = Last()
    return Guard(tenant_of(dict(tenant)), sinks=[last]), last


def run(item: Item, server: Loopback) -> Outcome:
    """Return what became of ``item``: its calls are sent in order by one client of its own, at the times it gives."""
    guard, last = guard_for(tuple((item.tenant or {}).items()))
    last.decision = None
    blocked, rules, error, sent = False, (), "", 0
    server.forget()
    client = _client(server, listens=any(call["path"] == "/realtime" for call in item.calls)).with_guard(guard)
    arrivals = Arrivals()
    _keep_time(client, arrivals)
    for call in item.calls:
        arrivals.note(call)
        before = len(server.requests) + len(server.frames)
        try:
            _send(client, call)
        except PolicyViolation as violation:
            blocked, rules = True, violation.rules
        except InspectionError:
            blocked, rules = True, ("not inspected",)
        except Exception as raised:  # noqa: BLE001 - an item that breaks is counted, and the run goes on
            error = f"{type(raised).__name__}: {raised}"[:200]
        sent = len(server.requests) + len(server.frames) - before
        if blocked or error:
            break
    judged_us, screened = (last.decision.duration_us, last.decision.screened) if last.decision else (0.0, False)
    return Outcome(item, blocked, rules, sent, error, judged_us, screened)


def _keep_time(client: OpenAI, clock: Callable[[], float]) -> None:
    """Let the pictures that a client sends arrive by this clock."""
    session = client._enforcement.session  # noqa: SLF001 - no application has to tell the guard the time
    session.streams = Streams(MemoryStore(clock=clock), clock=clock)


def _client(server: Loopback, *, listens: bool) -> OpenAI:
    """Return a client of the stand-in: over loopback where sockets are needed, else within this process."""
    if listens:
        return OpenAI(api_key="none", base_url=server.url + "/v1", max_retries=0)

    def handle(request: Any) -> Any:
        path = request.url.path.removeprefix("/v1")
        headers = tuple(request.headers.items())
        reply = server.receive(Received(request.method, path, str(request.url), headers, request.content))
        return http.Response(reply.status, content=b"".join(reply.chunks), headers={"content-type": reply.content_type})

    transport = http.MockTransport(handle)
    return OpenAI(
        api_key="none",
        base_url="http://stand-in.invalid/v1",
        max_retries=0,
        http_client=http.Client(transport=transport),
    )


def _send(client: OpenAI, call: Mapping[str, Any]) -> None:
    """Send one call of an item as an application would."""
    body = call.get("body") or call
    if "file_text" in body:
        lines = body.get("purpose") in ("batch", "fine-tune", "evals")
        name = body.get("filename") or ("upload.jsonl" if lines else "upload.txt")
        client.files.create(file=(name, body["file_text"].encode()), purpose=body.get("purpose") or "assistants")
    elif "events" in body:
        with client.realtime.connect(model=body.get("model") or "gpt-realtime") as connection:
            for event in body["events"]:
                connection.send(event)
    else:
        client.post(call["path"], body=dict(body), cast_to=http.Response)
