"""A stand-in for Azure on loopback: Microsoft Graph, Resource Manager, and the endpoint of a managed identity.

It speaks HTTP as the real ones do, and is reached as they are: by ``IDENTITY_ENDPOINT`` and ``ARM_CLOUD_METADATA_URL``.
"""

from __future__ import annotations

import base64
import json
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from typing_extensions import Self

TENANT_ID = "11111111-2222-3333-4444-555555555555"
SUBSCRIPTION = "aaaaaaaa-0000-0000-0000-000000000000"
ENDPOINT = "https://casework.openai.azure.com/"


@dataclass
class Answer:
    """What the server sends: JSON by default, or these very bytes, or nothing at all."""

    status: int = 200
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json; charset=utf-8"
    delay_s: float = 0.0
    drip_s: float = 0.0  # between one byte and the next
    is_cut: bool = False  # close the connection without an answer
    gate: threading.Event | None = None  # nothing is sent before it is set


def organization(**changes: Any) -> dict[str, Any]:
    """Return an organization as Graph has it."""
    return {
        "id": TENANT_ID,
        "displayName": "Tulsa Police Department",
        "countryLetterCode": "US",
        "tenantType": "AAD",
        "verifiedDomains": [
            {"name": "tulsapd.org", "isDefault": True, "isInitial": False},
            {"name": "tulsapd.onmicrosoft.com", "isDefault": False, "isInitial": True},
        ],
        **changes,
    }


def account(tags: Mapping[str, str], endpoint: str = ENDPOINT) -> dict[str, Any]:
    """Return an Azure OpenAI resource as Resource Manager has it."""
    return {"name": "casework", "kind": "OpenAI", "tags": dict(tags), "properties": {"endpoint": endpoint}}


def token(**claims: Any) -> str:
    """Return an access token with these claims; nobody can check its signature, for there is none."""

    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'RS256'})}.{part({'tid': TENANT_ID, **claims})}.c2lnbmF0dXJl"


class Azure:
    """The server; use it as a context manager.

    Attributes:
        requests: path and query of what was asked, in order, the identity endpoint left out.
        tokens: tokens that were handed out.
        most_at_once: how many look-ups of the organization were under way at the same time, at the most.
    """

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.headers: list[Mapping[str, str]] = []
        self.tokens: list[str] = []
        self.most_at_once = 0
        self._at_once = 0
        self._answers: dict[str, deque[Answer]] = {}
        self._lock = threading.Lock()
        self.on_request: Callable[[str], None] = lambda path: None
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.azure = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self.answer("/v1.0/organization", Answer(body={"value": [organization()]}))
        self.answer("/subscriptions", Answer(body={"value": [{"subscriptionId": SUBSCRIPTION}]}))
        self.answer(f"/subscriptions/{SUBSCRIPTION}/providers", Answer(body={"value": [account({})]}))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def graph(self) -> str:
        return self.url.replace("127.0.0.1", "localhost")

    def environment(self, **more: str) -> dict[str, str]:
        """Return the variables that lead here, all of them Azure's own."""
        return {
            "IDENTITY_ENDPOINT": self.url + "/msi/token",
            "IDENTITY_HEADER": "a-secret-of-the-host",
            "ARM_CLOUD_METADATA_URL": self.url + "/metadata/endpoints?api-version=2022-09-01",
            **more,
        }

    def answer(self, path: str, *answers: Answer) -> None:
        """Answer requests whose path starts with ``path`` in turn; the last answer stays. The longest path counts."""
        self._answers[path] = deque(answers)

    def respond(self, target: str) -> Answer:
        path = urlsplit(target).path
        if path == "/msi/token":
            scope = parse_qs(urlsplit(target).query)["resource"][0]
            fresh = token(aud=scope, n=len(self.tokens))
            self.tokens.append(fresh)
            expires = str(int(time.time()) + 3600)
            return Answer(
                body={"access_token": fresh, "expires_on": expires, "resource": scope, "token_type": "Bearer"}
            )
        if path == "/metadata/endpoints":
            return self._taken(path) or Answer(
                body=[
                    {
                        "name": "Loopback",
                        "authentication": {"loginEndpoint": "https://login.loopback.example/"},
                        # Another name of the same server, so that the two want tokens of their own.
                        "microsoftGraphResourceId": self.graph + "/",
                        "resourceManager": self.url + "/",
                    }
                ]
            )
        return self._taken(target) or Answer(404, {"error": {"code": "NotFound"}})

    def _taken(self, target: str) -> Answer | None:
        with self._lock:
            fitting = [path for path in self._answers if re.match(re.escape(path) + r"(?=[/?]|$)", target)]
            if not fitting:
                return None
            answers = self._answers[max(fitting, key=len)]
            return answers.popleft() if len(answers) > 1 else answers[0]

    def enter(self, target: str, headers: Mapping[str, str]) -> None:
        with self._lock:
            if not target.startswith("/msi/"):
                self.requests.append(target)
                self.headers.append(headers)
            if target.startswith("/v1.0/organization"):
                self._at_once += 1
                self.most_at_once = max(self.most_at_once, self._at_once)
        self.on_request(target)

    def leave(self, target: str) -> None:
        with self._lock:
            if target.startswith("/v1.0/organization"):
                self._at_once -= 1

    def asked(self, path: str) -> int:
        """Return how often ``path`` was asked."""
        return sum(target.startswith(path) for target in self.requests)

    def kill(self) -> None:
        """Stop at once: what is under way is cut off, and nobody listens any more."""
        self._server.shutdown()
        self._server.server_close()
        self._server.cut()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    azure: Azure

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._open: set[Any] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def cut(self) -> None:
        for request in list(self._open):
            super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is the client's business."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        azure = self.server.azure
        azure.enter(self.path, dict(self.headers))
        try:
            self._send(azure.respond(self.path))
        finally:
            azure.leave(self.path)

    def _send(self, answer: Answer) -> None:
        if answer.gate is not None:
            answer.gate.wait()
        if answer.delay_s:
            time.sleep(answer.delay_s)
        if answer.is_cut:
            self.close_connection = True
            return
        body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if answer.drip_s:
            for byte in body:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                time.sleep(answer.drip_s)
        else:
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing."""
