"""Questions to Azure over HTTP: one credential, one deadline, retries, pages, and errors that say what to do.

Retries are tenacity's: exponential with jitter, ``Retry-After`` honoured, and never beyond the deadline. The transport
is azure-core's, for it answers the challenges of continuous access evaluation. Both come with the extra ``azure``.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, cast

from .clouds import host_of, is_loopback

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azure.core.credentials import TokenCredential
    from azure.core.rest import HttpResponse
    from tenacity import RetryCallState

__all__ = ["Api", "Deadline", "Refusal"]

#: Of one attempt; the deadline holds for all attempts together.
ATTEMPT_S = 4.0
#: An answer above this is none that these APIs give.
MAX_BYTES = 4 * 1024 * 1024
MAX_PAGES = 50
#: Answers that may be another one soon. Source: learn.microsoft.com/graph/errors, and RFC 9110, section 15.
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_CODE = re.compile(r"\bAADSTS\d+\b|\bCredentialUnavailableError\b")


@dataclass(frozen=True, slots=True)
class Deadline:
    """A point in time that all parts of a look-up share."""

    at: float
    clock: Callable[[], float] = time.monotonic

    @classmethod
    def after(cls, seconds: float, clock: Callable[[], float] = time.monotonic) -> Deadline:
        return cls(clock() + seconds, clock)

    def left(self) -> float:
        """Return the seconds that are left; below 0 when it is over."""
        return self.at - self.clock()

    def share(self, part: float) -> Deadline:
        """Return an earlier one, after ``part`` of what is left."""
        return Deadline(self.clock() + self.left() * part, self.clock)


class Refusal(Exception):  # noqa: N818 - it never leaves this package: a Problem tells it
    """A source did not answer, or not with what was asked for. The message has no secrets in it."""

    def __init__(self, message: str, *, is_passing: bool, pause_s: float = 0.0) -> None:
        super().__init__(message)
        self.is_passing = is_passing
        self.pause_s = pause_s


class Api:
    """One HTTP API of Azure.

    Args:
        base: its address; plain HTTP is for loopback only, so that no token travels in the clear.
        credential: what signs requests in, or None for an API that asks for no token.
        scope: what the token is for.
        advice: what to do where an answer has this status.
        deadline: when all has to be over.
        sleep: waits between attempts.
    """

    def __init__(
        self,
        base: str,
        credential: TokenCredential | None,
        scope: str,
        *,
        advice: Mapping[int, str],
        deadline: Deadline,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        from azure.core import PipelineClient
        from azure.core.pipeline.policies import BearerTokenCredentialPolicy, UserAgentPolicy

        if not (base.startswith("https://") or is_loopback(base)):
            raise Refusal(f"{base} is not https, and a token must not travel in the clear", is_passing=False)
        self.base = base.rstrip("/")
        self._advice = advice
        self._deadline = deadline
        self._sleep = sleep
        policies: list[Any] = [UserAgentPolicy("safe-azure-openai")]
        if credential is not None:
            policies.append(BearerTokenCredentialPolicy(credential, scope, enable_cae=True))
        # Taken by the policy of tokens, and unknown to the transport where there is none.
        self._options = {"enforce_https": False} if credential is not None and is_loopback(base) else {}
        self._client: PipelineClient[Any, Any] = PipelineClient(self.base, policies=policies)

    def close(self) -> None:
        self._client.close()

    def items(self, path: str, *, next_link: str) -> Iterator[dict[str, Any]]:
        """Yield the objects of a list, page after page. A page of another host is not followed: it would get the token.

        Raises:
            Refusal: it cannot be read to its end.
        """
        url = self.base + path
        for _ in range(MAX_PAGES):
            page = self.get(url)
            listed = cast("dict[str, object]", page).get("value") if isinstance(page, dict) else None
            if not isinstance(listed, list):
                raise self._wrong("has no list 'value'")
            for item in cast("list[object]", listed):
                if not isinstance(item, dict):
                    raise self._wrong("lists something that is no object")
                yield cast("dict[str, Any]", item)
            following = cast("dict[str, Any]", page).get(next_link)
            if not following:
                return
            url = str(following)
            if not url.startswith(self.base + "/"):
                raise Refusal(
                    f"{self.base} continues its answer at another host ({host_of(url)}), which gets no token from here",
                    is_passing=False,
                )
        raise Refusal(f"{self.base} answered with more than {MAX_PAGES} pages", is_passing=False)

    def get(self, url: str) -> Any:
        """Return the JSON at ``url``.

        Raises:
            Refusal: there is none by the deadline, or the answer is an error that does not pass.
        """
        from tenacity import Retrying, retry_if_exception, wait_random_exponential

        backoff = wait_random_exponential(multiplier=0.2, max=2.0)  # anything up to 0.2, 0.4, 0.8 ... seconds

        def wait(state: RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome is not None else None
            wanted = error.pause_s if isinstance(error, Refusal) else 0.0
            # Added and not the greater of both: all who were told the same second must not come back in the same.
            return wanted + backoff(state)

        retrying = Retrying(
            retry=retry_if_exception(lambda error: isinstance(error, Refusal) and error.is_passing),
            wait=wait,
            stop=lambda state: state.upcoming_sleep >= self._deadline.left(),
            sleep=self._sleep,
            reraise=True,
        )
        return retrying(self._attempt, url)

    def _attempt(self, url: str) -> Any:
        from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError
        from azure.core.rest import HttpRequest

        left = self._deadline.left()
        if left <= 0:
            raise Refusal(f"{self.base} did not answer in time", is_passing=False)
        timeout = min(left, ATTEMPT_S)
        request = HttpRequest("GET", url, headers={"Accept": "application/json"})
        try:
            response = cast(
                "HttpResponse",
                self._client.send_request(
                    request,
                    stream=True,
                    **self._options,
                    connection_timeout=timeout,
                    read_timeout=timeout,
                ),
            )
            with response:
                return self._json(response)
        except HttpResponseError as error:
            if isinstance(error, ClientAuthenticationError):
                raise self._unsigned(error) from None
            raise Refusal(f"{self.base} did not answer: {type(error).__name__}", is_passing=True) from None
        except AzureError as error:  # no connection, a connection lost, too slow
            raise Refusal(
                f"{self.base} cannot be reached or is too slow ({type(error).__name__}); check network and proxy",
                is_passing=True,
            ) from None
        except ValueError as error:  # of the credential: it names no secret, but it could
            raise Refusal(f"the credential is set up wrong ({type(error).__name__})", is_passing=False) from None

    def _json(self, response: HttpResponse) -> Any:
        status = response.status_code
        if status != 200:
            advice = self._advice.get(status)
            raise Refusal(
                f"{self.base} answered {status}" + (f": {advice}" if advice else ""),
                is_passing=status in PASSING,
                pause_s=_retry_after(response.headers),
            )
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json" and not kind.endswith("+json"):
            raise self._wrong("is no JSON by its content type; a proxy may have answered in its place")
        content = bytearray()
        for chunk in response.iter_bytes():
            content += chunk
            if len(content) > MAX_BYTES:
                raise self._wrong("is too long")
            if self._deadline.left() <= 0:
                raise Refusal(f"{self.base} did not finish its answer in time", is_passing=False)
        try:
            return json.loads(content)
        except (ValueError, RecursionError):
            raise self._wrong("is no JSON") from None

    def _wrong(self, what: str) -> Refusal:
        return Refusal(f"the answer of {self.base} {what}", is_passing=False)

    def _unsigned(self, error: Exception) -> Refusal:
        code = _CODE.search(str(error))  # the rest of the message is left out: it may name accounts
        named = f" ({code[0]})" if code else ""
        return Refusal(
            f"no token for {self.base}{named}: sign in (az login), or give the process a managed or workload identity; "
            "AZURE_TENANT_ID, AZURE_CLIENT_ID and their like must be right where they are set",
            is_passing=False,
        )


def _retry_after(headers: Mapping[str, str]) -> float:
    """Return the seconds that an answer asks to wait, 0 where it does not say. Source: RFC 9110, section 10.2.3."""
    for name, unit in (("retry-after-ms", 1e-3), ("x-ms-retry-after-ms", 1e-3), ("retry-after", 1.0)):
        value = headers.get(name, "").strip()
        try:
            return max(0.0, float(value) * unit)
        except ValueError:
            pass
        try:
            until = parsedate_to_datetime(value)
        except (TypeError, ValueError):
            continue
        until = until if until.tzinfo is not None else until.replace(tzinfo=timezone.utc)
        return max(0.0, (until - datetime.now(timezone.utc)).total_seconds())
    return 0.0
