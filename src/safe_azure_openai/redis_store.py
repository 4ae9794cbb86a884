"""What is remembered, in Redis, so that several processes share it; and in this process, for when Redis is away.

Redis gets facts and profiles under the hashes of ids: numbers and closed choices, never words, pictures or the ids.
Where it cannot be reached, the process goes on with its own memory, says so in the log, and asks again a while later.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable
from dataclasses import asdict, fields
from importlib import import_module
from importlib.util import find_spec
from typing import Any, TypeAlias, TypeVar, cast

from .errors import ConfigurationError
from .model.memory import LinkKind, Memory
from .session import MAX_AGE_S, merge
from .streams.store import MAX_AGE_S as MAX_STREAM_AGE_S
from .streams.store import MAX_FRAMES, MemoryStore, Store

__all__ = ["RedisStore"]

#: Seconds that one question may take, and for which nothing is asked after one that failed.
TIMEOUT_S = 0.25
REST_S = 30.0

_PREFIX = "safe-azure-openai:1"  # the number is that of the layout
_VARIABLE = "SAFE_AZURE_OPENAI_SESSION_STORE"
_T = TypeVar("_T")
_Redis: TypeAlias = Any  # the client's types differ from version to version, and it need not be installed

_log = logging.getLogger("safe_azure_openai")


class RedisStore:
    """Facts by id and pictures by session, shared by all processes that name the same database.

    Args:
        url: address of the database, such as ``redis://host:6379/0``; nothing is opened before the first question.
        rest_s: seconds for which nothing is asked after a question that failed.
        clock: seconds, monotonic, for that.
    Raises:
        ConfigurationError: the package ``redis`` is not installed, or the address is none.
    """

    def __init__(self, url: str, *, rest_s: float = REST_S, clock: Callable[[], float] = time.monotonic) -> None:
        if find_spec("redis") is None:
            raise ConfigurationError(
                f"{_VARIABLE} names Redis, whose client is not installed: pip install 'safe-azure-openai[redis]'"
            )
        once = import_module("redis.retry").Retry(import_module("redis.backoff").NoBackoff(), 0)
        try:
            self._redis: _Redis = import_module("redis").Redis.from_url(
                url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S, retry=once
            )
            self._redis.connection_pool.make_connection()  # opens nothing, and fails where an option is unknown
        except (TypeError, ValueError) as error:  # its text may hold a password
            raise ConfigurationError(f"{_VARIABLE} is no address of a database: write redis://host:6379/0") from error
        self._rest_s = rest_s
        self._clock = clock
        self._asks_again_at = 0.0
        self.is_away = False
        self.streams: Store = _Streams(self)

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    def known(self, kind: LinkKind, id: str) -> Memory | None:
        """Return what is kept under an id, None if nothing is or Redis is away."""
        return self.ask(lambda redis: _memory(redis.get(_key("id", kind, id))), None)

    def remember(self, kind: LinkKind, id: str, memory: Memory) -> None:
        """Keep ``memory`` under an id, on top of what any process keeps there."""
        key = _key("id", kind, id)

        def add(pipe: _Redis) -> None:
            known = _memory(pipe.get(key))
            pipe.multi()
            pipe.set(key, json.dumps(asdict(memory if known is None else merge(known, memory))), ex=int(MAX_AGE_S))

        self.ask(lambda redis: redis.transaction(add, key), None)

    def ask(self, question: Callable[[_Redis], _T], otherwise: _T) -> _T:
        """Return the answer of Redis, or ``otherwise`` while it is away."""
        if self.is_away and self._clock() < self._asks_again_at:
            return otherwise
        try:
            answer = question(self._redis)
        except (import_module("redis").RedisError, OSError) as error:
            if not self.is_away:
                _log.warning(
                    "%s: Redis does not answer (%s); this process goes on from its own memory, and asks again in %g s",
                    _VARIABLE, type(error).__name__, self._rest_s,
                )  # fmt: skip
            self.is_away, self._asks_again_at = True, self._clock() + self._rest_s
            return otherwise
        if self.is_away:
            _log.warning("%s: Redis answers again", _VARIABLE)
        self.is_away = False
        return answer


class _Streams:
    """The pictures of sessions; each is kept in this process too."""

    def __init__(self, store: RedisStore) -> None:
        self._store = store
        self._own = MemoryStore()

    def pieces(self, name: str) -> bytes:
        own = self._own.pieces(name)
        return self._store.ask(lambda redis: b"".join(redis.lrange(_key("stream", name), 0, -1)), own)

    def add(self, name: str, piece: bytes) -> None:
        self._own.add(name, piece)

        def push(redis: _Redis) -> None:
            key = _key("stream", name)
            with redis.pipeline() as pipe:
                pipe.rpush(key, piece).ltrim(key, -MAX_FRAMES, -1).expire(key, int(MAX_STREAM_AGE_S)).execute()

        self._store.ask(push, None)


def _key(*parts: str) -> str:
    *kinds, name = parts
    return ":".join((_PREFIX, *kinds, hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:40]))


def _memory(data: bytes | None) -> Memory | None:
    """Return what was kept; fields that another version added are left out."""
    if data is None:
        return None
    kept = cast("dict[str, Any]", json.loads(data))
    return Memory(**{field.name: kept[field.name] for field in fields(Memory) if field.name in kept})
