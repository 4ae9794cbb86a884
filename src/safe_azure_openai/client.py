"""The policy enforcement point: ``openai``'s four clients, with one hook between the finished request and the network.

``_prepare_request`` runs at every attempt of every HTTP call, after the URL, the headers and the body are final. There
the request is read, judged and, where a rule matches, stopped by an exception that ``openai`` does not wrap or retry.
Replies are watched for the ids under which the server keeps content. Everything else is ``openai``'s own code.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterable, AsyncIterator, Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import anyio.to_thread
import openai

from .credentials import API_VERSION, AsyncTokenProvider, SignIn, TokenProvider, conceal, confine
from .errors import ConfigurationError
from .guard import Guard
from .model.memory import Memory
from .model.wire import Wire
from .realtime import guarded_resources
from .replies import EventReader, carries_ids, remember_path, remember_reply
from .session import Session
from .wire import HttpRequest, HttpResponse, wire_of

if TYPE_CHECKING:
    from typing_extensions import Self

    from .decision import Decision
    from .retry import Fallback, Retries, RetryPolicy
    from .uploads import Uploads

__all__ = ["AsyncAzureOpenAI", "AsyncOpenAI", "AzureOpenAI", "Enforcement", "OpenAI"]

#: Bodies above this size are judged in a thread by the asynchronous clients: a thread costs 0.1 ms, and judging
#: so many bytes costs more than that.
THREAD_BYTES = 32 * 1024

_EXTENSION = "safe_azure_openai"  # of a request: what was judged; the HTTP libraries keep unknown extensions
_F = TypeVar("_F", bound=Callable[..., Any])

_handover: ContextVar[tuple[type, Enforcement] | None] = ContextVar("safe_azure_openai_handover", default=None)
_recorded: ContextVar[set[str] | None] = ContextVar("safe_azure_openai_recorded", default=None)


class Enforcement:
    """What a client and its copies share: the guard, what is known of content that the server keeps, and retries."""

    def __init__(
        self,
        guard: Guard,
        session: Session | None = None,
        uploads: Uploads | None = None,
        retries: Retries | None = None,
    ) -> None:
        from .uploads import Uploads  # with the first client, not with the package

        self.guard = guard
        self.retries = retries
        self.session = session if session is not None else Session()
        self.uploads = uploads if uploads is not None else Uploads()

    @classmethod
    def from_env(cls, guard: Guard | None = None) -> Enforcement:
        """Return what the environment describes, with another guard if one is given.

        Raises:
            ConfigurationError: a variable is wrong, or what it names is not installed.
        """
        from .settings import Settings

        settings = Settings.load()
        guard = guard if guard is not None else Guard.from_env(settings)
        if settings.session_store == "memory":
            return cls(guard)
        from .redis_store import RedisStore  # for those who want it

        return cls(guard, Session(RedisStore(settings.session_store)))

    def anew(self) -> Enforcement:
        """Return the same for another client, which knows nothing yet but what all processes share."""
        return Enforcement(self.guard, self.session.anew())

    def with_guard(self, guard: Guard) -> Enforcement:
        """Return the same with another guard; what is known stays, for the server keeps it for all."""
        if not callable(getattr(guard, "admit", None)):
            raise ConfigurationError(f"with_guard({guard!r:.80}) is not valid: give a Guard, such as Guard.from_env()")
        return Enforcement(guard, self.session, self.uploads, self.retries)

    def with_retries(self, policy: RetryPolicy | None, fallbacks: Sequence[Fallback], kind: type) -> Enforcement:
        """Return the same with another policy for retries, or with none; the fallbacks must be clients of that kind."""
        if policy is None:
            return Enforcement(self.guard, self.session, self.uploads)
        from .retry import Retries  # for those who want it

        for fallback in fallbacks:
            if not isinstance(fallback.client, kind):
                raise ConfigurationError(
                    f"with_retries(fallbacks=...): {type(fallback.client).__module__}.{type(fallback.client).__name__} "
                    f"cannot take a request over; give a client of safe_azure_openai that is an {kind.__name__}"
                )
        return Enforcement(self.guard, self.session, self.uploads, Retries(policy, fallbacks))

    @contextmanager
    def handed_over(self, cls: type) -> Generator[None, None, None]:
        """The next ``cls`` made in this context takes this enforcement, without a constructor argument for it."""
        token = _handover.set((cls, self))
        try:
            yield
        finally:
            _handover.reset(token)

    @staticmethod
    def taken(client: type) -> Enforcement:
        """Return the enforcement a copy hands over to a ``client``, else a new one that the environment configures."""
        given = _handover.get()
        if given is None or given[0] is not client:  # a client that the constructor of a copy makes for itself
            return Enforcement.from_env()
        _handover.set(None)
        return given[1]

    def admit(self, request: HttpRequest, base_path: str, recorded: set[str]) -> None:
        """Judge a request whose body has been read.

        Raises:
            PolicyViolation: a rule matched.
            InspectionError: a part cannot be inspected.
        """
        wire = wire_of(request, base_path)
        if told := self.guard.tenants.read(request.headers.get("authorization", "")):
            wire = replace(wire, told=told)
        decision: Decision = self.guard.admit(self.uploads.whole(wire), self.session, seen=recorded)
        request.extensions[_EXTENSION] = (wire, decision.memory)

    def admit_read(self, request: Any, base_path: str) -> None:
        """Read a request's body and judge it; what is read is what is sent."""
        _check_body(request, Iterable, "an async request with a sync Client")
        request.read()
        if not _is_judged(request):
            self.admit(request, base_path, _recorded_by(request))

    async def admit_read_async(self, request: Any, base_path: str) -> None:
        """The same without holding up the event loop: what takes long is judged in a thread.

        Who gives up a call need not wait for a second opinion on it, or for its pictures; the thread ends by itself.
        """
        _check_body(request, AsyncIterable, "a sync request with an AsyncClient")
        await request.aread()
        if _is_judged(request):
            return
        recorded = _recorded_by(request)
        may_wait = self.session.may_wait or self.guard.may_wait(request.content)
        if may_wait or len(request.content) > THREAD_BYTES:
            await anyio.to_thread.run_sync(self.admit, request, base_path, recorded, abandon_on_cancel=may_wait)
        else:
            self.admit(request, base_path, recorded)

    def watch(self, response: HttpResponse) -> None:
        """Remember what was judged under the ids that the reply carries: at once, or as the caller reads it."""
        judged: tuple[Wire, Memory] | None = response.request.extensions.get(_EXTENSION)
        content_type = response.headers.get("content-type", "")
        if judged is None or not carries_ids(judged[0].path, content_type):
            return
        wire, memory = judged
        # What the path names is known without the reply, which may be empty.
        remember_path(self.session, response.request.method, wire.path, memory)
        reader = EventReader(
            content_type,
            lambda reply: self._remember(response.request.method, wire, memory, reply),
        )
        try:
            content = response.content
        except RuntimeError:  # a stream that nobody has read yet
            _tap(response, reader)
        else:
            reader.read(content)

    async def watch_async(self, response: HttpResponse) -> None:
        """The same without holding up the event loop where other processes have to be told."""
        if self.session.may_wait:
            await anyio.to_thread.run_sync(self.watch, response)
        else:
            self.watch(response)

    def _remember(self, method: str, wire: Wire, memory: Memory, reply: object) -> None:
        remember_reply(self.session, method, wire.path, memory, reply)
        self.uploads.note(wire, reply)


def _check_body(request: Any, kind: type, what: str) -> None:
    """Say what the HTTP library says at sending, where reading such a body would fail without a word."""
    if not isinstance(request.stream, kind):
        raise RuntimeError(f"Attempted to send {what} instance.")  # noqa: TRY004 - as upstream


def _is_judged(request: HttpRequest) -> bool:
    """Whether a request was judged as it is: each is judged once, however many hooks see it, unless one changed it."""
    judged: tuple[Wire, Memory] | None = request.extensions.get(_EXTENSION)
    return judged is not None and judged[0].body == request.content


def _recorded_by(request: HttpRequest) -> set[str]:
    """Return the digests recorded by earlier attempts of this call; a new set at its first attempt."""
    recorded = _recorded.get()
    if recorded is None or request.headers.get("x-stainless-retry-count", "0") == "0":
        recorded = set[str]()
        _recorded.set(recorded)
    return recorded


def _tap(response: Any, reader: EventReader) -> None:
    """Let ``reader`` see the decoded bytes of a stream before the caller does; bytes and timing stay the same.

    The iterators are replaced on this one object and put back as soon as one of them runs, so that a response that was
    read pickles and compares as before. Of raw bytes only those can be read that are not packed.
    """
    names = [("iter_bytes", "aiter_bytes")]
    if response.headers.get("content-encoding", "identity") == "identity":
        names.append(("iter_raw", "aiter_raw"))

    def restore() -> None:
        for name in (name for pair in names for name in pair):
            response.__dict__.pop(name, None)

    def tapped(plain: Callable[..., Iterator[bytes]]) -> Callable[..., Iterator[bytes]]:
        def read(*args: Any, **kwargs: Any) -> Iterator[bytes]:
            restore()
            for chunk in plain(*args, **kwargs):
                reader.feed(chunk)
                yield chunk
            reader.close()

        return read

    def tapped_async(plain: Callable[..., AsyncIterator[bytes]]) -> Callable[..., AsyncIterator[bytes]]:
        async def read(*args: Any, **kwargs: Any) -> AsyncIterator[bytes]:
            restore()
            async for chunk in plain(*args, **kwargs):
                reader.feed(chunk)
                yield chunk
            reader.close()

        return read

    for name, asynchronous in names:
        setattr(response, name, tapped(getattr(response, name)))
        setattr(response, asynchronous, tapped_async(getattr(response, asynchronous)))


def _signed_as(upstream: Callable[..., Any]) -> Callable[[_F], _F]:
    """Give a method the name, the docstring and the signature of the one it stands in for.

    ``__signature__``, not ``__wrapped__`` alone: frameworks ask ``inspect.getfullargspec``, which does not unwrap.
    """

    def sign(method: _F) -> _F:
        functools.update_wrapper(method, upstream)
        setattr(method, "__signature__", inspect.signature(upstream))  # noqa: B010 - no type knows the attribute
        return method

    return sign


_API = ("base_url",), "OPENAI_BASE_URL"
_AZURE = ("base_url", "azure_endpoint"), "AZURE_OPENAI_ENDPOINT", (("api_version", "OPENAI_API_VERSION", API_VERSION),)
_SIGN_IN = SignIn("api_key", TokenProvider, *_API)
_ASYNC_SIGN_IN = SignIn("api_key", AsyncTokenProvider, *_API)
_AZURE_SIGN_IN = SignIn("azure_ad_token_provider", TokenProvider, *_AZURE)
_ASYNC_AZURE_SIGN_IN = SignIn("azure_ad_token_provider", AsyncTokenProvider, *_AZURE)


@guarded_resources
class OpenAI(openai.OpenAI):
    """``openai.OpenAI`` that sends nothing the policy forbids. Takes the same arguments; the environment configures it.

    Raises, besides what ``openai`` raises:
        ConfigurationError: when it is made, a setting is wrong.
        PolicyViolation: at a call, a rule of the policy matched; nothing was sent.
        InspectionError: at a call, a part cannot be inspected; nothing was sent.
    """

    _enforcement: Enforcement

    # Hidden from type checkers, so that they show the upstream overloads.
    if not TYPE_CHECKING:

        @_signed_as(openai.OpenAI.__init__)
        def __init__(self, *args, **kwargs):
            _SIGN_IN.construct(functools.partial(super().__init__, *args), kwargs)
            self._enforcement = Enforcement.taken(type(self))

        @_signed_as(openai.OpenAI.copy)
        def copy(self, *args, **kwargs):
            with self._enforcement.handed_over(type(self)):
                return super().copy(*args, **kwargs)

        with_options = copy

        @_signed_as(openai.OpenAI.request)
        def request(self, cast_to, options, **kwargs):
            if (retries := self._enforcement.retries) is None:
                return super().request(cast_to, options, **kwargs)

            def send(to, attempt):
                return to._request_once(cast_to, attempt, **kwargs)  # noqa: SLF001 - of the same class

            return retries.request(self, options, send)

        def _request_once(self, cast_to, options, **kwargs):
            return super().request(cast_to, options, **kwargs)

        def _prepare_request(self, request):
            super()._prepare_request(request)
            self._enforcement.admit_read(request, self.base_url.path)

        def _send_request(self, request, **kwargs):
            self._enforcement.admit_read(request, self.base_url.path)  # a subclass may prepare without asking us
            confine(self, request)
            response = None
            try:
                response = super()._send_request(request, **kwargs)
            finally:
                conceal(self, request, response)
            return response

        def _process_response(self, *, response, **kwargs):
            self._enforcement.watch(response)
            return super()._process_response(response=response, **kwargs)

    def with_guard(self, guard: Guard) -> Self:
        """Return a copy that another guard protects; it shares connections and what is known of earlier calls.

        Raises:
            ConfigurationError: that is no guard.
        """
        copied = self.copy()
        copied._enforcement = self._enforcement.with_guard(guard)  # noqa: SLF001 - of the same class
        return copied

    def with_retries(self, policy: RetryPolicy | None, *, fallbacks: Sequence[Fallback] = ()) -> Self:
        """Return a copy that tries again by ``policy`` in place of ``max_retries``; with None as ``openai`` does.

        Args:
            policy: a ``safe_azure_openai.retry.RetryPolicy``; the copy and its copies share its budget.
            fallbacks: other deployments, in the order in which they are asked.
        Raises:
            ConfigurationError: a fallback is no client of this kind, or ``tenacity`` is not installed.
        """
        copied = self.copy()
        copied._enforcement = self._enforcement.with_retries(policy, fallbacks, OpenAI)  # noqa: SLF001 - of the same class
        return copied


@guarded_resources
class AsyncOpenAI(openai.AsyncOpenAI):
    """``openai.AsyncOpenAI`` that sends nothing the policy forbids; see :class:`OpenAI`."""

    _enforcement: Enforcement

    if not TYPE_CHECKING:

        @_signed_as(openai.AsyncOpenAI.__init__)
        def __init__(self, *args, **kwargs):
            _ASYNC_SIGN_IN.construct(functools.partial(super().__init__, *args), kwargs)
            self._enforcement = Enforcement.taken(type(self))

        @_signed_as(openai.AsyncOpenAI.copy)
        def copy(self, *args, **kwargs):
            with self._enforcement.handed_over(type(self)):
                return super().copy(*args, **kwargs)

        with_options = copy

        @_signed_as(openai.AsyncOpenAI.request)
        async def request(self, cast_to, options, **kwargs):
            if (retries := self._enforcement.retries) is None:
                return await super().request(cast_to, options, **kwargs)

            def send(to, attempt):
                return to._request_once(cast_to, attempt, **kwargs)  # noqa: SLF001 - of the same class

            return await retries.request_async(self, options, send)

        async def _request_once(self, cast_to, options, **kwargs):
            return await super().request(cast_to, options, **kwargs)

        async def _prepare_request(self, request):
            await super()._prepare_request(request)
            await self._enforcement.admit_read_async(request, self.base_url.path)

        async def _send_request(self, request, **kwargs):
            await self._enforcement.admit_read_async(request, self.base_url.path)  # as in the synchronous client
            confine(self, request)
            response = None
            try:
                response = await super()._send_request(request, **kwargs)
            finally:
                conceal(self, request, response)
            return response

        async def _process_response(self, *, response, **kwargs):
            await self._enforcement.watch_async(response)
            return await super()._process_response(response=response, **kwargs)

    def with_guard(self, guard: Guard) -> Self:
        """Return a copy that another guard protects; it shares connections and what is known of earlier calls.

        Raises:
            ConfigurationError: that is no guard.
        """
        copied = self.copy()
        copied._enforcement = self._enforcement.with_guard(guard)  # noqa: SLF001 - of the same class
        return copied

    def with_retries(self, policy: RetryPolicy | None, *, fallbacks: Sequence[Fallback] = ()) -> Self:
        """Return a copy that tries again by ``policy`` in place of ``max_retries``; with None as ``openai`` does.

        Args:
            policy: a ``safe_azure_openai.retry.RetryPolicy``; the copy and its copies share its budget.
            fallbacks: other deployments, in the order in which they are asked.
        Raises:
            ConfigurationError: a fallback is no client of this kind, or ``tenacity`` is not installed.
        """
        copied = self.copy()
        copied._enforcement = self._enforcement.with_retries(policy, fallbacks, AsyncOpenAI)  # noqa: SLF001 - of the same class
        return copied


# Upstream's Azure classes call ``super()`` in constructor and ``copy``, so in this order of bases every method above
# stands between them and upstream's base. Their constructors are completed apart: upstream's miss a key before the
# base's see it.
class AzureOpenAI(openai.AzureOpenAI, OpenAI):
    """``openai.AzureOpenAI`` that sends nothing the policy forbids; see :class:`OpenAI`."""

    if not TYPE_CHECKING:

        @_signed_as(openai.AzureOpenAI.__init__)
        def __init__(self, *args, **kwargs):
            _AZURE_SIGN_IN.construct(functools.partial(super().__init__, *args), kwargs)


class AsyncAzureOpenAI(openai.AsyncAzureOpenAI, AsyncOpenAI):
    """``openai.AsyncAzureOpenAI`` that sends nothing the policy forbids; see :class:`AsyncOpenAI`."""

    if not TYPE_CHECKING:

        @_signed_as(openai.AsyncAzureOpenAI.__init__)
        def __init__(self, *args, **kwargs):
            _ASYNC_AZURE_SIGN_IN.construct(functools.partial(super().__init__, *args), kwargs)
