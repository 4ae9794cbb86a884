"""What every test runs under: no network but loopback, and none of the developer's own settings."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
import pytest_socket

from safe_azure_openai.testing import Loopback

PREFIX = "SAFE_AZURE_OPENAI_"


@pytest.fixture(autouse=True)
def offline() -> None:
    """Close sockets to every address but loopback, where stand-in servers listen."""
    pytest_socket.socket_allow_hosts(["127.0.0.1", "::1", "localhost"], allow_unix_socket=True)


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take out what the developer's shell configures, so that a test sees only what it sets."""
    for name in list(os.environ):
        if name.upper().startswith((PREFIX, "OPENAI_", "AZURE_OPENAI_")):
            monkeypatch.delenv(name)


@pytest.fixture
def server() -> Iterator[Loopback]:
    """A stand-in for the service; what it could not answer fails the test."""
    with Loopback() as server:
        yield server
        assert server.errors == []
