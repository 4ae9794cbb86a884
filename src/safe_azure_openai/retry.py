"""Retries beyond ``openai``'s own: waits that the service asks for, a budget, other deployments to fail over to.

    from safe_azure_openai.retry import Fallback, RetryPolicy

    client = AzureOpenAI().with_retries(RetryPolicy(total_s=120), fallbacks=[Fallback(AzureOpenAI(...), model="west")])

Without a policy none of this runs. With one, it takes the place of ``max_retries``: each attempt is one pass through
``openai``'s own loop, so each is prepared, judged and signed anew. Nothing that the guard raises is retried.
"""

from __future__ import annotations

import copy
import email.utils
import logging
import math
import os
import random
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar, cast

import anyio
import openai
from openai._legacy_response import LegacyAPIResponse
from openai._response import BaseAPIResponse

from .errors import ConfigurationError

if TYPE_CHECKING:
    from openai._models import FinalRequestOptions
    from tenacity import RetryCallState

    from .client import AsyncOpenAI, OpenAI

__all__ = ["Fallback", "Retries", "RetryPolicy", "wait_asked_for"]

_log = logging.getLogger("safe_azure_openai")
_T = TypeVar("_T")

#: Calls that another deployment can answer as well: what they need stands in the request. A file, a thread, a batch
#: or a stored response is known only where it was made.
FALLS_OVER = frozenset(
    {
        "/audio/speech",
        "/audio/transcriptions",
        "/audio/translations",
        "/chat/completions",
        "/completions",
        "/embeddings",
        "/images/edits",
        "/images/generations",
        "/responses",
    }
)

_COUNT = "x-stainless-retry-count"
_CREDENTIALS = ("authorization", "api-key")


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often and how long a client tries again what failed in passing. Counts and seconds are those of one call.

    Args:
        max_attempts: how often it is sent at most, to all deployments together; 1 is no retry.
        total_s: seconds from the first attempt after which no other begins. No wait goes beyond it, and the timeout of
            an attempt is cut to what is left of it.
        backoff_s: the longest first wait where the service does not say how long; it doubles at each attempt, and each
            wait is a random part of it.
        max_backoff_s: where the doubling ends.
        budget: retries that the client and its copies may have in hand together, so that an outage is not made worse.
            Falling over to a deployment that was not yet tried costs nothing.
        budget_per_call: how much of a retry each new call adds to the budget.
    Raises:
        ConfigurationError: a value is out of range; names it and what to write.
    """

    max_attempts: int = 6
    total_s: float = 300.0
    backoff_s: float = 0.5
    max_backoff_s: float = 8.0
    budget: int = 20
    budget_per_call: float = 0.2

    def __post_init__(self) -> None:
        for name, (kind, what, least) in _RANGES.items():
            value: Any = getattr(self, name)
            is_of_kind = isinstance(value, kind) and not isinstance(value, bool)
            if not is_of_kind or not least <= value < math.inf:
                raise ConfigurationError(f"RetryPolicy({name}={value!r}): write {what}, {least} or more")


_NUMBER = (int, float)
#: What each field of a policy may be: its type, the words for it, and the least value.
_RANGES: dict[str, tuple[type | tuple[type, ...], str, int]] = {
    "max_attempts": (int, "a whole number", 1),
    "total_s": (_NUMBER, "a finite number of seconds", 0),
    "backoff_s": (_NUMBER, "a finite number of seconds", 0),
    "max_backoff_s": (_NUMBER, "a finite number of seconds", 0),
    "budget": (int, "a whole number", 0),
    "budget_per_call": (_NUMBER, "a finite number", 0),
}


@dataclass(frozen=True, slots=True)
class Fallback:
    """Another deployment that may answer: a client with its own endpoint and credential.

    The request is judged again before it goes there, by the guard of the client that fails over.

    Args:
        client: of the same kind as the one that fails over, synchronous or asynchronous.
        model: the name of the model or deployment there, where it differs.
    """

    client: OpenAI | AsyncOpenAI
    _: KW_ONLY
    model: str | None = None


class Retries:
    """What a client and its copies share about retries: the policy, the budget, and which deployments are at rest.

    Args:
        clock: seconds, for waits and budgets.
        sleep, sleep_async: wait that many seconds.
    Raises:
        ConfigurationError: ``tenacity`` is not installed.
    """

    def __init__(
        self,
        policy: RetryPolicy,
        fallbacks: Sequence[Fallback] = (),
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        sleep_async: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        _check_installed()
        self.policy = policy
        self.fallbacks = tuple(fallbacks)
        self.clock = clock
        self._sleep = sleep
        self._sleep_async = sleep_async
        self._lock = Lock()
        self._in_hand = float(policy.budget)
        self._ready_at = [-math.inf] * (1 + len(self.fallbacks))

    def request(self, client: Any, options: FinalRequestOptions, send: Callable[[Any, Any], _T]) -> _T:
        """Send a request as often as the policy wants; ``send`` takes a client and what it is to send, once."""
        from tenacity import Retrying

        call = _Call(self, client, options)
        return Retrying(sleep=self._sleep, **call.rules())(lambda: call.counted(send(*call.next())))

    async def request_async(
        self, client: Any, options: FinalRequestOptions, send: Callable[[Any, Any], Awaitable[_T]]
    ) -> _T:
        """The same for an asynchronous client."""
        from tenacity import AsyncRetrying

        call = _Call(self, client, options)

        async def attempt() -> _T:
            return call.counted(await send(*call.next()))

        return await AsyncRetrying(sleep=self._sleep_async, **call.rules())(attempt)

    def earn(self) -> None:
        """Add to the budget what a new call adds."""
        with self._lock:
            self._in_hand = min(self._in_hand + self.policy.budget_per_call, float(self.policy.budget))

    def spend(self) -> bool:
        """Take one retry out of the budget; False where none is left."""
        with self._lock:
            if self._in_hand < 1:
                return False
            self._in_hand -= 1
            return True

    def rest(self, deployment: int, seconds: float) -> None:
        """Let a deployment rest, so that calls that can go elsewhere do."""
        with self._lock:
            self._ready_at[deployment] = max(self._ready_at[deployment], self.clock() + seconds)

    def soonest(self, deployments: Sequence[int]) -> tuple[int, float]:
        """Return the first of the deployments that is ready, else the one that is ready soonest; and in how long."""
        with self._lock:
            waits = {number: max(self._ready_at[number] - self.clock(), 0.0) for number in deployments}
        number = min(waits, key=lambda number: waits[number])
        return number, waits[number]


class _Call:
    """One call, over all its attempts: what is sent next and where, and the rules that tenacity asks. Sends nothing."""

    def __init__(self, retries: Retries, client: Any, options: FinalRequestOptions) -> None:
        from tenacity import wait_random_exponential

        policy = retries.policy
        self._retries = retries
        self._clients = (client, *(fallback.client for fallback in retries.fallbacks))
        self._options = options.model_copy()
        self._options.max_retries = 0
        if self._options.idempotency_key is None and options.method.lower() != "get":
            self._options.idempotency_key = client._idempotency_key()  # noqa: SLF001 - one key for all attempts, as upstream
        self._body = _Body(self._options)
        self._tries: Counter[int] = Counter()
        self._backoff = wait_random_exponential(multiplier=policy.backoff_s, max=policy.max_backoff_s)
        self._began = retries.clock()
        self._deployment = retries.soonest(self._deployments)[0]
        retries.earn()

    @cached_property
    def _deployments(self) -> Sequence[int]:
        """The numbers of the deployments that may answer; 0 is the client's own."""
        is_movable = len(self._clients) > 1 and _falls_over(self._options)
        return range(len(self._clients)) if is_movable else (0,)

    def rules(self) -> dict[str, Any]:
        """Return what a tenacity controller is made with."""
        from tenacity import retry_if_exception

        return {
            "retry": retry_if_exception(self._is_worth_it),
            "wait": self._wait,
            "stop": self._is_over,
            "before_sleep": self._record,
            "reraise": True,
        }

    def next(self) -> tuple[Any, FinalRequestOptions]:
        """Return the client that sends the next attempt, and what it sends."""
        number = self._deployment
        options = self._options.model_copy()
        headers = _mapping(options.headers)
        if self._tries[number] and _COUNT not in {name.lower() for name in headers}:
            options.headers = {**headers, _COUNT: str(self._tries[number])}
        options.timeout = _within(self._left(), options.timeout, self._clients[number].timeout)
        self._tries[number] += 1
        if number == 0:
            return self._clients[0], options
        return _lent(self._clients[0], self._clients[number]), _redirected(
            options, self._retries.fallbacks[number - 1].model
        )

    def counted(self, answer: _T) -> _T:
        """Return the answer; where it is a raw one, it tells how often the call was tried again."""
        raw: Any = answer
        if isinstance(raw, (LegacyAPIResponse, BaseAPIResponse)):
            raw.retries_taken = sum(self._tries.values()) - 1
        return answer

    def _is_worth_it(self, error: BaseException) -> bool:
        return is_passing(error) and self._body.rewind()

    def _wait(self, state: RetryCallState) -> float:
        """Return the seconds until the next attempt; where it goes is settled here too.

        tenacity asks this before it asks whether to stop.
        """
        error = _error(state)
        asked = None
        if isinstance(error, openai.APIStatusError):
            asked = wait_asked_for(error.response.headers, is_rate_limited=error.status_code == 429)
        own = self._backoff(state) if asked is None else asked + _spread(asked)
        self._retries.rest(self._deployment, own)
        failed = self._deployment
        self._deployment, wait = self._retries.soonest(self._deployments)
        return own if self._deployment == failed else wait

    def _is_over(self, state: RetryCallState) -> bool:
        policy = self._retries.policy
        return (
            state.attempt_number >= policy.max_attempts
            or state.upcoming_sleep >= self._left()
            or not (self._tries[self._deployment] == 0 or self._retries.spend())
        )

    def _left(self) -> float:
        is_first = not self._tries
        return self._retries.policy.total_s - (0.0 if is_first else self._retries.clock() - self._began)

    def _record(self, state: RetryCallState) -> None:
        _log.info(
            "retry %d of at most %d in %.3f s, at deployment %d, after %s",
            state.attempt_number,
            self._retries.policy.max_attempts - 1,
            state.upcoming_sleep,
            self._deployment,
            type(_error(state)).__name__,
        )


class _Body:
    """Whether a body can be sent again, and from where its files are read: a pipe or an iterator is read once only."""

    def __init__(self, options: FinalRequestOptions) -> None:
        parts: list[Any] = [options.content, *_contents(options.files)]
        self._files = [part for part in parts if callable(getattr(part, "read", None))]
        whole = (str, bytes, bytearray, list, tuple, type(None), os.PathLike)
        self._is_whole = all(isinstance(part, whole) for part in parts if part not in self._files)
        try:
            self._places = [cast("int", part.tell()) for part in self._files if part.seekable()]
        except (AttributeError, OSError, ValueError):  # no file that can be gone back in, or a closed one
            self._places = []

    def rewind(self) -> bool:
        """Go back to where the files were read from; False where that cannot be done."""
        if not self._is_whole or len(self._places) != len(self._files):
            return False
        try:
            for file, place in zip(self._files, self._places, strict=True):
                file.seek(place)
        except (OSError, ValueError):
            return False
        return True


def is_passing(error: BaseException) -> bool:
    """Whether a failure may pass with time, by the rules of ``openai`` itself."""
    if isinstance(error, openai.APIStatusError):
        told = error.response.headers.get("x-should-retry")
        if told in ("true", "false"):
            return told == "true"
        return error.status_code in (408, 409, 429) or error.status_code >= 500
    return isinstance(error, openai.APIConnectionError)  # timeouts are of this class


#: A duration as the service writes it, such as "6m0s" or "120ms"; must not match "soon".
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|us|µs|ns|[smhd]))+")
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|us|µs|ns|[smhd])")
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def wait_asked_for(
    headers: Mapping[str, str], *, is_rate_limited: bool = True, now: Callable[[], float] = time.time
) -> float | None:
    """Return the seconds that a reply asks to wait; None where it does not say, or nothing that can be read.

    ``Retry-After`` decides; without it, on a refusal for its rate, the reset of the limit that is used up, or the
    longest where none is named as such. A wait of zero or less is none.

    Source: RFC 9110, section 10.2.3; OpenAI, "Rate limits in headers"; Azure's spelling ``x-rate-limit-reset-tokens``
    and the values 0 and -1 that stand for nothing: openai-python issue 937, openai-dotnet issue 838.
    """
    waits = [_scaled(headers.get("retry-after-ms"), 1e-3), _seconds(headers.get("retry-after"), now)]
    found = next((wait for wait in waits if wait is not None and 0 < wait < math.inf), None)
    return _reset(headers) if found is None and is_rate_limited else found


def _reset(headers: Mapping[str, str]) -> float | None:
    resets: dict[bool, list[float]] = {True: [], False: []}
    for prefix in ("x-ratelimit", "x-rate-limit"):
        for limit in ("requests", "tokens"):
            wait = _seconds(headers.get(f"{prefix}-reset-{limit}"))
            if wait is not None and 0 < wait < math.inf:
                resets[headers.get(f"{prefix}-remaining-{limit}") == "0"].append(wait)
    return max(resets[True] or resets[False], default=None)


def _scaled(value: str | None, unit: float) -> float | None:
    try:
        return float(value) * unit if value is not None else None
    except ValueError:
        return None


def _seconds(value: str | None, now: Callable[[], float] | None = None) -> float | None:
    """Return a number, a duration or, where ``now`` is given, a date as seconds from now."""
    if value is None:
        return None
    number = _scaled(value, 1.0)
    if number is not None:
        return number
    if _DURATION.fullmatch(value.strip()):
        return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(value))
    if now is None:
        return None
    try:
        return email.utils.parsedate_to_datetime(value).timestamp() - now()
    except (TypeError, ValueError, OverflowError):
        return None


def _within(left: float, timeout: object, default: object) -> Any:
    """Return the timeout of an attempt, cut to the seconds that are left; as it was where it is shorter."""
    effective = default if isinstance(timeout, openai.NotGiven) else timeout
    if isinstance(effective, (int, float)):
        return timeout if effective <= left else left
    if effective is None:
        return left
    parts = {name: cast("float | None", getattr(effective, name)) for name in ("connect", "read", "write", "pool")}
    if all(value is not None and value <= left for value in parts.values()):
        return timeout
    return openai.Timeout(**{name: left if value is None else min(value, left) for name, value in parts.items()})


def _falls_over(options: FinalRequestOptions) -> bool:
    """Whether another deployment can answer: everything that is needed stands in the request itself."""
    if options.url not in FALLS_OVER or options.method.lower() != "post":
        return False
    body = {**_mapping(options.json_data), **_mapping(options.extra_json)}
    if body.get("background"):  # it is asked for again, under an id
        return False
    from .extract import from_json

    return all(link.kind == "model" for link in from_json(options.url, body).links)


def _redirected(options: FinalRequestOptions, model: str | None) -> FinalRequestOptions:
    """Return the request for another deployment: its own model, and no credential that was meant for this one."""
    headers = {name: value for name, value in _mapping(options.headers).items() if name.lower() not in _CREDENTIALS}
    options.headers = headers
    if model is not None:
        options.json_data = {**_mapping(options.json_data), "model": model}
        if "model" in _mapping(options.extra_json):
            options.extra_json = {**_mapping(options.extra_json), "model": model}
    return options


def _lent(client: Any, to: Any) -> Any:
    """Return ``to`` with the enforcement of ``client``: who asks stays the same, wherever the request goes."""
    lent = copy.copy(to)
    lent._enforcement = client._enforcement  # noqa: SLF001 - of the same package
    return lent


def _mapping(value: object) -> dict[str, Any]:
    return dict(cast("Mapping[str, Any]", value)) if isinstance(value, Mapping) else {}


def _contents(files: object) -> Iterator[Any]:
    """Yield the contents of a form's files; each is given alone, or after its name."""
    given: Any = cast("Mapping[str, Any]", files).items() if isinstance(files, Mapping) else files or ()
    for _, file in given:
        yield file[1] if isinstance(file, tuple) else file


def _spread(wait: float) -> float:
    """Return a little more to wait, lest all callers come back in the same moment."""
    return random.uniform(0, min(0.1 * wait, 1.0))  # noqa: S311 - keeps no secret


def _error(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome is not None else None


def _check_installed() -> None:
    try:
        import tenacity  # noqa: F401 # pyright: ignore[reportUnusedImport]
    except ImportError:
        raise ConfigurationError(
            "with_retries() needs tenacity, which is not installed: pip install 'safe-azure-openai[azure]'"
        ) from None
