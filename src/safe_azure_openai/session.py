"""What is remembered of content that the server keeps: facts by id, never text.

A request may name a response, a conversation, a thread, a file and so on that an earlier call created. The guard cannot
read it again, but it has judged it once: a :class:`Session` keeps the
:class:`~safe_azure_openai.model.memory.Memory` of that judgement under the id the server gave. An id it has never seen
is a fact of its own (``Memory.is_unknown``).
Beside it stand the last pictures of each session, so that those of one moving camera are known as such (``streams``).
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Protocol

from .model.memory import UNKNOWN, LinkKind, Memory

if TYPE_CHECKING:
    from .model.request import Link, Request
    from .model.wire import Wire
    from .streams import Store, Streams

__all__ = ["Session", "Shared", "merge"]

MAX_IDS = 10_000
MAX_AGE_S = 30 * 24 * 3600.0  # responses are kept by the server for 30 days


def merge(a: Memory, b: Memory) -> Memory:
    """Return what is known when both ``a`` and ``b`` apply: the higher score of each, and known over unknown.

    Where both name a country or a camera, the one of the higher score is kept, and ``a``'s when the scores are equal.
    """
    return Memory(
        actor=max(a.actor, b.actor),
        country=_stronger(a.country, a.actor, b.country, b.actor),
        act=max(a.act, b.act),
        camera=_stronger(a.camera, a.camera_score, b.camera, b.camera_score),
        camera_score=max(a.camera_score, b.camera_score),
        timing=max(a.timing, b.timing),
        has_image=a.has_image or b.has_image,
        is_unknown=a.is_unknown or b.is_unknown,
        has_police_camera=a.has_police_camera or b.has_police_camera,
    )


def _stronger(a: str, a_score: float, b: str, b_score: float) -> str:
    if UNKNOWN in (a, b):
        return b if a == UNKNOWN else a
    return b if b_score > a_score else a


class Shared(Protocol):
    """What several processes remember together: see ``redis_store.RedisStore``. Raises nothing."""

    streams: Store

    def known(self, kind: LinkKind, id: str) -> Memory | None: ...
    def remember(self, kind: LinkKind, id: str, memory: Memory) -> None: ...


class Session:
    """Facts by id for one client and its copies; bounded in number and age, safe to share between threads.

    Args:
        shared: where it is remembered as well, for other processes.
        max_ids: ids kept; the one not used for longest is forgotten first.
        max_age_s: seconds after which an id that was not used is forgotten.
        clock: seconds, monotonic; a test may give its own.
    Raises:
        ValueError: ``max_ids`` is below 1.
    """

    def __init__(
        self,
        shared: Shared | None = None,
        *,
        max_ids: int = MAX_IDS,
        max_age_s: float = MAX_AGE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if max_ids < 1:
            raise ValueError(f"max_ids must be at least 1, not {max_ids}")
        self._shared = shared
        self._max_ids = max_ids
        self._max_age_s = max_age_s
        self._clock = clock
        self._lock = Lock()
        self._kept: OrderedDict[tuple[LinkKind, str], tuple[float, Memory]] = OrderedDict()  # oldest use first

    def __len__(self) -> int:
        return len(self._kept)

    @cached_property
    def streams(self) -> Streams:
        """The pictures of each session."""
        from .streams import Streams  # few clients send pictures

        return Streams(self._shared.streams if self._shared is not None else None)

    def anew(self) -> Session:
        """Return one that knows nothing yet but what other processes share."""
        return Session(self._shared)

    @property
    def may_wait(self) -> bool:
        """Whether asking may take long, so that it must not be done in an event loop."""
        return self._shared is not None

    def watch(self, wire: Wire, requests: Sequence[Request]) -> Sequence[Request]:
        """Return the requests, with what their pictures tell together with those before them."""
        if not any(request.pictures for request in requests):
            return requests
        return self.streams.watch(wire, requests)

    def remember(self, kind: LinkKind, id: str, memory: Memory) -> None:
        """Keep ``memory`` under an id, on top of what was known of it: a later turn adds, none takes away."""
        with self._lock:
            known = self._use(kind, id)
            self._kept[kind, id] = (self._clock(), memory if known is None else merge(known, memory))
            self._kept.move_to_end((kind, id))
            while len(self._kept) > self._max_ids:
                self._kept.popitem(last=False)
        if self._shared is not None:
            self._shared.remember(kind, id, memory)

    def known(self, kind: LinkKind, id: str) -> Memory | None:
        """Return what is kept under an id, or None if it was never seen here or is forgotten."""
        with self._lock:
            own = self._use(kind, id)
        others = self._shared.known(kind, id) if self._shared is not None else None
        return merge(own, others) if own is not None and others is not None else own or others

    def recall(self, links: Iterable[Link]) -> Memory:
        """Return the merge of what is known of ``links``; ``is_unknown`` is set if any id was never seen here."""
        memory = Memory()
        for link in links:
            memory = merge(memory, self.known(link.kind, link.id) or Memory(is_unknown=True))
        return memory

    def _use(self, kind: LinkKind, id: str) -> Memory | None:
        now = self._clock()
        while self._kept:  # uses are in order of time, so the expired ones stand first
            key, (used, _) = next(iter(self._kept.items()))
            if now - used <= self._max_age_s:
                break
            del self._kept[key]
        entry = self._kept.get((kind, id))
        if entry is None:
            return None
        self._kept[kind, id] = (now, entry[1])
        self._kept.move_to_end((kind, id))
        return entry[1]
