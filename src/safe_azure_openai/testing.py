"""For tests and demonstrations without a network: a stand-in for the API on loopback, and a guard that obeys a marker.

    with Loopback() as server:
        client = AzureOpenAI(azure_endpoint=server.url, api_key="none", api_version="2024-10-21")
        client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "Hello"}])
        assert server.requests[0].path == "/chat/completions"

It speaks real HTTP and real WebSockets, so what it did not receive was not sent.
"""

from __future__ import annotations

import json
import re
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote

from .decision import Decision
from .errors import violation
from .guard import Guard, Mode
from .model.facts import RuleMatch
from .model.memory import Memory
from .model.wire import Wire
from .session import Session
from .tenant import Tenant
from .wire import api_path

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Loopback", "MarkerGuard", "Received", "Reply"]

#: Last word of a POST path -> the object that is made, the beginning of its id, and its other fields.
_MADE: dict[str, tuple[str, str, dict[str, Any]]] = {
    "assistants": ("assistant", "asst", {"tools": []}),
    "threads": ("thread", "thread", {}),
    "messages": ("thread.message", "msg", {"role": "user", "content": []}),
    "runs": ("thread.run", "run", {"status": "completed"}),
    "conversations": ("conversation", "conv", {}),
    "agents": ("agent", "agent", {}),
    "evals": ("eval", "eval", {}),
    "files": ("file", "file", {"filename": "file", "bytes": 0, "status": "processed"}),
    "vector_stores": ("vector_store", "vs", {"status": "completed"}),
    "uploads": ("upload", "upload", {"status": "pending"}),
    "parts": ("upload.part", "part", {}),
    "complete": ("upload", "upload", {"status": "completed"}),
    "containers": ("container", "cntr", {}),
    "batches": ("batch", "batch", {"status": "validating"}),
    "jobs": ("fine_tuning.job", "ftjob", {"fine_tuned_model": None}),
    "embeddings": ("list", "emb", {"data": [{"object": "embedding", "index": 0, "embedding": [0.0]}]}),
}
#: Words of a path that are followed by the id of their owner, and the field a reply names that owner in.
_OWNERS = {"threads": "thread_id", "vector_stores": "vector_store_id", "uploads": "upload_id"}


@dataclass(frozen=True, slots=True)
class Received:
    """One HTTP request as it arrived. ``path`` is the API path, ``target`` what stood in the request line."""

    method: str
    path: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        """Return the first header of that name, in any case."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the stand-in answers. Several ``chunks`` are sent one by one; ``close`` breaks off after them."""

    chunks: tuple[bytes, ...]
    status: int = 200
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    close: bool = False

    @classmethod
    def of(cls, value: object, status: int = 200) -> Reply:
        """Return a JSON reply."""
        return cls((json.dumps(value).encode(),), status)

    @classmethod
    def events(cls, *events: object) -> Reply:
        """Return a stream of server-sent events that ends with ``[DONE]``; a pair is an event's name and its data."""
        chunks: list[bytes] = []
        for event in events:
            name, data = cast("tuple[str, object]", event) if isinstance(event, tuple) else ("", event)
            head = f"event: {name}\n" if name else ""
            chunks.append(f"{head}data: {json.dumps(data)}\n\n".encode())
        return cls((*chunks, b"data: [DONE]\n\n"), content_type="text/event-stream")


class Loopback:
    """A stand-in for OpenAI and Azure OpenAI on 127.0.0.1; use it as a context manager.

    Args:
        answer: what the model says: a text, or a function of the request's JSON.
    Attributes:
        requests: HTTP requests in order of arrival.
        frames: client frames of all WebSocket connections in order of arrival.
        sockets: request lines of the WebSocket handshakes.
        connections: TCP connections accepted, whether or not anything was sent on them.
    """

    def __init__(self, answer: str | Callable[[Any], str] = "Hello from the stand-in.") -> None:
        self.requests: list[Received] = []
        self.frames: list[str | bytes] = []
        self.sockets: list[str] = []
        self.connections = 0
        self.errors: list[BaseException] = []
        self._answer = answer
        self._replies: list[tuple[re.Pattern[str], list[Reply]]] = []
        self._ids: Counter[str] = Counter()
        self._open: list[Any] = []
        self._lock = threading.RLock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.stand_in = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        """The address, without a path: an Azure endpoint."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def reply(self, path: str, *replies: Reply) -> None:
        """Answer requests whose API path matches the pattern ``path``, in turn; the last one stays."""
        self._replies.insert(0, (re.compile(path), list(replies)))

    def forget(self) -> None:
        """Start anew: nothing received, ids count from 1 again, no replies prepared."""
        with self._lock:
            self.requests.clear()
            self.frames.clear()
            self.sockets.clear()
            self._replies.clear()
            self._ids.clear()

    def close_sockets(self, code: int = 1012) -> None:
        """Close all WebSocket connections, as a server does that restarts."""
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.close(code)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    # What follows is called by the handler's threads.

    def receive(self, request: Received) -> Reply:
        """Keep a request and return the answer."""
        with self._lock:
            self.requests.append(request)
            for pattern, replies in self._replies:
                if pattern.search(request.path):
                    return replies.pop(0) if len(replies) > 1 else replies[0]
            return self._reply(request)

    def _reply(self, request: Received) -> Reply:
        body = _json(request.body)
        words = request.path.strip("/").split("/")
        if request.method != "POST":
            return Reply.of({"id": words[-1], "object": "list", "data": [], "deleted": True})
        if request.path == "/chat/completions":
            return self._chat(body)
        if request.path == "/responses":
            return self._response(body)
        if words[-1] in _MADE:
            return Reply.of(self._made(words, body))
        return Reply.of({"id": self._id("obj"), "object": words[-1], "data": []})

    def _chat(self, body: Mapping[str, Any]) -> Reply:
        base: dict[str, Any] = {"id": self._id("chatcmpl"), "created": 0, "model": body.get("model", "")}
        text = self._say(body)
        if not body.get("stream"):
            choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
            usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
            return Reply.of({**base, "object": "chat.completion", "choices": [choice], "usage": usage})
        pieces: list[tuple[dict[str, str], str | None]] = [({"role": "assistant", "content": ""}, None)]
        pieces += [({"content": word}, None) for word in _words(text)]
        pieces += [({}, "stop")]
        return Reply.events(
            *(
                {
                    **base,
                    "object": "chat.completion.chunk",
                    "choices": [{"index": 0, "delta": delta, "finish_reason": reason}],
                }
                for delta, reason in pieces
            )
        )

    def _response(self, body: Mapping[str, Any]) -> Reply:
        response = self.response(body)
        if not body.get("stream"):
            return Reply.of(response)
        item: dict[str, Any] = response["output"][0]
        part: dict[str, Any] = item["content"][0]
        at: dict[str, Any] = {"output_index": 0}
        within: dict[str, Any] = {**at, "item_id": item["id"], "content_index": 0, "logprobs": []}
        events: list[dict[str, Any]] = [
            {"type": "response.created", "response": {**response, "status": "in_progress", "output": []}},
            {"type": "response.output_item.added", **at, "item": {**item, "status": "in_progress", "content": []}},
            {"type": "response.content_part.added", **within, "part": {**part, "text": ""}},
            *({"type": "response.output_text.delta", **within, "delta": word} for word in _words(part["text"])),
            {"type": "response.output_text.done", **within, "text": part["text"]},
            {"type": "response.content_part.done", **within, "part": part},
            {"type": "response.output_item.done", **at, "item": item},
            {"type": "response.completed", "response": response},
        ]
        return Reply.events(*((event["type"], {**event, "sequence_number": n}) for n, event in enumerate(events)))

    def response(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return a response object with a new id."""
        content: list[dict[str, Any]] = [{"type": "output_text", "text": self._say(body), "annotations": []}]
        conversation = body.get("conversation")
        return {
            "id": self._id("resp"),
            "object": "response",
            "created_at": 0,
            "status": "completed",
            "model": body.get("model", ""),
            "conversation": {"id": conversation} if isinstance(conversation, str) else conversation,
            "previous_response_id": body.get("previous_response_id"),
            "output": [
                {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": content}
            ],
        }

    def _made(self, words: list[str], body: Mapping[str, Any]) -> dict[str, Any]:
        name, prefix, fields = _MADE[words[-1]]
        made: dict[str, Any] = {"id": self._id(prefix), "object": name, "created_at": 0, **fields}
        for word, owner in pairwise(words):
            if word in _OWNERS and owner not in _MADE:
                made[_OWNERS[word]] = owner
        if words[-1] == "complete":
            made |= {"id": words[1], "file": {"id": self._id("file"), "object": "file"}}
        if words == ["threads", "runs"]:
            made["thread_id"] = self._id("thread")
        if words[-1] == "runs":
            made["assistant_id"] = body.get("assistant_id")
        return made

    def _say(self, body: Mapping[str, Any]) -> str:
        return self._answer if isinstance(self._answer, str) else self._answer(body)

    def _id(self, prefix: str) -> str:
        self._ids[prefix] += 1
        return f"{prefix}_{self._ids[prefix]}"

    def hear(self, connection: Any, frame: str | bytes) -> Iterator[dict[str, Any]]:
        """Keep a client frame and yield the server events it causes."""
        with self._lock:
            self.frames.append(frame)
            event = _json(frame)
            if event.get("type") == "response.create":
                kind = "response" if "/responses" in connection.target else "realtime.response"
                response = {**self.response(event), "object": kind}
                yield {"type": "response.created", "response": {**response, "status": "in_progress", "output": []}}
                yield {"type": "response.completed" if kind == "response" else "response.done", "response": response}

    def opened(self, connection: Any) -> None:
        """Keep a WebSocket connection."""
        with self._lock:
            self.sockets.append(connection.target)
            self._open.append(connection)

    def closed(self, connection: Any) -> None:
        """Forget a WebSocket connection."""
        with self._lock:
            self._open.remove(connection)


def _json(body: str | bytes) -> dict[str, Any]:
    try:
        value: object = json.loads(body)
    except ValueError:
        return {}
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _words(text: str) -> list[str]:
    return re.findall(r"\S+\s*", text)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    stand_in: Loopback

    def process_request(self, request: Any, client_address: Any) -> None:
        self.stand_in.connections += 1
        super().process_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the base class gives them
        import sys

        error = sys.exc_info()[1]
        if error is not None and not isinstance(error, OSError):  # a client that hangs up is no fault
            self.stand_in.errors.append(error)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer waits 40 ms for an acknowledgement
    wbufsize = -1
    server: _Server  # pyright: ignore[reportIncompatibleVariableOverride] - made for this server only

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing; what was received is in ``Loopback.requests``."""

    def _answer(self) -> None:
        if self.headers.get("Upgrade", "").lower() == "websocket":
            _Socket(self).serve()
            return
        reply = self.server.stand_in.receive(
            Received(self.command, _path(self.path), self.path, tuple(self.headers.items()), self._body())
        )
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        for name, value in reply.headers:
            self.send_header(name, value)
        is_whole = len(reply.chunks) == 1 and not reply.close
        if is_whole:
            self.send_header("Content-Length", str(len(reply.chunks[0])))
        else:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for chunk in reply.chunks:
            self.wfile.write(chunk if is_whole else b"%x\r\n%s\r\n" % (len(chunk), chunk))
            self.wfile.flush()
        self.close_connection = reply.close
        if not is_whole and not reply.close:
            self.wfile.write(b"0\r\n\r\n")
            self.wfile.flush()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815 - the base class asks for these names

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body


def _path(target: str) -> str:
    return api_path(unquote(target.partition("?")[0]), "")


class _Socket:
    """One WebSocket connection, taken over from the HTTP handler; ``websockets`` does the protocol."""

    def __init__(self, handler: _Handler) -> None:
        from websockets.server import ServerProtocol

        self.target = handler.path
        self._stand_in = handler.server.stand_in
        self._socket: socket.socket = handler.connection
        self._protocol = ServerProtocol()
        self._lock = threading.Lock()
        self._message, self._is_text = b"", False
        head = f"{handler.requestline}\r\n{handler.headers.as_string().replace(chr(10), chr(13) + chr(10))}"
        self._protocol.receive_data(head.encode("latin-1"))
        handler.close_connection = True

    def serve(self) -> None:
        from websockets.frames import Frame, Opcode
        from websockets.http11 import Request

        (request,) = self._protocol.events_received()
        assert isinstance(request, Request)  # noqa: S101 - for type checkers
        self._protocol.send_response(self._protocol.accept(request))
        self._flush()
        self._stand_in.opened(self)
        try:
            self.send({"type": "session.created", "event_id": "event_1", "session": {"id": "sess_1"}})
            while data := self._socket.recv(65536):
                self._protocol.receive_data(data)
                for frame in self._protocol.events_received():
                    if isinstance(frame, Frame) and frame.opcode in (Opcode.CONT, Opcode.TEXT, Opcode.BINARY):
                        self._take(frame.opcode is Opcode.TEXT, bytes(frame.data), is_last=frame.fin)
                self._flush()
        finally:
            self._stand_in.closed(self)

    def _take(self, is_text: bool, data: bytes, *, is_last: bool) -> None:
        self._is_text = is_text or (self._is_text and bool(self._message))
        self._message += data
        if is_last:
            message, self._message = self._message, b""
            for event in self._stand_in.hear(self, message.decode() if self._is_text else message):
                self.send(event)

    def send(self, event: Mapping[str, Any]) -> None:
        """Send a server event."""
        from websockets.protocol import State

        with self._lock:
            if self._protocol.state is not State.OPEN:
                return  # the client has hung up, and need not wait for an answer
            self._protocol.send_text(json.dumps(event).encode())
        self._flush()

    def close(self, code: int) -> None:
        """Begin the closing handshake."""
        with self._lock:
            self._protocol.send_close(code)
        self._flush()

    def _flush(self) -> None:
        with self._lock:
            for data in self._protocol.data_to_send():
                if data:
                    self._socket.sendall(data)
                else:
                    self._socket.shutdown(socket.SHUT_WR)


class MarkerGuard(Guard):
    """A guard for tests: blocks what contains ``marker`` anywhere, and lets everything else pass.

    With an empty marker it blocks everything. ``wires`` are the requests it was asked about, in order; ``memory`` is
    what it finds in each of them.
    """

    def __init__(self, marker: str = "FORBIDDEN", *, memory: Memory = Memory(), mode: Mode = "enforce") -> None:  # noqa: B008
        super().__init__(Tenant(), mode=mode)
        self.marker = marker
        self.memory = memory
        self.wires: list[Wire] = []
        self.recorded: list[set[str] | None] = []

    def admit(self, wire: Wire, session: Session, *, seen: set[str] | None = None) -> Decision:  # noqa: ARG002 - not asked
        """Decide by the marker, and raise as a real guard would."""
        self.wires.append(wire)
        self.recorded.append(seen)
        said = (wire.path, wire.query, wire.deployment, wire.body.decode("utf-8", "replace"))
        if not any(self.marker in text for text in said):
            return Decision("allow", f"dec_{len(self.wires)}", wire.path, memory=self.memory)
        rule = RuleMatch("marker", "testing", "other", "the marker was found", "a test", "leave out the marker")
        decision = Decision("block", f"dec_{len(self.wires)}", wire.path, matches=(rule,), memory=self.memory)
        if self.mode == "enforce":
            raise violation(decision)
        return decision


def main() -> None:
    """Serve a stand-in until it is interrupted, and print what a shell has to export for clients to use it."""
    with Loopback() as server, suppress(KeyboardInterrupt):
        azure = f"AZURE_OPENAI_ENDPOINT={server.url} AZURE_OPENAI_API_KEY=none OPENAI_API_VERSION=2024-10-21"
        print(f"export {azure}", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
