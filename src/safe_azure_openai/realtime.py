"""The policy enforcement point on WebSocket connections: each client event is judged with those before it.

``openai`` makes a connection with a class that can be named in ``websocket_connection_options``. Every ``connect`` of
every resource is given a subclass that judges the opening handshake and each frame before it is sent; events queued
before the connection opens, or while it is made again, are judged when they are queued. A ``connect`` that cannot be
given such a class is refused.
"""

from __future__ import annotations

import functools
import inspect
import json
import secrets
import string
from collections import deque
from collections.abc import AsyncIterable, Callable, Hashable, Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeGuard, TypeVar, cast

import anyio.to_thread
import openai

from .errors import GuardError
from .model.memory import Memory
from .model.wire import Wire
from .replies import remember_reply
from .wire import api_path

if TYPE_CHECKING:
    from .client import Enforcement

__all__ = ["Dialogue", "guarded_connect", "guarded_resources"]

MAX_ITEMS = 30  # conversation items a connection is judged with
MAX_ITEM_BYTES = 64 * 1024  # of an item kept for later; an attachment in it is cut to its head
MAX_PENDING = 256
THREAD_BYTES = 32 * 1024

_OPTIONS = "websocket_connection_options"
_FACTORY = "create_connection"
_ATTACHMENT_HEAD = 64
_C = TypeVar("_C", bound=type)

#: Fields of an event that hold sound or an id and nothing else; an event of these alone carries no words.
_NAMES = frozenset({"type", "event_id", "item_id", "content_index", "audio_end_ms", "stream_id"})
_SAMPLES = frozenset({"audio", "delta"})
_BASE64 = (string.ascii_letters + string.digits + "+/=").encode()
_SOUND = ("input_audio", "session.input_audio", "output_audio", "session.output_audio")
#: Words at the beginning of a server event that names something the server keeps.
_ANNOUNCED = ("response.created", "conversation.created", "response.done", '"error"')


class Dialogue:
    """What one ``connect`` has said: the settings in force and the last items, kept over reconnects.

    Args:
        enforcement: gives the guard and the session.
        is_responses: the connection speaks the Responses API, where each event is a request of its own.
    """

    def __init__(self, enforcement: Enforcement, *, is_responses: bool) -> None:
        self._enforcement = enforcement
        self._is_responses = is_responses
        self._lock = Lock()  # held while an event is judged, which may take a while
        self._heard = Lock()
        self._settings: dict[str, Any] = {}
        self._items: deque[dict[str, Any]] = deque(maxlen=MAX_ITEMS)
        self._memory = Memory()
        self._name = "conv_" + secrets.token_hex(8)  # the session keeps pictures under it, and facts of what was cut
        self._is_cut = False
        self._pending: deque[Memory] = deque(maxlen=MAX_PENDING)  # requests whose response has no id yet

    def open(self, uri: Any, base_path: str) -> None:
        """Judge the address of a connection before its handshake is sent."""
        wire = Wire(api_path(str(uri.path), base_path), query=str(uri.query or ""))
        memory = self._enforcement.guard.admit(wire, self._enforcement.session).memory
        if memory != Memory():  # it names a call that was set up before, by another request
            self._enforcement.session.remember("conversation", self._name, memory)
            self._is_cut = True

    def admit(self, frame: str | bytes) -> None:
        """Judge a client event together with those before it.

        Raises:
            PolicyViolation: a rule matched; the event must not be sent, and is not remembered.
            InspectionError: the frame is no JSON, or names a key twice.
        """
        from .extract.decoding import Undecodable, decode_json  # with the first event, not with the package

        try:
            event: object = decode_json(_bytes(frame))
        except Undecodable:
            self._judge(Wire(self._path, "application/octet-stream", _bytes(frame)))
            return
        if not isinstance(event, dict):
            self._judge(Wire(self._path, "application/json", _bytes(frame)))
            return
        data = cast("dict[str, Any]", event)
        if _is_wordless(data):
            return
        with self._lock:
            if self._is_responses:
                body = {name: value for name, value in data.items() if (name, value) != ("type", "response.create")}
                memory = self._judge(Wire("/responses", "application/json", _dump(body)))
                with self._heard:
                    self._pending.append(memory)
            else:
                self._admit_in_context(data)

    def hear(self, frame: str | bytes) -> None:
        """Take notice of a server event: ids it announces get what was judged so far."""
        head = frame[:300] if isinstance(frame, str) else bytes(frame[:300]).decode("utf-8", "replace")
        if not any(word in head for word in _ANNOUNCED):
            return
        try:
            event: object = json.loads(frame)
        except (ValueError, RecursionError):
            return
        kind = cast("dict[str, Any]", event).get("type") if isinstance(event, dict) else None
        with self._heard:
            memory = self._memory
            if self._is_responses and kind in ("response.created", "error"):
                memory = self._pending.popleft() if self._pending else memory
        if kind in ("response.created", "conversation.created"):
            remember_reply(self._enforcement.session, "POST", self._path, memory, cast("Any", event))

    def may_wait(self, frame: str | bytes = b"") -> bool:
        """Whether judging ``frame`` may take long, so that it must not be done in an event loop."""
        if self._enforcement.session.may_wait:
            return True
        return self._enforcement.guard.may_wait(frame.encode() if isinstance(frame, str) else frame)

    @property
    def _path(self) -> str:
        return "/responses" if self._is_responses else "/realtime"

    def _admit_in_context(self, event: dict[str, Any]) -> None:
        settings = self._settings
        session = event.get("session")
        items = [item for item in self._items if item != _slim(event)]  # a queued event is judged again when it is sent
        if isinstance(session, Mapping):
            settings = _merged(settings, cast("Mapping[str, Any]", session))
            said: list[dict[str, Any]] = [{**event, "session": settings}, *items]
        else:
            said = [*([{"type": "session.update", "session": settings}] if settings else []), *items, event]
        body = {"conversation": self._name, "events": said} if self._is_cut else {"events": said}
        self._memory = self._judge(Wire(self._path, "application/json", _dump(body)))
        self._settings = settings
        if not isinstance(session, Mapping):
            items.append(_slim(event))
            self._is_cut = self._is_cut or len(items) > MAX_ITEMS or items[-1] is not event
            self._items = deque(items, maxlen=MAX_ITEMS)
        if self._is_cut:
            self._enforcement.session.remember("conversation", self._name, self._memory)

    def _judge(self, wire: Wire) -> Memory:
        return self._enforcement.guard.admit(replace(wire, connection=self._name), self._enforcement.session).memory


def _is_wordless(event: Mapping[str, Any]) -> bool:
    kind = event.get("type")
    return (
        isinstance(kind, str)
        and kind.startswith(_SOUND)
        and event.keys() <= _NAMES | _SAMPLES
        and all(len(name) <= 64 and " " not in name for name in (str(event[key]) for key in event.keys() & _NAMES))
        and not any(_bytes(str(event[key])).translate(None, _BASE64) for key in event.keys() & _SAMPLES)
    )


def _merged(settings: Mapping[str, Any], update: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``settings`` with ``update`` laid over it, field by field at every depth, as the server does."""
    merged = dict(settings)
    for name, value in update.items():
        before = merged.get(name)
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            merged[name] = _merged(cast("Mapping[str, Any]", before), cast("Mapping[str, Any]", value))
        else:
            merged[name] = value
    return merged


def _slim(event: dict[str, Any]) -> dict[str, Any]:
    """Return ``event`` as it is kept for later: whole if it is small, else with attachments cut to their head."""
    if len(_dump(event)) <= MAX_ITEM_BYTES:
        return event
    return cast("dict[str, Any]", _cut(event))


def _cut(value: Any) -> Any:
    if isinstance(value, str):
        limit = _ATTACHMENT_HEAD if value.startswith("data:") else MAX_ITEM_BYTES
        return value[:limit]
    if isinstance(value, Mapping):
        fields = cast("Mapping[str, Any]", value)
        return {name: _cut(inner) for name, inner in fields.items() if name not in ("audio", "data")}
    return [_cut(inner) for inner in _list(value)] if isinstance(value, list) else value


def _list(value: Any) -> list[Any]:
    return list(value)


def _dump(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _bytes(frame: str | bytes) -> bytes:
    return frame.encode("utf-8", "surrogatepass") if isinstance(frame, str) else bytes(frame)


class _Guarded:
    """Mixed into a connection class of ``websockets``, whose methods it stands before."""

    dialogue: Dialogue
    base_path: str
    protocol: Any

    def _open(self) -> None:
        # websockets 13 calls the address "wsuri", later versions "uri".
        uri = getattr(self.protocol, "uri", None) or self.protocol.wsuri
        self.dialogue.open(uri, self.base_path)


class _GuardedSync(_Guarded):
    if not TYPE_CHECKING:

        def handshake(self, *args, **kwargs):
            self._open()
            return super().handshake(*args, **kwargs)

        def send(self, message, *args, **kwargs):
            message, whole = _whole(message)
            self.dialogue.admit(whole)
            return super().send(message, *args, **kwargs)

        def recv(self, *args, **kwargs):
            frame = super().recv(*args, **kwargs)
            self.dialogue.hear(frame)
            return frame


class _GuardedAsync(_Guarded):
    if not TYPE_CHECKING:

        async def handshake(self, *args, **kwargs):
            if self.dialogue.may_wait():
                await anyio.to_thread.run_sync(self._open, abandon_on_cancel=True)
            else:
                self._open()
            return await super().handshake(*args, **kwargs)

        async def send(self, message, *args, **kwargs):
            if isinstance(message, AsyncIterable):
                message = [fragment async for fragment in message]
            message, whole = _whole(message)
            may_wait = self.dialogue.may_wait(whole)
            if may_wait or len(whole) > THREAD_BYTES:
                await anyio.to_thread.run_sync(self.dialogue.admit, whole, abandon_on_cancel=may_wait)
            else:
                self.dialogue.admit(whole)
            return await super().send(message, *args, **kwargs)

        async def recv(self, *args, **kwargs):
            frame = await super().recv(*args, **kwargs)
            self.dialogue.hear(frame)
            return frame


def _whole(message: Any) -> tuple[Any, str | bytes]:
    """Return a message that can still be sent, and all of it: a message may come in fragments that are read once."""
    if isinstance(message, str):
        return message, message
    if isinstance(message, (bytes, bytearray, memoryview)):
        data = cast("bytes", message)
        return data, bytes(data)
    if not isinstance(message, Iterable):
        return message, repr(message)
    fragments = _list(message)
    whole = b"".join(_bytes(fragment) for fragment in fragments)
    return fragments, whole


@functools.cache
def _connection_class(base: type) -> type:
    """Return the guarded subclass of a connection class.

    Raises:
        GuardError: ``base`` is no client connection of ``websockets``, so nothing is known of how it sends.
    """
    from websockets.asyncio.client import ClientConnection as AsyncConnection
    from websockets.sync.client import ClientConnection as SyncConnection

    if issubclass(base, SyncConnection):
        mixin: type = _GuardedSync
    elif issubclass(base, AsyncConnection):
        mixin = _GuardedAsync
    else:
        raise _refusal(f"{_FACTORY}={base.__qualname__} is no client connection of websockets")
    return type(base.__name__, (mixin, base), {"__module__": base.__module__})


def _refusal(why: str) -> GuardError:
    return GuardError(
        "this WebSocket connection was refused, because the guard cannot see what would be sent on it\n"
        f"  why  {why}\n"
        f"  fix  leave out {_FACTORY}, or give a subclass of websockets' ClientConnection"
    )


def guarded_connect(
    upstream: Callable[..., Any], enforcement_of: Callable[[Any], Enforcement | None]
) -> Callable[..., Any]:
    """Return a resource's ``connect`` whose connections are guarded.

    Args:
        upstream: the resource class's own ``connect``.
        enforcement_of: gives a client's enforcement; None leaves the connection as it is.
    Raises:
        GuardError: at the call, the connection cannot be guarded.
    """
    signature = inspect.signature(upstream)

    @functools.wraps(upstream)
    def connect(resource: Any, *args: Any, **kwargs: Any) -> Any:
        client = resource._client  # noqa: SLF001 - all resources of upstream keep it there
        enforcement = enforcement_of(client)
        if enforcement is None:
            return upstream(resource, *args, **kwargs)
        if _OPTIONS not in signature.parameters:
            raise _refusal(f"{type(resource).__qualname__}.connect takes no {_OPTIONS}")
        bound = signature.bind(resource, *args, **kwargs)
        options = dict(bound.arguments.get(_OPTIONS) or {})
        given = options.get(_FACTORY)
        if getattr(given, "is_guarded", False):  # by this wrapper, one class further out
            return upstream(resource, *args, **kwargs)
        dialogue = Dialogue(enforcement, is_responses=".responses" in type(resource).__module__)
        options[_FACTORY] = _factory(given, dialogue, client)
        bound.arguments[_OPTIONS] = options
        manager = upstream(*bound.args, **bound.kwargs)
        _guard_queue(manager, dialogue)
        return manager

    connect.__signature__ = signature  # type: ignore[attr-defined]
    return connect


def _factory(given: Any, dialogue: Dialogue, client: Any) -> Callable[..., Any]:
    if given is None:
        from websockets.asyncio.client import ClientConnection as AsyncConnection
        from websockets.sync.client import ClientConnection as SyncConnection

        given = AsyncConnection if isinstance(client, openai.AsyncOpenAI) else SyncConnection
    if not isinstance(given, type):
        raise _refusal(f"{_FACTORY} is a function, and nothing is known of what it makes")
    guarded = _connection_class(given)
    base_path = str(client.base_url.path)

    def create(*args: Any, **kwargs: Any) -> Any:
        connection = guarded(*args, **kwargs)
        connection.dialogue, connection.base_path = dialogue, base_path
        return connection

    create.is_guarded = True  # type: ignore[attr-defined]
    return create


def _guard_queue(manager: Any, dialogue: Dialogue) -> None:
    """Judge events when they are queued; ``openai`` logs and drops what fails when the queue is emptied."""
    fields = cast("dict[str, Any]", vars(manager))
    queues = [value for value in fields.values() if hasattr(value, "enqueue")]
    if hasattr(manager, "send") and not queues:
        raise _refusal(f"{type(manager).__qualname__} queues events in a place the guard does not know")
    for queue in queues:
        enqueue = queue.enqueue

        def judged(data: str | bytes, *args: Any, enqueue: Any = enqueue, queue: Any = queue, **kwargs: Any) -> Any:
            # A frame offered to an empty queue is sent at once, and judged then.
            if not (kwargs.get("only_if_pending") and not queue.has_pending_or_flushing):
                dialogue.admit(data)
            return enqueue(data, *args, **kwargs)

        queue.enqueue = judged


def _enforcement_of(client: Any) -> Enforcement:
    return cast("Enforcement", client._enforcement)  # noqa: SLF001 - our own class


def guarded_resources(cls: _C) -> _C:
    """Class decorator for a client: what its resources, and theirs in turn, ``connect`` to is guarded.

    Nothing is listed and nothing is imported early: each property that makes a resource hands it over with a class that
    overrides ``connect``. ``openai`` itself is not changed.
    """
    for name, member in _cached_properties(cls.__mro__[1]):
        _override(cls, name, member)
    return cls


def _override(cls: type, name: str, member: cached_property[Any]) -> None:
    @functools.wraps(member.func)
    def make(owner: Any) -> Any:
        resource = member.func(owner)
        if isinstance(getattr(resource, "_client", None), (openai.OpenAI, openai.AsyncOpenAI)):
            resource.__class__ = _resource_class(cast("Hashable", type(resource)))
        return resource

    guarded = cached_property(make)
    guarded.__set_name__(cls, name)
    setattr(cls, name, guarded)


@functools.cache
def _resource_class(key: Hashable) -> type:
    base = cast("type[Any]", key)  # a cache takes what is hashable
    cls = type(base.__name__, (base,), {"__module__": base.__module__, "__qualname__": base.__qualname__})
    cls.__doc__ = base.__doc__
    for name, member in _cached_properties(base):
        _override(cls, name, member)
    if callable(getattr(base, "connect", None)):
        cls.connect = guarded_connect(base.connect, _enforcement_of)  # type: ignore[attr-defined]
    return cls


def _cached_properties(cls: type) -> list[tuple[str, cached_property[Any]]]:
    found: dict[str, cached_property[Any]] = {}
    for base in reversed(cls.__mro__):
        found.update({name: member for name, member in vars(base).items() if _makes_once(member)})
    return list(found.items())


def _makes_once(member: object) -> TypeGuard[cached_property[Any]]:
    return isinstance(member, cached_property)
