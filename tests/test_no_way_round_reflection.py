"""Every public method of every resource of all four clients, found by reflection, reaches the guard.

Each is called with arguments made up from its annotations. Under a guard that blocks everything nothing may be sent;
under one that lets everything pass, each request that arrives must have been judged: the same number, the same bytes.
"""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import openai
import pytest

import safe_azure_openai
from safe_azure_openai import PolicyViolation
from safe_azure_openai.testing import Loopback, MarkerGuard, Reply

CLIENTS = ("OpenAI", "AsyncOpenAI", "AzureOpenAI", "AsyncAzureOpenAI")

#: Methods that send nothing, or something that is no request of their own; each with the reason.
NOT_A_REQUEST = {
    "connect": "a WebSocket; see test_realtime_every_connect",
    "verify_signature": "checks a webhook that came in",
    "unwrap": "reads a webhook that came in",
    "session": "a WebSocket; see test_realtime_every_connect",
    "websocket_session": "wraps a WebSocket that is open",
    "for_result": "makes a reader, whose requests are those of other methods",
}


def make_client(name: str, server: Loopback, guard: MarkerGuard) -> Any:
    """Return one of our clients that talks to the stand-in and never retries."""
    options: dict[str, Any] = {"api_key": "none", "max_retries": 0, "timeout": 5}
    if "Azure" in name:
        options |= {"azure_endpoint": server.url, "api_version": "2024-10-21"}
    else:
        options |= {"base_url": server.url + "/v1", "admin_api_key": "none"}
    return getattr(safe_azure_openai, name)(**options).with_guard(guard)


def resources(owner: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every resource below a client with its dotted path."""
    for name, member in inspect.getmembers(type(owner), lambda member: isinstance(member, cached_property)):
        if name.startswith(("_", "with_")):
            continue
        resource = getattr(owner, name)
        assert member.func is not None
        if hasattr(resource, "_client"):
            yield f"{path}{name}", resource
            yield from resources(resource, f"{path}{name}.")


def methods(resource: Any) -> Iterator[tuple[str, Any]]:
    """Yield the public methods of a resource."""
    for name, method in inspect.getmembers(resource, inspect.ismethod):
        if not name.startswith("_"):
            yield name, method


FILES = ("file", "image", "data", "video", "mask", "input_reference", "recording", "audio_sample")
LISTS = ("messages", "input", "items", "tools", "requests", "part_ids", "file_ids", "questions", "include")


def made_up(name: str, parameter: inspect.Parameter) -> Any:
    """Return an argument that a method accepts, made from its annotation and name."""
    annotation = str(parameter.annotation)
    if name in FILES and not annotation.startswith("str"):
        return ("a.txt", b"FORBIDDEN")
    if name == "files":
        return [("a.txt", b"FORBIDDEN")]
    if name in LISTS or re.match(r"(Iterable|List|Sequence|SequenceNotStr|Union\[(List|Iterable))", annotation):
        return ["FORBIDDEN"]
    if annotation.startswith(("int", "float")):
        return 1
    if annotation.startswith("bool"):
        return True
    if "Param" in annotation or annotation.startswith(("Dict", "Mapping", "object")):
        return {"words": "FORBIDDEN"}
    return "FORBIDDEN"


def special(path: str, folder: Path) -> dict[str, Any]:
    """Return the arguments of methods that look at them more closely than their annotations say."""
    file = folder / "words.txt"
    table: dict[str, dict[str, Any]] = {
        "responses.stream": {"input": "FORBIDDEN", "model": "gpt-4o"},
        "uploads.upload_file_chunked": {"file": file, "mime_type": "text/plain", "purpose": "assistants"},
        "beta.agents.environments.files.prepare": {"files": {"/workspace/words.txt": file}},
        "beta.agents.environments.files.prepare_directory": {
            "root": folder,
            "destination": "/workspace",
            "include": ["*"],
        },
        "beta.agents.environments.files.upload": {"path": "/workspace/words.txt"},
    }
    return table.get(path, {})


def arguments(path: str, method: Any, folder: Path) -> dict[str, Any]:
    """Return the required arguments of a method, and a word in the query where it takes one."""
    parameters = inspect.signature(method).parameters
    required = [
        name for name, parameter in parameters.items() if parameter.default is parameter.empty and parameter.kind != 4
    ] + variant(method)
    given = {name: made_up(name, parameters[name]) for name in required} | special(path, folder)
    if "extra_query" in parameters:
        given["extra_query"] = {"words": "FORBIDDEN"}
    if "poll_interval_ms" in parameters:
        given["poll_interval_ms"] = 1
    return given


def variant(method: Any) -> list[str]:
    """Return the first set of arguments that ``openai``'s ``required_args`` decorator would be content with."""
    closure = getattr(method, "__closure__", None) if hasattr(method, "__wrapped__") else None
    kept = [cell.cell_contents for cell in closure or ()]
    return next((list(value[0]) for value in kept if isinstance(value, tuple) and value), [])


async def consume(result: Any) -> Any:
    """Await, enter or iterate what a method returned, so that a lazy request is sent."""
    if inspect.isawaitable(result):
        result = await result
    if hasattr(result, "__aenter__"):
        async with result:
            return None
    if hasattr(result, "__enter__") and not isinstance(result, openai.BaseModel):
        with result:
            return None
    if hasattr(result, "__aiter__"):
        async for _ in result:
            break
    return None


async def close(client: Any) -> None:
    """Close a client of either kind."""
    await consume(client.close())


def every_method(client: Any) -> Iterator[tuple[str, Any]]:
    """Yield path and bound method of everything that may send a request."""
    for path, resource in resources(client):
        for method_name, method in methods(resource):
            if method_name not in NOT_A_REQUEST:
                yield f"{path}.{method_name}", method


async def call(path: str, method: Any, folder: Path) -> BaseException | None:
    """Call a method with made-up arguments and return what it raised."""
    try:
        await asyncio.wait_for(consume(method(**arguments(path, method, folder))), 10)
    except Exception as error:  # noqa: BLE001 - the caller looks at it
        return error
    return None


def end_polling(server: Loopback) -> None:
    """Answer everything as finished, so that what waits for an end does not wait for ever."""
    for pattern, status in (("", "completed"), ("^/files/", "processed")):
        server.reply(pattern, Reply.of({"id": "thing_1", "object": "thing", "status": status, "data": []}))


def is_ours(error: BaseException | None) -> bool:
    """Whether the guard ended a call; a helper of upstream's may have wrapped what the guard raised."""
    while error is not None and not isinstance(error, PolicyViolation):
        error = error.__cause__ or error.__context__
    return error is not None


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "words.txt").write_bytes(b"FORBIDDEN")
    return tmp_path


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", CLIENTS)
async def test_nothing_is_sent_by_any_method_when_everything_is_blocked(name: str, folder: Path) -> None:
    with Loopback() as server:
        end_polling(server)
        client = make_client(name, server, MarkerGuard(""))
        outcomes = {path: await call(path, method, folder) for path, method in every_method(client)}
        await close(client)
        assert server.requests == []
        assert server.connections == 0
    assert {path: error for path, error in outcomes.items() if not is_ours(error)} == {}
    assert len(outcomes) >= 300, "reflection found too little: upstream has changed its shape"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", CLIENTS)
async def test_whatever_any_method_sends_was_judged_byte_for_byte(name: str, folder: Path) -> None:
    guard = MarkerGuard("words that no request holds")
    unjudged: dict[str, object] = {}
    with Loopback() as server:
        end_polling(server)
        client = make_client(name, server, guard)
        for path, method in every_method(client):
            guard.wires.clear()
            server.requests.clear()
            error = await call(path, method, folder)
            judged = [(wire.query, wire.body) for wire in guard.wires]
            sent = [(request.target.partition("?")[2], request.body) for request in server.requests]
            if not sent or (sent != judged and not path.startswith("uploads.")):  # see test_client_uploads
                unjudged[path] = (sent, judged, error)
        await close(client)
        assert server.errors == []
    assert unjudged == {}
