"""Which ids a reply carries: under them the server keeps content that the guard has judged."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any, cast

from .model.memory import LinkKind, Memory
from .session import Session

__all__ = ["EventReader", "carries_ids", "remember_path", "remember_reply"]

#: First part of an API path -> what its ``id`` stands for. A path that is not named here gives no ids to remember.
COLLECTIONS: dict[str, LinkKind | None] = {
    "responses": "response",
    "conversations": "conversation",
    "threads": "thread",
    "assistants": "assistant",
    "files": "file",
    "uploads": "upload",
    "vector_stores": "vector_store",
    "containers": "container",
    "agents": "agent",
    "evals": "eval",
    "realtime": None,
    "fine_tuning": None,
    "batches": None,
}

#: ``object`` of a reply -> what its ``id`` stands for.
OBJECTS: dict[str, LinkKind] = {
    "response": "response",
    "realtime.response": "response",
    "conversation": "conversation",
    "realtime.conversation": "conversation",
    "thread": "thread",
    "assistant": "assistant",
    "file": "file",
    "upload": "upload",
    "vector_store": "vector_store",
    "container": "container",
    "agent": "agent",
    "agent.session": "session",
    "eval": "eval",
    "fine_tuning.job": "model",  # the job's id stands for the model until that has a name
    "batch": "file",  # likewise for its output
}

#: Fields that hold an id, at the top of a reply.
FIELDS: dict[str, LinkKind] = {
    "conversation_id": "conversation",
    "thread_id": "thread",
    "vector_store_id": "vector_store",
    "container_id": "container",
    "upload_id": "upload",
    "fine_tuned_model": "model",
    "output_file_id": "file",
    "error_file_id": "file",
}

#: Objects that stand inside a reply or an event and have ids of their own.
NESTED: tuple[LinkKind, ...] = ("response", "conversation", "thread", "file")

#: Jobs whose results appear in a later reply; what was known of the job holds for the result.
JOBS = ("fine_tuning.job", "batch")

_READ_ONLY = frozenset({"GET", "HEAD", "DELETE"})
_READ_TYPES = frozenset({"application/json", "text/event-stream", ""})
_MAX_EVENTS = 4
_MAX_HEAD_BYTES = 8 * 1024 * 1024


def carries_ids(path: str, content_type: str = "application/json") -> bool:
    """Whether a reply of that type to ``path`` may carry an id that a later request can name. A file does not."""
    is_read = content_type.partition(";")[0].strip().lower() in _READ_TYPES
    return is_read and path.strip("/").split("/", 1)[0] in COLLECTIONS


def remember_path(session: Session, method: str, path: str, memory: Memory) -> None:
    """Keep ``memory`` under the ids that ``path`` names, unless the request only reads."""
    from .extract.roles import PATH_LINKS  # with the first reply, not with the package

    for before, word in pairwise(path.strip("/").split("/")):
        if method.upper() not in _READ_ONLY and before in PATH_LINKS and not _is_action(word):
            session.remember(PATH_LINKS[before], word, memory)


def remember_reply(session: Session, method: str, path: str, memory: Memory, reply: object) -> None:
    """Keep ``memory`` under every id that ``reply`` carries.

    A request that only reads adds nothing to what is known, except for the result of a job that is known.
    """
    if method.upper() not in _READ_ONLY:
        words = path.strip("/").split("/")
        for kind, name in _carried(reply, COLLECTIONS.get(words[0]) if len(words) == 1 else None):
            session.remember(kind, name, memory)
    for job in _jobs(reply):
        known = session.known(OBJECTS[job["object"]], str(job.get("id")))
        if known is not None:
            for kind, name in _fields(job):
                session.remember(kind, name, known)


def _is_action(part: str) -> bool:
    # "/threads/runs" and "/responses/compact" are actions of the collection, "/threads/thread_1" is a member of it.
    return part.isalpha() and part.islower()


def _carried(reply: object, default: LinkKind | None) -> Iterator[tuple[LinkKind, str]]:
    if not isinstance(reply, dict):
        return
    data = cast("dict[str, Any]", reply)
    kind = OBJECTS.get(str(data.get("object"))) if "object" in data else default
    if kind is not None and isinstance(data.get("id"), str):
        yield kind, str(data["id"])
    yield from _fields(data)
    for name in NESTED:
        inner = data.get(name)
        if isinstance(inner, dict):
            yield from _carried(cast("dict[str, Any]", inner), name)


def _fields(data: Mapping[str, Any]) -> Iterator[tuple[LinkKind, str]]:
    for name, kind in FIELDS.items():
        value = data.get(name)
        if isinstance(value, str) and value:
            yield kind, value


def _jobs(reply: object) -> Iterator[dict[str, Any]]:
    if not isinstance(reply, dict):
        return
    data = cast("dict[str, Any]", reply)
    items = cast("list[object]", data["data"]) if isinstance(data.get("data"), list) else [data]
    for item in items:
        if isinstance(item, dict) and cast("dict[str, Any]", item).get("object") in JOBS:
            yield cast("dict[str, Any]", item)


class EventReader:
    """Hands the first JSON documents of a reply to ``take``, while the caller reads the reply.

    ``feed`` each chunk before the caller gets it, so that an id is known before it can be used; ``close`` at the end.
    Bounded: of server-sent events the first few are read, of one JSON document at most 8 MiB.
    """

    def __init__(self, content_type: str, take: Callable[[object], None]) -> None:
        self._is_events = content_type.partition(";")[0].strip().lower() == "text/event-stream"
        self._take = take
        self._head = bytearray()
        self._events = 0
        self._is_done = False

    def read(self, content: bytes) -> None:
        """Read a reply that is whole."""
        if self._is_events:
            self.feed(content)
            self.close()
        else:
            self._document(content)

    def feed(self, chunk: bytes) -> None:
        """Read on; does nothing once enough was read."""
        if self._is_done:
            return
        self._head += chunk
        if self._is_events:
            *lines, rest = self._head.splitlines(keepends=True) or [bytearray()]
            if rest.endswith((b"\n", b"\r")):
                lines.append(rest)
                rest = bytearray()
            self._head = bytearray(rest)
            for line in lines:
                self._line(bytes(line))
        if len(self._head) > _MAX_HEAD_BYTES:
            self._finish()

    def close(self) -> None:
        """Read what is left: the last line, or the whole JSON document."""
        if self._is_done:
            return
        if self._is_events:
            self._line(bytes(self._head))
        else:
            self._document(bytes(self._head))
        self._finish()

    def _line(self, line: bytes) -> None:
        if self._is_done or not line.startswith(b"data:"):
            return
        self._document(line[5:])
        self._events += 1
        if self._events >= _MAX_EVENTS:
            self._finish()

    def _document(self, document: bytes) -> None:
        try:
            reply: object = json.loads(document)
        except (ValueError, RecursionError):
            return  # not JSON ("[DONE]", a file's content): it carries no id
        self._take(reply)

    def _finish(self) -> None:
        self._is_done = True
        self._head.clear()
