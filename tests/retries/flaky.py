"""A stand-in server on loopback that answers as it is told: with a status, too late, or not at all."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Self

OK: dict[str, Any] = {"id": "chatcmpl_1", "object": "chat.completion", "created": 0, "model": "m", "choices": []}


@dataclass(frozen=True)
class Answer:
    """One answer. ``fault``: ``hang`` keeps the client waiting, ``drop`` closes the connection without a word."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = field(default_factory=lambda: OK)
    fault: str = ""


@dataclass(frozen=True)
class Arrived:
    """One request as it arrived."""

    target: str
    headers: dict[str, str]
    body: bytes


class Flaky:
    """Answers requests with ``answers`` in turn, the last one again and again; a context manager."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.requests: list[Arrived] = []
        self.on_request: Callable[[], object] = list
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.flaky = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        """The address, without a path."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def counts(self) -> list[str | None]:
        """Return what each request said of the attempts before it."""
        return [request.headers.get("x-stainless-retry-count") for request in self.requests]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def take(self, request: Arrived) -> Answer:
        """Keep a request and return what is answered."""
        with self._lock:
            self.requests.append(request)
            self.on_request()
            return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def hang(self) -> None:
        """Wait until the test is over."""
        self._over.wait(30)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    flaky: Flaky


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def _answer(self) -> None:
        body = self._body()
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.server.flaky.take(Arrived(self.path, headers, body))
        if answer.fault:
            if answer.fault == "hang":
                self.server.flaky.hang()
            self.close_connection = True
            return
        content = json.dumps(answer.body).encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def _body(self) -> bytes:
        if "Transfer-Encoding" not in self.headers:
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    do_GET = do_POST = _answer  # noqa: N815 - the base class asks for these names
