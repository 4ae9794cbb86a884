"""The retries of ``openai`` stay as they are: as many attempts, the same waits, the same headers, the same errors."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import openai
import openai._base_client
import pytest

import safe_azure_openai
from safe_azure_openai.testing import MarkerGuard

from .flaky import Answer, Flaky

#: Headers that differ between two runs of the same program, or name the server.
VARYING = ("host", "x-stainless-runtime-version")
MESSAGES: Any = [{"role": "user", "content": "Hello"}]

#: What goes wrong before all is well.
CASES: dict[str, list[Answer]] = {
    **{str(status): [Answer(status)] * 2 for status in (408, 409, 429, 500, 502, 503, 504, 599)},
    "429 with Retry-After": [Answer(429, {"Retry-After": "7"}), Answer(429, {"retry-after-ms": "250"})],
    "429 with a Retry-After that is refused or unreadable": [
        Answer(429, {"Retry-After": "0"}),
        Answer(429, {"Retry-After": "soon"}),
    ],
    "503 with Retry-After": [Answer(503, {"Retry-After": "59.5"})],
    "429 with a Retry-After beyond what is honoured": [Answer(429, {"Retry-After": "3600"})],
    "429 with a Retry-After beyond a minute": [Answer(429, {"Retry-After": "90"})],
    "429 with resets": [Answer(429, {"x-ratelimit-reset-tokens": "20", "x-ratelimit-remaining-tokens": "0"})],
    "400 that the server wants retried": [Answer(400, {"x-should-retry": "true"})],
    "503 that the server wants left": [Answer(503, {"x-should-retry": "false"})],
    "400": [Answer(400, body={"error": {"message": "no"}})],
    "401": [Answer(401)],
    "404": [Answer(404)],
    "no end": [Answer(503)] * 9,
    "a dropped connection": [Answer(fault="drop")],
    "dropped connections without end": [Answer(fault="drop")] * 9,
    "a timeout": [Answer(fault="hang")],
    "timeouts without end": [Answer(fault="hang")] * 9,
    "a mixture": [Answer(fault="drop"), Answer(429, {"Retry-After": "2"}), Answer(500)],
}


@dataclass
class Seen:
    """What a program and a server see of one call."""

    outcome: Any
    requests: list[Any]
    slept: list[float]


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the seconds that are slept from now on; nobody waits for them, and chance is taken out."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr("time.sleep", waits.append)
    monkeypatch.setattr("anyio.sleep", sleep)
    monkeypatch.setattr(openai._base_client, "random", lambda: 0.5)
    return waits


def comparable(server: Flaky) -> list[Any]:
    """Return the requests without what differs by chance; an idempotency key is named by its order."""
    keys: list[str] = []
    out: list[Any] = []
    for request in server.requests:
        headers = {name: value for name, value in request.headers.items() if name not in VARYING}
        for name, value in headers.items():
            if value.startswith("stainless-python-retry-"):
                keys += [value] if value not in keys else []
                headers[name] = f"key {keys.index(value)}"
        out.append((request.target, headers, request.body))
    return out


def patience(case: str) -> float:
    """Return the client's timeout: short only where the server lets it run out."""
    return 0.25 if any(answer.fault == "hang" for answer in CASES[case]) else 10


def outcome_of(error: openai.OpenAIError) -> tuple[Any, ...]:
    return (type(error), str(error), getattr(error, "status_code", None), type(error.__cause__))


def options(name: str, url: str, *, max_retries: int | None, timeout_s: float = 10) -> dict[str, Any]:
    where: dict[str, Any] = {"azure_endpoint": url, "api_version": "1"} if "Azure" in name else {"base_url": url}
    retries = {} if max_retries is None else {"max_retries": max_retries}
    return {"api_key": "none", "timeout": timeout_s, **where, **retries}


def made(module: Any, name: str, **given: Any) -> Any:
    client = getattr(module, name)(**given)
    return client.with_guard(MarkerGuard()) if module is safe_azure_openai else client


def call(module: Any, name: str, url: str, max_retries: int | None, timeout_s: float = 10) -> Any:
    with made(module, name, **options(name, url, max_retries=max_retries, timeout_s=timeout_s)) as client:
        try:
            return client.chat.completions.create(model="m", messages=MESSAGES).id
        except openai.OpenAIError as error:
            return outcome_of(error)


async def call_async(module: Any, name: str, url: str, max_retries: int | None, timeout_s: float) -> Any:
    async with made(module, name, **options(name, url, max_retries=max_retries, timeout_s=timeout_s)) as client:
        try:
            return (await client.chat.completions.create(model="m", messages=MESSAGES)).id
        except openai.OpenAIError as error:
            return outcome_of(error)


@pytest.mark.parametrize("max_retries", [None, 0, 3])
@pytest.mark.parametrize("case", CASES)
def test_a_program_is_served_and_waits_as_with_openai(case: str, max_retries: int | None, slept: list[float]) -> None:
    runs: list[Seen] = []
    for module in (openai, safe_azure_openai):
        with Flaky(*CASES[case], Answer()) as server:
            outcome = call(module, "AzureOpenAI", server.url, max_retries, patience(case))
            runs.append(Seen(outcome, comparable(server), list(slept)))
            slept.clear()
    assert runs[0] == runs[1]
    assert len(runs[0].slept) == len(runs[0].requests) - 1, "each retry was waited for, and nothing else"


@pytest.mark.parametrize("case", CASES)
async def test_an_asynchronous_program_is_served_and_waits_as_with_openai(case: str, slept: list[float]) -> None:
    runs: list[Seen] = []
    for module in (openai, safe_azure_openai):
        with Flaky(*CASES[case], Answer()) as server:
            outcome = await call_async(module, "AsyncAzureOpenAI", server.url, None, patience(case))
            runs.append(Seen(outcome, comparable(server), list(slept)))
            slept.clear()
    assert runs[0] == runs[1]
    assert len(runs[0].slept) == len(runs[0].requests) - 1


@pytest.mark.parametrize("name", ["OpenAI", "AzureOpenAI"])
def test_a_server_that_is_not_there_is_asked_as_often(name: str, slept: list[float]) -> None:
    with socket.socket() as taken:  # bound, and not listening: connections are refused
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        runs: list[Any] = []
        for module in (openai, safe_azure_openai):
            outcome = call(module, name, url, None)
            runs.append((outcome, list(slept)))
            slept.clear()
    assert runs[0] == runs[1]
    assert runs[0][0][0] is openai.APIConnectionError
    assert len(runs[0][1]) == 2


@pytest.mark.parametrize("module", [openai, safe_azure_openai])
def test_the_cases_say_what_they_mean(module: Any, slept: list[float]) -> None:
    counted: dict[str, tuple[int, list[float]]] = {}
    for case in ("429", "429 with Retry-After", "400", "no end", "a timeout"):
        with Flaky(*CASES[case], Answer()) as server:
            call(module, "OpenAI", server.url, None, patience(case))
            counted[case] = (len(server.requests), list(slept))
            slept.clear()
    assert counted == {
        "429": (3, [0.4375, 0.875]),
        "429 with Retry-After": (3, [7.0, 0.25]),
        "400": (1, []),
        "no end": (3, [0.4375, 0.875]),
        "a timeout": (2, [0.4375]),
    }


def test_a_violation_is_raised_at_once_and_nothing_is_sent(slept: list[float]) -> None:
    with Flaky(Answer(503)) as server:
        client = made(safe_azure_openai, "OpenAI", **options("OpenAI", server.url, max_retries=5))
        forbidden: Any = [{"role": "user", "content": "FORBIDDEN"}]
        with client, pytest.raises(safe_azure_openai.PolicyViolation):
            client.chat.completions.create(model="m", messages=forbidden)
        assert (server.requests, slept) == ([], [])


@pytest.mark.parametrize("stream", [False, True])
def test_streams_and_raw_responses_are_retried_and_counted_alike(stream: bool, slept: list[float]) -> None:
    runs: list[Any] = []
    for module in (openai, safe_azure_openai):
        with Flaky(Answer(429), Answer(500), Answer()) as server:
            client = made(module, "OpenAI", **options("OpenAI", server.url, max_retries=None))
            raw: Callable[..., Any] = client.chat.completions.with_raw_response.create
            response = raw(model="m", messages=MESSAGES, stream=stream)
            runs.append((response.retries_taken, response.status_code, comparable(server), list(slept)))
            slept.clear()
            response.http_response.close()
            client.close()
    assert runs[0] == runs[1]
    assert runs[0][0] == 2
