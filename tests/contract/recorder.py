"""A pytest plugin for both runs: answers for the API, and writes what each test did and what it sent.

openai's generated tests (``tests/api_resources``) want a mock server that knows the whole API description, which is not
published with the package. Here every request is answered with ``{}`` and only the types of the answers go unchecked:
each method still runs with all of its parameters, and what it sends is compared between the two runs.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

GENERATED = "tests/api_resources/"
_BOUNDARY = re.compile(rb"boundary=([^\s;]+)")
_sent: list[str] = []
_outcomes: dict[str, dict[str, Any]] = {}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, format: str, *args: Any) -> None: ...

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        kept = [f"{name}: {value}" for name, value in self.headers.items() if name.lower() != "host"]
        headers = "\n".join(kept).encode()
        if boundary := _BOUNDARY.search(headers):
            headers, body = (text.replace(boundary.group(1), b"boundary") for text in (headers, body))
        _sent.append(hashlib.sha256(b"\n".join((self.requestline.encode(), headers, body))).hexdigest())
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815 - the base class asks for these names


def _serve() -> None:
    """Start the server; conftest reads its address when it is imported, which is before pytest calls any hook."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    os.environ["TEST_API_BASE_URL"] = f"http://127.0.0.1:{server.server_port}"


_serve()


def _leave_out_the_judge() -> None:
    """Let our guard pass everything that it is asked about, so that the enforcement alone is compared."""
    from safe_azure_openai.decision import Decision
    from safe_azure_openai.guard import Guard

    setattr(Guard, "judge", lambda *_, **__: Decision("allow", "dec_0", ""))  # noqa: B010 - typed as a method of its own


def pytest_sessionstart() -> None:
    """Leave the types of answers unchecked, for the generated tests alone."""
    if os.environ["CONTRACT_JUDGE"] == "off":
        _leave_out_the_judge()
    import tests.utils as utils  # type: ignore[import-not-found]  # of the package under test
    from openai import _base_client, _models

    checked, validated = utils.assert_matches_type, _models.validate_type

    def assert_matches_type(*args: Any, **kwargs: Any) -> None:
        if not _is_generated():
            checked(*args, **kwargs)

    def validate_type(*, type_: Any, value: Any) -> Any:
        make: Any = _models.construct_type if _is_generated() else validated
        return make(type_=type_, value=value)

    utils.assert_matches_type = assert_matches_type
    setattr(_base_client, "validate_type", validate_type)  # noqa: B010 - typed as a function of its own


def _is_generated() -> bool:
    return os.environ.get("PYTEST_CURRENT_TEST", "").startswith(GENERATED)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the generated tests that check every field of an answer."""
    left_out = [item for item in items if item.nodeid.startswith(GENERATED) and "strict" in item.name.partition("[")[2]]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in set(left_out)]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Keep the worst phase of each test, why it failed, and what it sent."""
    entry = _outcomes.setdefault(report.nodeid, {"outcome": "passed", "why": ""})
    if report.outcome != "passed" and entry["outcome"] != "failed":
        entry["outcome"] = "failed" if report.failed else "xfailed" if hasattr(report, "wasxfail") else "skipped"
        entry["why"] = str(report.longrepr)[-600:]
    if report.when == "teardown":
        entry["sent"] = list(_sent) if report.nodeid.startswith(GENERATED) else []
        _sent.clear()


def pytest_sessionfinish() -> None:
    """Write everything where the caller asked for it."""
    Path(os.environ["CONTRACT_OUTCOMES"]).write_text(json.dumps(_outcomes), encoding="utf-8")
