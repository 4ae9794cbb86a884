"""Several processes that remember together, over a real Redis, and what becomes of it when Redis stops."""

from __future__ import annotations

import logging
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
import redis

from safe_azure_openai import ConfigurationError, OpenAI, install
from safe_azure_openai._install import enforcement_of
from safe_azure_openai.doctor import examine
from safe_azure_openai.extract import from_json
from safe_azure_openai.model.memory import Memory
from safe_azure_openai.model.request import Link
from safe_azure_openai.model.wire import Wire
from safe_azure_openai.redis_store import REST_S, RedisStore
from safe_azure_openai.session import Session
from safe_azure_openai.streams.frame import FRAME
from safe_azure_openai.streams.store import MAX_FRAMES

from .filmed import Camera, data_url

TOLD = Memory(actor=0.9, country="US")
ASKED = Memory(act=0.8, has_image=True)
CHAT = "/chat/completions"


class Server:
    """A ``redis-server`` of the tests' own, on loopback, that keeps nothing on the disk."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = folder
        self.start()

    def start(self) -> None:
        command = [
            "redis-server",
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--dir",
            str(self._folder),
        ]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        with redis.Redis(port=self.port) as client:
            for _ in range(200):
                try:
                    client.ping()
                    break
                except redis.ConnectionError:
                    time.sleep(0.05)
            else:
                raise AssertionError("redis-server did not start")

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()

    def keys(self) -> list[str]:
        with redis.Redis(port=self.port) as client:
            return [key.decode() for key in client.scan_iter()]

    def content(self, key: str) -> Any:
        with redis.Redis(port=self.port) as client:
            return client.lrange(key, 0, -1) if client.type(key) == b"list" else client.get(key)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed (Debian and Ubuntu: apt-get install redis-server)")
    server = Server(tmp_path)
    yield server
    server.stop()


@pytest.fixture
def now() -> list[float]:
    """The clock of the stores, in its only element."""
    return [0.0]


@pytest.fixture
def stores(server: Server, now: list[float]) -> Iterator[list[RedisStore]]:
    """Two stores, as two processes would have them."""
    some = [RedisStore(server.url, clock=lambda: now[0]) for _ in range(2)]
    yield some
    for one in some:
        one.close()


def picture(session: Session, camera: Camera) -> Any:
    content = [{"type": "image_url", "image_url": {"url": data_url(camera.picture())}}]
    request = from_json(CHAT, {"messages": [{"role": "user", "content": content}]})
    return session.watch(Wire(CHAT), (request,))[0].stream


def test_what_one_process_remembers_another_knows(stores: list[RedisStore]) -> None:
    one, other = (Session(store) for store in stores)
    one.remember("response", "resp_1", TOLD)
    other.remember("response", "resp_1", ASKED)

    both = Memory(actor=0.9, country="US", act=0.8, has_image=True)
    assert one.known("response", "resp_1") == other.known("response", "resp_1") == both
    assert other.known("thread", "resp_1") is None
    assert one.recall([Link("response", "resp_2", "/previous_response_id")]).is_unknown


def test_a_camera_whose_pictures_go_to_several_processes_is_known(stores: list[RedisStore]) -> None:
    sessions = [Session(store) for store in stores]
    camera = Camera(1)
    found = [picture(sessions[number % 2], camera) for number in range(8)]

    assert found[0] is None
    assert found[-1] is not None
    assert found[-1].is_one_camera
    assert picture(Session(), camera) is None


def test_when_redis_stops_the_process_goes_on_from_its_own_memory_and_says_so_once(
    server: Server, stores: list[RedisStore], now: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    session, camera = Session(stores[0]), Camera(1)
    session.remember("response", "resp_1", TOLD)
    for _ in range(5):
        picture(session, camera)
    server.stop()

    with caplog.at_level(logging.WARNING, "safe_azure_openai"):
        assert session.known("response", "resp_1") == TOLD
        session.remember("response", "resp_2", ASKED)
        assert session.known("response", "resp_2") == ASKED
        assert picture(session, camera).is_one_camera
    (said,) = caplog.messages
    assert "SESSION_STORE: Redis does not answer (ConnectionError)" in said
    assert "goes on from its own memory" in said

    server.start()
    now[0] += REST_S
    with caplog.at_level(logging.WARNING, "safe_azure_openai"):
        session.remember("response", "resp_3", TOLD)
    assert caplog.messages[-1].endswith("Redis answers again")
    assert Session(stores[1]).known("response", "resp_3") == TOLD


def test_while_redis_is_away_nobody_waits_for_it(server: Server, stores: list[RedisStore]) -> None:
    server.stop()
    store = RedisStore(server.url, rest_s=60.0)
    store.known("response", "resp_1")
    began = time.perf_counter()
    for number in range(1000):
        store.known("response", str(number))

    assert store.is_away
    assert time.perf_counter() - began < 1.0
    store.close()


def test_redis_is_given_neither_ids_nor_pictures_and_forgets(server: Server, stores: list[RedisStore]) -> None:
    session, camera = Session(stores[0]), Camera(1)
    session.remember("conversation", "conv_secret", TOLD)
    for _ in range(MAX_FRAMES + 5):
        picture(session, camera)

    keys = server.keys()
    assert len(keys) == 2
    assert not any("secret" in key for key in keys)
    (stream,) = (key for key in keys if ":stream:" in key)
    assert [len(piece) for piece in server.content(stream)] == [FRAME.itemsize] * MAX_FRAMES
    with redis.Redis(port=server.port) as client:
        assert all(0 < int(client.ttl(key)) <= 30 * 24 * 3600 for key in keys)


def test_facts_of_another_version_are_read_as_far_as_they_are_known(server: Server, stores: list[RedisStore]) -> None:
    stores[0].remember("response", "resp_1", TOLD)
    (key,) = server.keys()
    with redis.Redis(port=server.port) as client:
        client.set(key, '{"actor": 0.7, "is_new": true}')

    assert stores[0].known("response", "resp_1") == Memory(actor=0.7)


def test_clients_take_the_store_from_the_environment(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAFE_AZURE_OPENAI_SESSION_STORE", server.url)
    one, other = OpenAI(api_key="none"), OpenAI(api_key="none")
    one._enforcement.session.remember("response", "resp_1", TOLD)

    assert other._enforcement.session.known("response", "resp_1") == TOLD
    assert one._enforcement.session.may_wait


def test_clients_of_openai_take_the_store_from_the_environment_too(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAFE_AZURE_OPENAI_SESSION_STORE", server.url)
    with install():
        enforcement = enforcement_of(openai.OpenAI(api_key="none"))
        assert enforcement is not None
        enforcement.session.remember("response", "resp_1", TOLD)

    assert OpenAI(api_key="none")._enforcement.session.known("response", "resp_1") == TOLD


def test_the_doctor_says_whether_redis_answers(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def told() -> dict[str, str]:
        return {one.text: one.state for one in examine().findings if "SESSION_STORE" in one.text}

    assert list(told().values()) == ["ok"]
    monkeypatch.setenv("SAFE_AZURE_OPENAI_SESSION_STORE", server.url)
    assert told() == {"SAFE_AZURE_OPENAI_SESSION_STORE: Redis answers, and all processes remember together": "ok"}
    server.stop()
    assert list(told().values()) == ["wrong"]
    monkeypatch.setenv("SAFE_AZURE_OPENAI_SESSION_STORE", "redis://user:hunter2@host:port")
    ((text, state),) = told().items()
    assert (state, "hunter2" in text) == ("wrong", False)


@pytest.mark.parametrize("url", ["redis://user:hunter2@host:port", "redis://user:hunter2@host:6379/0?nonsense=1"])
def test_an_address_that_is_none_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ConfigurationError, match="SESSION_STORE is no address") as caught:
        RedisStore(url)
    assert "hunter2" not in str(caught.value)
