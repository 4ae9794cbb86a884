"""A policy for retries: waits that are asked for, two budgets, other deployments; nothing prohibited is tried twice."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import pytest

from safe_azure_openai import AsyncAzureOpenAI, AsyncOpenAI, AzureOpenAI, ConfigurationError, OpenAI, PolicyViolation
from safe_azure_openai.retry import Fallback, Retries, RetryPolicy, wait_asked_for
from safe_azure_openai.testing import MarkerGuard

from .flaky import Answer, Flaky

pytest.importorskip("tenacity")

MESSAGES: Any = [{"role": "user", "content": "Hello"}]
FORBIDDEN: Any = [{"role": "user", "content": "FORBIDDEN"}]


class Time:
    """A clock that goes on only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if seconds:  # falling over waits for nothing
            self.slept.append(seconds)

    async def sleep_async(self, seconds: float) -> None:
        self.sleep(seconds)


@pytest.fixture
def a_clock() -> Time:
    return Time()


def azure(server: Flaky, *, key: str = "first-key", **given: Any) -> AzureOpenAI:
    return AzureOpenAI(azure_endpoint=server.url, api_version="1", api_key=key, timeout=10, **given).with_guard(
        MarkerGuard()
    )


def azure_async(server: Flaky, *, key: str = "first-key") -> AsyncAzureOpenAI:
    client = AsyncAzureOpenAI(azure_endpoint=server.url, api_version="1", api_key=key, timeout=10)
    return client.with_guard(MarkerGuard())


def patient(client: Any, clock: Time, policy: RetryPolicy, fallbacks: Sequence[Fallback] = ()) -> Any:
    """Return the client with a policy whose waits go by the clock of the test."""
    copied = client.with_retries(policy, fallbacks=fallbacks)
    copied._enforcement.retries = Retries(
        policy, fallbacks, clock=clock.clock, sleep=clock.sleep, sleep_async=clock.sleep_async
    )
    return copied


def ask(client: Any, model: str = "east", **given: Any) -> str:
    return str(client.chat.completions.create(model=model, messages=MESSAGES, **given).id)


def guard_of(client: Any) -> MarkerGuard:
    guard = client._enforcement.guard
    assert isinstance(guard, MarkerGuard)
    return guard


# --- waits


def test_a_wait_of_five_minutes_is_honoured(a_clock: Time) -> None:
    with Flaky(Answer(429, {"Retry-After": "300"}), Answer()) as server, azure(server) as client:
        assert ask(patient(client, a_clock, RetryPolicy(total_s=600))) == "chatcmpl_1"
    assert len(a_clock.slept) == 1
    assert 300 <= a_clock.slept[0] <= 301
    assert server.counts() == ["0", "1"]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "61"}, 61),
        ({"Retry-After": "1.5"}, 1.5),
        ({"Retry-After": "7", "retry-after-ms": "6500"}, 6.5),
        ({"retry-after-ms": "soon", "Retry-After": "7"}, 7),
        ({"Retry-After": "Thu, 26 Nov 2026 12:02:00 GMT"}, 120),
        ({"Retry-After": "Thu, 26 Nov 2026 11:00:00 GMT"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "0"}, None),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "Thu, 26 Nov 99999999 12:02:00 GMT"}, None),
        ({"x-ratelimit-reset-requests": "10"}, 10),
        ({"x-ratelimit-reset-requests": "6m0s"}, 360),
        ({"x-ratelimit-reset-tokens": "1h2m3.5s"}, 3723.5),
        ({"x-ratelimit-reset-tokens": "120ms"}, 0.12),
        ({"x-rate-limit-reset-tokens": "55"}, 55),
        ({"x-ratelimit-reset-tokens": "5 apples"}, None),
        ({"x-ratelimit-reset-tokens": "0", "x-ratelimit-remaining-tokens": "-1"}, None),
        ({"x-ratelimit-reset-tokens": "5", "x-ratelimit-reset-requests": "9"}, 9),
        (
            {
                "x-ratelimit-reset-tokens": "5",
                "x-ratelimit-remaining-tokens": "0",
                "x-ratelimit-reset-requests": "9",
                "x-ratelimit-remaining-requests": "80",
            },
            5,
        ),
        ({"Retry-After": "3", "x-ratelimit-reset-tokens": "55"}, 3),
        ({}, None),
    ],
)
def test_what_the_service_asks_for_is_read(headers: dict[str, str], seconds: float | None) -> None:
    lowered = {name.lower(): value for name, value in headers.items()}
    found = wait_asked_for(lowered, now=lambda: 1795694400.0)  # 26 November 2026, noon
    assert found == (None if seconds is None else pytest.approx(seconds))


def test_a_reset_counts_on_a_refusal_for_its_rate_only() -> None:
    assert wait_asked_for({"x-ratelimit-reset-tokens": "55"}, is_rate_limited=False) is None
    assert wait_asked_for({"retry-after": "55"}, is_rate_limited=False) == 55


def test_the_reset_of_a_limit_is_waited_for(a_clock: Time) -> None:
    busy = Answer(429, {"x-ratelimit-reset-tokens": "90", "x-ratelimit-remaining-tokens": "0"})
    down = Answer(503, {"x-ratelimit-reset-tokens": "90"})
    with Flaky(busy, down, Answer()) as server, azure(server) as client:
        ask(patient(client, a_clock, RetryPolicy()))
    assert 90 <= a_clock.slept[0] <= 91
    assert a_clock.slept[1] <= 2


def test_without_a_word_from_the_service_waits_grow_to_their_limit(a_clock: Time) -> None:
    policy = RetryPolicy(max_attempts=12, backoff_s=1, max_backoff_s=4)
    with Flaky(Answer(503)) as server, azure(server) as client, pytest.raises(openai.InternalServerError):
        ask(patient(client, a_clock, policy))
    assert len(server.requests) == 12
    assert all(wait <= limit for wait, limit in zip(a_clock.slept, [1, 2, 4, 4, 4, 4, 4, 4, 4, 4, 4], strict=True))
    assert len(set(a_clock.slept)) > 5, "they are spread"


def test_the_key_of_a_call_stays_and_attempts_are_counted(a_clock: Time) -> None:
    with Flaky(Answer(409), Answer(408), Answer(429), Answer()) as server, azure(server) as client:
        ask(patient(client, a_clock, RetryPolicy()))
    assert server.counts() == ["0", "1", "2", "3"]
    assert len({request.body for request in server.requests}) == 1
    assert all(request.headers["api-key"] == "first-key" for request in server.requests)


def test_a_policy_takes_the_place_of_max_retries(a_clock: Time) -> None:
    with Flaky(Answer(503)) as server, azure(server, max_retries=7) as client, pytest.raises(openai.APIStatusError):
        ask(patient(client, a_clock, RetryPolicy(max_attempts=2)))
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "answer", [Answer(400), Answer(401), Answer(403), Answer(404), Answer(503, {"x-should-retry": "false"})]
)
def test_what_does_not_pass_with_time_is_raised_at_once(answer: Answer, a_clock: Time) -> None:
    with Flaky(answer) as first, Flaky(Answer()) as second, azure(first) as client, azure(second) as other:
        with pytest.raises(openai.APIStatusError):
            ask(patient(client, a_clock, RetryPolicy(), [Fallback(other)]))
        assert (len(first.requests), len(second.requests), a_clock.slept) == (1, 0, [])


def test_what_the_service_wants_retried_is(a_clock: Time) -> None:
    with Flaky(Answer(400, {"x-should-retry": "true"}), Answer()) as server, azure(server) as client:
        ask(patient(client, a_clock, RetryPolicy()))
    assert len(server.requests) == 2


def test_dropped_connections_are_tried_again(a_clock: Time) -> None:
    with Flaky(Answer(fault="drop"), Answer()) as server, azure(server) as client:
        ask(patient(client, a_clock, RetryPolicy()))
    assert len(server.requests) == 2


# --- the budget of time


def test_a_wait_beyond_the_budget_of_time_is_not_begun(a_clock: Time) -> None:
    with Flaky(Answer(429, {"Retry-After": "121"})) as server, azure(server) as client:
        with pytest.raises(openai.RateLimitError):
            ask(patient(client, a_clock, RetryPolicy(total_s=120)))
        assert (len(server.requests), a_clock.slept) == (1, [])


def test_the_budget_of_time_is_that_of_all_attempts_together(a_clock: Time) -> None:
    with Flaky(Answer(429, {"Retry-After": "50"})) as server, azure(server) as client:
        with pytest.raises(openai.RateLimitError):
            ask(patient(client, a_clock, RetryPolicy(total_s=120, max_attempts=99)))
        assert len(server.requests) == 3
    assert sum(a_clock.slept) <= 120


def test_an_attempt_that_hangs_ends_with_the_budget_of_time() -> None:
    began = time.monotonic()
    with Flaky(Answer(fault="hang")) as server, azure(server) as client:
        with pytest.raises(openai.APITimeoutError):
            ask(client.with_retries(RetryPolicy(total_s=0.4)))
        assert server.requests[0].headers["x-stainless-read-timeout"] == "0.4"
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("timeout", "sent"),
    [
        (3, "3"),
        (300, "20"),
        (None, "20"),
        (openai.Timeout(5), "5"),
        (openai.Timeout(600, connect=5), "20"),
        (openai.Timeout(None), "20"),
    ],
)
def test_the_timeout_of_an_attempt_is_cut_to_what_is_left(timeout: Any, sent: str, a_clock: Time) -> None:
    with Flaky(Answer()) as server, azure(server) as client:
        patience = patient(client, a_clock, RetryPolicy(total_s=20))
        ask(patience, timeout=timeout)
        ask(patience.with_options(timeout=timeout))
        read = [float(request.headers["x-stainless-read-timeout"]) for request in server.requests]
    assert read == [float(sent)] * 2


def test_a_call_that_succeeds_at_once_is_that_of_openai(a_clock: Time) -> None:
    with Flaky(Answer()) as server, azure(server) as client:
        ask(client)
        ask(patient(client, a_clock, RetryPolicy()))
    plain, patience = (
        {name: value for name, value in request.headers.items() if not value.startswith("stainless-python-retry")}
        for request in server.requests
    )
    assert plain == patience
    assert server.requests[0].body == server.requests[1].body


# --- the budget of a client


def test_a_client_in_an_outage_stops_retrying_when_its_budget_is_spent(a_clock: Time) -> None:
    with Flaky(Answer(503)) as server, azure(server) as client:
        patience = patient(client, a_clock, RetryPolicy(budget=5, budget_per_call=0, max_attempts=3))
        for user in (patience, patience.copy(), patience.with_options(timeout=9), patience.with_guard(MarkerGuard())):
            for _ in range(5):
                with pytest.raises(openai.InternalServerError):
                    ask(user)
        assert len(server.requests) == 20 + 5


def test_calls_earn_retries_up_to_the_budget(a_clock: Time) -> None:
    down, up = Answer(503), Answer()
    with Flaky(down, down, up) as server, azure(server) as client:
        patience = patient(client, a_clock, RetryPolicy(budget=1, budget_per_call=0.5))
        with pytest.raises(openai.InternalServerError):
            ask(patience)
        assert len(server.requests) == 2, "one retry was in hand"
        for _ in range(8):
            ask(patience)
        server.answers = [down, down, up]
        with pytest.raises(openai.InternalServerError):
            ask(patience)
        assert len(server.requests) == 2 + 8 + 2, "no more than the budget was earned"


def test_many_threads_share_one_budget() -> None:
    policy = RetryPolicy(budget=7, budget_per_call=0, backoff_s=0.001, max_backoff_s=0.002)
    with Flaky(Answer(503)) as server, azure(server) as client:
        patience = client.with_retries(policy)

        def fail(_: int) -> None:
            with pytest.raises(openai.InternalServerError):
                ask(patience)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(fail, range(24)))
        assert len(server.requests) == 24 + 7


# --- other deployments


def test_a_busy_region_is_left_for_another_with_its_own_key_and_deployment(a_clock: Time) -> None:
    with (
        Flaky(Answer(429, {"Retry-After": "60"}), Answer()) as first,
        Flaky(Answer()) as second,
        azure(first) as client,
        azure(second, key="second-key") as other,
    ):
        patience = patient(client, a_clock, RetryPolicy(), [Fallback(other, model="west")])
        ask(patience)
        (sent,) = second.requests
        assert a_clock.slept == []
        assert "/deployments/west/chat/completions" in sent.target
        assert json.loads(sent.body)["model"] == "west"
        assert sent.headers["api-key"] == "second-key"
        assert "first-key" not in str(sent)

        ask(patience)
        assert (len(first.requests), len(second.requests)) == (1, 2), "the first one rests"
        a_clock.now += 61
        ask(patience)
        assert (len(first.requests), len(second.requests)) == (2, 2), "and is asked again afterwards"


def test_the_next_generation_of_the_api_takes_over_from_the_older(a_clock: Time) -> None:
    with Flaky(Answer(503)) as first, Flaky(Answer()) as second:
        newer = OpenAI(base_url=f"{second.url}/openai/v1/", api_key="second-key")
        with azure(first) as client, newer:
            ask(patient(client, a_clock, RetryPolicy(), [Fallback(newer)]))
        assert second.requests[0].target == "/openai/v1/chat/completions"
        assert second.requests[0].headers["authorization"] == "Bearer second-key"
        assert "api-key" not in second.requests[0].headers


def test_a_server_that_is_gone_is_left_too(a_clock: Time) -> None:
    with Flaky(Answer(fault="drop")) as first, Flaky(Answer()) as second:
        with azure(first) as client, azure(second) as other:
            assert ask(patient(client, a_clock, RetryPolicy(), [Fallback(other)])) == "chatcmpl_1"
        assert len(second.requests) == 1


def test_where_all_rest_the_one_that_is_ready_soonest_is_waited_for(a_clock: Time) -> None:
    with (
        Flaky(Answer(429, {"Retry-After": "60"})) as first,
        Flaky(Answer(429, {"Retry-After": "20"}), Answer()) as second,
    ):
        with azure(first) as client, azure(second) as other:
            ask(patient(client, a_clock, RetryPolicy(), [Fallback(other)]))
        assert (len(first.requests), len(second.requests)) == (1, 2)
    assert len(a_clock.slept) == 1
    assert 20 <= a_clock.slept[0] <= 21


def test_falling_over_needs_no_budget_and_coming_back_does(a_clock: Time) -> None:
    with Flaky(Answer(503)) as first, Flaky(Answer(503)) as second:
        with azure(first) as client, azure(second) as other:
            patience = patient(client, a_clock, RetryPolicy(budget=0), [Fallback(other)])
            with pytest.raises(openai.InternalServerError):
                ask(patience)
        assert (len(first.requests), len(second.requests)) == (1, 1)


def test_a_credential_given_with_the_call_stays_where_it_was_meant_for(a_clock: Time) -> None:
    with Flaky(Answer(503)) as first, Flaky(Answer()) as second:
        with azure(first) as client, azure(second, key="second-key") as other:
            given = {"api-key": "only-for-the-first", "x-mine": "kept"}
            ask(patient(client, a_clock, RetryPolicy(), [Fallback(other)]), extra_headers=given)
        assert first.requests[0].headers["api-key"] == "only-for-the-first"
        assert "only-for-the-first" not in str(second.requests)
        assert second.requests[0].headers["x-mine"] == "kept"


def test_a_model_that_replaces_the_one_of_the_body_is_renamed_too(a_clock: Time) -> None:
    with Flaky(Answer(503)) as first, Flaky(Answer()) as second:
        with azure(first) as client, azure(second) as other:
            patience = patient(client, a_clock, RetryPolicy(), [Fallback(other, model="west")])
            ask(patience, extra_body={"model": "north", "seed": 1})
        assert json.loads(second.requests[0].body)["model"] == "west"
        assert json.loads(second.requests[0].body)["seed"] == 1


BOUND: dict[str, Callable[[Any], Any]] = {
    "a response before it": lambda c: c.responses.create(model="m", input="x", previous_response_id="resp_1"),
    "a conversation": lambda c: c.responses.create(model="m", input="x", conversation="conv_1"),
    "a file": lambda c: c.responses.create(
        model="m", input=[{"role": "user", "content": [{"type": "input_file", "file_id": "file-abc123"}]}]
    ),
    "work in the background": lambda c: c.responses.create(model="m", input="x", background=True),
    "a stored response": lambda c: c.responses.retrieve("resp_1"),
    "an assistant": lambda c: c.post("/assistants", body={"model": "m"}, cast_to=object),
    "an address": lambda c: c.post(f"{c.base_url}chat/completions", body={"messages": MESSAGES}, cast_to=object),
}


@pytest.mark.parametrize("what", BOUND)
def test_what_only_one_deployment_knows_does_not_leave_it(what: str, a_clock: Time) -> None:
    with (
        Flaky(Answer(503), Answer(body={"id": "x", "object": "response", "output": []})) as first,
        Flaky(Answer()) as second,
        azure(first) as client,
        azure(second) as other,
    ):
        BOUND[what](patient(client, a_clock, RetryPolicy(), [Fallback(other)]))
        assert (len(first.requests), len(second.requests)) == (2, 0)


# --- the guard


def test_a_violation_is_never_retried_and_nothing_is_sent(a_clock: Time) -> None:
    with Flaky(Answer(503)) as first, Flaky(Answer()) as second:
        with azure(first) as client, azure(second) as other:
            patience = patient(client, a_clock, RetryPolicy(), [Fallback(other)])
            with pytest.raises(PolicyViolation):
                patience.chat.completions.create(model="east", messages=FORBIDDEN)
            assert len(guard_of(patience).wires) == 1
        assert (first.requests, second.requests, a_clock.slept) == ([], [], [])


def test_a_request_that_falls_over_is_judged_again_for_the_new_deployment(a_clock: Time) -> None:
    with Flaky(Answer(503)) as first, Flaky(Answer()) as second:
        with azure(first) as client, azure(second) as other:
            patience = patient(client, a_clock, RetryPolicy(), [Fallback(other, model="FORBIDDEN-west")])
            with pytest.raises(PolicyViolation):
                ask(patience)
            assert [wire.deployment for wire in guard_of(patience).wires] == ["east", "FORBIDDEN-west"]
        assert (len(first.requests), second.requests) == (1, [])


def test_who_asks_stays_the_same_wherever_the_request_goes(a_clock: Time) -> None:
    careless = MarkerGuard("nothing at all")
    with Flaky(Answer(503)) as first, Flaky(Answer()) as second:
        with azure(first) as client, azure(second).with_guard(careless) as other:
            patience = patient(client, a_clock, RetryPolicy(), [Fallback(other, model="west")])
            strict = patience.with_guard(MarkerGuard("west"))
            with pytest.raises(PolicyViolation):
                ask(strict)
            assert careless.wires == []
            assert other._enforcement.guard is careless, "the fallback itself is left alone"
        assert second.requests == []


def test_each_attempt_is_judged_and_each_deployment_recorded_once(a_clock: Time) -> None:
    with Flaky(Answer(503)) as first, Flaky(Answer(503)) as second:
        with azure(first) as client, azure(second) as other:
            patience = patient(client, a_clock, RetryPolicy(max_attempts=4), [Fallback(other)])
            with pytest.raises(openai.InternalServerError):
                ask(patience)
            recorded = guard_of(patience).recorded
        assert len(recorded) == len(first.requests) + len(second.requests) == 4
        assert len({id(seen) for seen in recorded}) == 2


def test_what_a_fallback_answers_is_remembered_for_the_client(a_clock: Time) -> None:
    stored = Answer(body={"id": "resp_9", "object": "response", "output": []})
    with Flaky(Answer(503)) as first, Flaky(stored) as second, azure(first) as client, azure(second) as other:
        patience = patient(client, a_clock, RetryPolicy(), [Fallback(other)])
        patience.responses.create(model="m", input="x")
        assert patience._enforcement.session.known("response", "resp_9") is not None


# --- bodies


def test_a_file_is_sent_whole_at_each_attempt(a_clock: Time) -> None:
    with Flaky(Answer(500), Answer(500), Answer(body={"text": "x"})) as server, azure(server) as client:
        file = io.BytesIO(bytes(range(256)) * 40)
        file.name = "a.wav"
        patient(client, a_clock, RetryPolicy()).audio.transcriptions.create(model="whisper", file=file)
        bodies = [request.body for request in server.requests]
    assert len(bodies) == 3
    assert all(bytes(range(256)) * 40 in body for body in bodies)


class Once(io.BytesIO):
    """Bytes that can be read, and not gone back in."""

    def seekable(self) -> bool:
        return False

    def seek(self, *where: int) -> int:
        raise io.UnsupportedOperation

    def tell(self) -> int:
        raise io.UnsupportedOperation


@pytest.mark.parametrize(
    "given",
    [
        {"files": {"file": ("a.wav", Once(b"some sound"))}},
        {"files": [("file", Once(b"some sound"))]},
        {"content": iter([b"{", b"}"])},
    ],
)
def test_what_can_be_read_once_is_sent_once(given: dict[str, Any], a_clock: Time) -> None:
    with Flaky(Answer(500)) as server, azure(server) as client:
        with pytest.raises(openai.InternalServerError):
            patient(client, a_clock, RetryPolicy()).post("/audio/transcriptions", **given, cast_to=object)
        assert len(server.requests) == 1


def test_a_file_that_was_closed_meanwhile_is_not_sent_again(a_clock: Time) -> None:
    with Flaky(Answer(500)) as server, azure(server) as client:
        file = io.BytesIO(b"some sound")
        patience = patient(client, a_clock, RetryPolicy())
        server.on_request = file.close
        with pytest.raises(openai.InternalServerError):
            patience.audio.transcriptions.create(model="whisper", file=("a.wav", file))
        assert len(server.requests) == 1


def test_a_file_that_is_closed_is_the_error_that_it_was(a_clock: Time) -> None:
    with Flaky(Answer()) as server, azure(server) as client:
        file = io.BytesIO(b"some sound")
        file.close()
        for user in (client, patient(client, a_clock, RetryPolicy())):
            with pytest.raises(ValueError, match="closed file"):
                user.audio.transcriptions.create(model="whisper", file=("a.wav", file))
        assert server.requests == []


def test_a_raw_answer_tells_how_often_the_call_was_tried_again(a_clock: Time) -> None:
    busy = Answer(503, {"Retry-After": "250"})
    with Flaky(busy) as first, Flaky(Answer(503), Answer()) as second, azure(first) as client, azure(second) as other:
        completions = patient(client, a_clock, RetryPolicy(), [Fallback(other)]).chat.completions
        raw = completions.with_raw_response.create(model="m", messages=MESSAGES)
        assert (raw.retries_taken, len(first.requests), len(second.requests)) == (2, 1, 2)
        with completions.with_streaming_response.create(model="m", messages=MESSAGES) as streamed:
            assert streamed.retries_taken == 0


# --- asynchronous clients


async def test_an_asynchronous_client_waits_and_falls_over_alike(a_clock: Time) -> None:
    with (
        Flaky(Answer(429, {"Retry-After": "60"})) as first,
        Flaky(Answer(429, {"Retry-After": "20"}), Answer()) as second,
    ):
        async with azure_async(first) as client, azure_async(second, key="second-key") as other:
            patience = patient(client, a_clock, RetryPolicy(), [Fallback(other, model="west")])
            answer = await patience.chat.completions.create(model="east", messages=MESSAGES)
            with pytest.raises(PolicyViolation):
                await patience.chat.completions.create(model="east", messages=FORBIDDEN)
        assert answer.id == "chatcmpl_1"
        assert (first.counts(), second.counts()) == (["0"], ["0", "1"])
        assert second.requests[0].headers["api-key"] == "second-key"
    assert 20 <= a_clock.slept[0] <= 21


async def test_an_asynchronous_client_can_be_cancelled_while_it_waits() -> None:
    with Flaky(Answer(429, {"Retry-After": "200"})) as server:
        async with azure_async(server) as client:
            patience = client.with_retries(RetryPolicy())
            call = asyncio.create_task(patience.chat.completions.create(model="m", messages=MESSAGES))
            while not server.requests:  # noqa: ASYNC110 - another thread fills the list
                await asyncio.sleep(0.005)
            await asyncio.sleep(0.05)
            assert not call.done()
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
        assert len(server.requests) == 1


async def test_an_asynchronous_client_lets_others_run_while_it_waits() -> None:
    with Flaky(Answer(429, {"retry-after-ms": "200"}), Answer()) as server:
        async with azure_async(server) as client:
            call = asyncio.create_task(
                client.with_retries(RetryPolicy()).chat.completions.create(model="m", messages=MESSAGES)
            )
            turns = 0
            while not call.done():
                await asyncio.sleep(0.01)
                turns += 1
            assert (await call).id == "chatcmpl_1"
        assert turns > 5


# --- how it is attached


@pytest.mark.parametrize("cls", [OpenAI, AsyncOpenAI])
def test_a_policy_survives_every_kind_of_copy_and_leaves_the_client_alone(cls: Any) -> None:
    client = cls(api_key="none")
    patience = client.with_retries(RetryPolicy())
    assert client._enforcement.retries is None
    retries = patience._enforcement.retries
    assert retries is not None
    for made in (patience.copy(), patience.with_options(timeout=3), patience.with_guard(MarkerGuard())):
        assert made._enforcement.retries is retries
    assert patience._enforcement.guard is client._enforcement.guard
    assert patience._enforcement.session is client._enforcement.session
    assert patience.with_retries(None)._enforcement.retries is None


def test_the_policy_goes_again_and_openai_retries_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    with Flaky(Answer(503)) as server, azure(server, max_retries=1) as client:
        with pytest.raises(openai.InternalServerError):
            ask(client.with_retries(RetryPolicy(max_attempts=9)).with_retries(None))
        assert len(server.requests) == 2
    assert len(slept) == 1


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"max_attempts": 0}, "max_attempts=0): write a whole number, 1 or more"),
        ({"max_attempts": 2.5}, "max_attempts=2.5): write a whole number, 1 or more"),
        ({"max_attempts": True}, "max_attempts=True): write a whole number"),
        ({"total_s": -1}, "total_s=-1): write a finite number of seconds, 0 or more"),
        ({"total_s": float("nan")}, "total_s=nan): write a finite number of seconds"),
        ({"total_s": float("inf")}, "total_s=inf): write a finite number of seconds, 0 or more"),
        ({"backoff_s": "1"}, "backoff_s='1'): write a finite number of seconds"),
        ({"max_backoff_s": None}, "max_backoff_s=None): write a finite number of seconds"),
        ({"budget": -2}, "budget=-2): write a whole number, 0 or more"),
        ({"budget_per_call": -0.1}, "budget_per_call=-0.1): write a finite number, 0 or more"),
    ],
)
def test_a_wrong_value_is_named_with_what_to_write(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        RetryPolicy(**given)
    assert str(caught.value).startswith(f"RetryPolicy({told}")


@pytest.mark.parametrize("cls", [openai.OpenAI, AsyncOpenAI])
def test_a_fallback_must_be_a_guarded_client_of_the_same_kind(cls: Any) -> None:
    with pytest.raises(ConfigurationError, match="give a client of safe_azure_openai that is an OpenAI"):
        OpenAI(api_key="none").with_retries(RetryPolicy(), fallbacks=[Fallback(cls(api_key="none"))])
    with pytest.raises(ConfigurationError, match="that is an AsyncOpenAI"):
        AsyncOpenAI(api_key="none").with_retries(RetryPolicy(), fallbacks=[Fallback(OpenAI(api_key="none"))])


def test_a_missing_extra_is_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tenacity", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'safe-azure-openai\[azure\]'"):
        OpenAI(api_key="none").with_retries(RetryPolicy())


def test_neither_extra_nor_policy_is_imported_with_the_package() -> None:
    program = (
        "import sys, safe_azure_openai\n"
        "safe_azure_openai.OpenAI(api_key='none')\n"
        "print([n for n in ('tenacity', 'azure', 'azure.identity', 'safe_azure_openai.retry') if n in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_retry_is_logged_without_words_or_keys(a_clock: Time, caplog: pytest.LogCaptureFixture) -> None:
    with (
        Flaky(Answer(503)) as first,
        Flaky(Answer()) as second,
        azure(first) as client,
        azure(second, key="second-key") as other,
        caplog.at_level(logging.INFO, logger="safe_azure_openai"),
    ):
        ask(patient(client, a_clock, RetryPolicy(), [Fallback(other)]))
    (told,) = [record.getMessage() for record in caplog.records if "retry" in record.getMessage()]
    assert told == "retry 1 of at most 5 in 0.000 s, at deployment 1, after InternalServerError"


def test_threads_fall_over_together_and_lose_nothing() -> None:
    with Flaky(Answer(429, {"Retry-After": "60"})) as first, Flaky(Answer()) as second:
        with azure(first) as client, azure(second) as other:
            patience = client.with_retries(RetryPolicy(budget=0), fallbacks=[Fallback(other)])
            barrier = threading.Barrier(8)

            def together(_: int) -> str:
                barrier.wait(10)
                return ask(patience)

            with ThreadPoolExecutor(8) as pool:
                answers = list(pool.map(together, range(8)))
        assert answers == ["chatcmpl_1"] * 8
        assert len(second.requests) == 8
        assert len(first.requests) <= 8
