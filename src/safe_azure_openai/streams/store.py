"""Where the last pictures of each session are remembered."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from threading import Lock
from typing import Protocol

__all__ = ["MAX_AGE_S", "MAX_FRAMES", "MemoryStore", "Store"]

#: Pictures of a session that are remembered, and for how many seconds after the last of them.
MAX_FRAMES = 48
MAX_AGE_S = 120.0
#: Sessions and bytes that one client remembers. 1,000 full sessions take 11 MB.
MAX_SESSIONS = 1_000
MAX_BYTES = 16 * 1024 * 1024


class Store(Protocol):
    """Bytes by the name of a session, each piece of the same length."""

    def pieces(self, name: str) -> bytes:
        """Return the last pieces of a session, oldest first; nothing for one that is not known."""
        ...

    def add(self, name: str, piece: bytes) -> None:
        """Remember one piece more."""
        ...


class MemoryStore:
    """Remembers within the process; bounded in sessions, age and bytes, and safe to share between threads."""

    def __init__(
        self,
        *,
        max_sessions: int = MAX_SESSIONS,
        max_bytes: int = MAX_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_sessions = max_sessions
        self._max_bytes = max_bytes
        self._clock = clock
        self._lock = Lock()
        self._kept: OrderedDict[str, tuple[float, bytes]] = OrderedDict()  # the one used least recently first
        self.size = 0

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._kept))

    def pieces(self, name: str) -> bytes:
        with self._lock:
            self._forget()
            return self._kept.get(name, (0.0, b""))[1]

    def add(self, name: str, piece: bytes) -> None:
        with self._lock:
            known = self._kept.pop(name, (0.0, b""))[1]
            kept = (known + piece)[-MAX_FRAMES * len(piece) :]
            self._kept[name] = (self._clock(), kept)
            self.size += len(kept) - len(known)
            self._forget()

    def _forget(self) -> None:
        oldest = self._clock() - MAX_AGE_S
        while self._kept:
            name, (used, kept) = next(iter(self._kept.items()))
            if used >= oldest and len(self._kept) <= self._max_sessions and self.size <= self._max_bytes:
                return
            del self._kept[name]
            self.size -= len(kept)
