from __future__ import annotations

import os
import socket

import pytest
import pytest_socket


def test_a_test_cannot_reach_the_network() -> None:
    with socket.socket() as outside, pytest.raises(pytest_socket.SocketConnectBlockedError):
        outside.connect(("192.0.2.1", 443))  # RFC 5737: an address that belongs to nobody


def test_a_test_can_reach_loopback() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        client.sendall(b"x")
        connection, _ = server.accept()
        with connection:
            assert connection.recv(1) == b"x"


def test_a_test_sees_none_of_the_developers_settings() -> None:
    assert not [name for name in os.environ if name.startswith("SAFE_AZURE_OPENAI_")]
