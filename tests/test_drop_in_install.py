"""``install()``: clients of upstream's own classes, which other code makes, are guarded, and free after ``undo``."""

from __future__ import annotations

import runpy
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from safe_azure_openai import ConfigurationError, OpenAI, PolicyViolation, __main__, install
from safe_azure_openai._install import enforcement_of, resources_that_connect
from safe_azure_openai.model.memory import Memory
from safe_azure_openai.testing import Loopback, MarkerGuard

HOOKS = ("_prepare_request", "_process_response", "copy", "with_options")


@pytest.fixture
def guard() -> Iterator[MarkerGuard]:
    guard = MarkerGuard(memory=Memory(actor=0.9))
    with install(guard):
        yield guard


def stock(server: Loopback) -> openai.OpenAI:
    return openai.OpenAI(api_key="none", base_url=server.url + "/v1", max_retries=0)


def hooks() -> list[Any]:
    found = [getattr(cls, name) for cls in (openai.OpenAI, openai.AsyncOpenAI) for name in HOOKS]
    return found + [vars(resource)["connect"] for resource in resources_that_connect()]


def test_clients_made_before_and_after_are_guarded_and_free_again_after_undo(server: Loopback) -> None:
    with stock(server) as before:
        installation = install(MarkerGuard())
        with stock(server) as after:
            for client in (before, after, before.copy(), after.with_options(timeout=3)):
                with pytest.raises(PolicyViolation):
                    client.responses.create(model="m", input="FORBIDDEN")
            assert server.connections == 0
            installation.undo()
            for client in (before, after):
                client.responses.create(model="m", input="FORBIDDEN")
    assert len(server.requests) == 2


def test_undo_leaves_upstream_as_it_was() -> None:
    before = hooks()
    own = [name in vars(cls) for cls in (openai.OpenAI, openai.AsyncOpenAI) for name in HOOKS]
    with install(MarkerGuard()):
        assert all(now is not then for now, then in zip(hooks(), before, strict=True))
    assert hooks() == before
    assert [name in vars(cls) for cls in (openai.OpenAI, openai.AsyncOpenAI) for name in HOOKS] == own


def test_of_several_installations_the_last_one_standing_is_in_force(server: Loopback) -> None:
    first, second = MarkerGuard("ONE"), MarkerGuard("TWO")
    with stock(server) as client:
        outer, inner = install(first), install(second)
        with pytest.raises(PolicyViolation):
            client.responses.create(model="m", input="TWO")
        client.responses.create(model="m", input="ONE")
        inner.undo()
        inner.undo()
        with pytest.raises(PolicyViolation):
            client.responses.create(model="m", input="ONE")
        outer.undo()
        client.responses.create(model="m", input="ONE")
        assert enforcement_of(client) is None


async def test_asynchronous_clients_are_guarded(server: Loopback, guard: MarkerGuard) -> None:
    async with openai.AsyncOpenAI(api_key="none", base_url=server.url + "/v1") as client:
        with pytest.raises(PolicyViolation):
            await client.responses.create(model="m", input="FORBIDDEN")
        assert server.connections == 0
        await client.with_options(timeout=3).responses.create(model="m", input="fine")
        async for _ in await client.responses.create(model="m", input="fine", stream=True):
            pass
        known = enforcement_of(client)
        assert known is not None
        assert (
            known.session.known("response", "resp_1") == known.session.known("response", "resp_2") == Memory(actor=0.9)
        )


def test_azure_clients_are_guarded(server: Loopback, guard: MarkerGuard) -> None:
    with openai.AzureOpenAI(azure_endpoint=server.url, api_key="none", api_version="1") as client:
        with pytest.raises(PolicyViolation):
            client.copy().chat.completions.create(model="m", messages=[{"role": "user", "content": "FORBIDDEN"}])
        assert server.connections == 0


def test_copies_share_what_is_known(server: Loopback, guard: MarkerGuard) -> None:
    with stock(server) as client:
        client.copy().responses.create(model="m", input="fine")
        known = enforcement_of(client)
        assert known is not None
        assert known.session.known("response", "resp_1") == Memory(actor=0.9)


def test_web_sockets_are_guarded(server: Loopback, guard: MarkerGuard) -> None:
    event: Any = {
        "type": "conversation.item.create",
        "item": {"type": "message", "role": "user", "content": "FORBIDDEN"},
    }
    with stock(server) as client, client.realtime.connect(model="m") as connection, pytest.raises(PolicyViolation):
        connection.send(event)
    assert server.frames == []


def test_web_sockets_are_free_again_after_undo(server: Loopback) -> None:
    with stock(server) as client:
        install(MarkerGuard("")).undo()
        with client.realtime.connect(model="m") as connection:
            connection.send({"type": "response.create"})
            connection.recv()
            connection.recv()
    assert len(server.frames) == 1


def test_a_client_of_ours_keeps_its_own_guard_and_is_judged_once(server: Loopback, guard: MarkerGuard) -> None:
    own = MarkerGuard("OWN")
    with OpenAI(api_key="none", base_url=server.url + "/v1").with_guard(own) as client:
        client.responses.create(model="m", input="FORBIDDEN")
        with pytest.raises(PolicyViolation):
            client.responses.create(model="m", input="OWN")
        with client.realtime.connect(model="m") as connection:
            connection.send({"type": "response.create"})
            connection.recv()
            connection.recv()
    assert len(own.wires) == 4
    assert guard.wires == []


def test_the_module_level_client_is_guarded(
    server: Loopback, guard: MarkerGuard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openai, "api_key", "none")
    monkeypatch.setattr(openai, "base_url", server.url + "/v1/")
    monkeypatch.setattr(openai, "_client", None)
    with pytest.raises(PolicyViolation):
        openai.responses.create(model="m", input="FORBIDDEN")
    openai.responses.create(model="m", input="fine")
    assert len(server.requests) == 1
    client: Any = openai._client
    client.close()


def test_the_environment_configures_an_installation_without_a_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAFE_AZURE_OPENAI_MODE", "monitor")
    with install() as installation:
        assert installation.guard.mode == "monitor"
    monkeypatch.setenv("SAFE_AZURE_OPENAI_MODE", "watch")
    before = hooks()
    with pytest.raises(ConfigurationError):
        install()
    assert hooks() == before


PROGRAM = """
import os, sys, openai
client = openai.OpenAI(api_key="none", base_url="http://127.0.0.1:9/v1", max_retries=0)
print(sys.argv, __name__, type(client._prepare_request).__name__)
print("_install" in openai.OpenAI._prepare_request.__code__.co_filename)
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "app.py"
    path.write_text(textwrap.dedent(PROGRAM))
    return path


def test_a_program_runs_guarded_with_its_own_arguments(program: Path) -> None:
    command = [sys.executable, "-m", "safe_azure_openai", "run"]
    for start in ([str(program)], ["-m", "app"]):
        done = subprocess.run(
            [*command, *start, "--flag"], capture_output=True, text=True, check=True, cwd=program.parent
        )
        assert "'--flag'] __main__" in done.stdout
        assert done.stdout.rstrip().endswith("True")


@pytest.mark.parametrize("start", [[], ["-m"]])
def test_no_program_is_an_error_that_says_how(
    start: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["safe_azure_openai", "run", *start])
    assert __main__.main() == 2
    assert "usage" in capsys.readouterr().err


def test_a_program_is_run_in_this_process_and_upstream_restored(
    program: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = hooks()
    for start in ([str(program)], ["-m", "app"]):
        monkeypatch.chdir(program.parent)
        monkeypatch.setattr(sys, "path", list(sys.path))
        monkeypatch.setattr(sys, "argv", ["safe_azure_openai", "run", *start])
        assert __main__.main() == 0
        assert capsys.readouterr().out.endswith("True\n")
    assert hooks() == before


@pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")  # it was imported above
def test_other_commands_are_those_of_the_command_line_tool(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["safe-azure-openai", "--help"])
    with pytest.raises(SystemExit) as left:
        runpy.run_module("safe_azure_openai", run_name="__main__")
    assert left.value.code in (0, None)
    assert "usage" in capsys.readouterr().out.lower()
