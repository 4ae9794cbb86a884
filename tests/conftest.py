"""What every test runs under: no network but loopback, and none of the developer's own settings."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
import pytest_socket

from safe_azure_openai.testing import Loopback

PREFIX = "SAFE_AZURE_OPENAI_"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that says which environment this is."""
    parser.addoption("--group", help="run the tests of this dependency group of pyproject.toml, and no others")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the tests that the environment is made for: those of the one group, or those that need none."""
    wanted: object = config.getoption("--group")
    left_out = [item for item in items if _group(item) != wanted]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if _group(item) == wanted]


def _group(item: pytest.Item) -> object:
    marker = item.get_closest_marker("group")
    return marker.args[0] if marker is not None else None


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
