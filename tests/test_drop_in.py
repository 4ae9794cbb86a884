"""Nothing else changes: constructors, names, bytes, attempts, events and what frameworks look at are upstream's."""

from __future__ import annotations

import asyncio
import copy
import inspect
import pickle
import subprocess
import sys
import threading
from typing import Any

import openai
import pytest

import safe_azure_openai
from safe_azure_openai import AsyncOpenAI, AzureOpenAI, ConfigurationError, Guard, OpenAI, PolicyViolation, Tenant
from safe_azure_openai.testing import Loopback, MarkerGuard, Received, Reply

CLIENTS = ("OpenAI", "AsyncOpenAI", "AzureOpenAI", "AsyncAzureOpenAI")
OPTIONS: dict[str, dict[str, Any]] = {
    name: {"api_key": "none"}
    | ({"azure_endpoint": "http://127.0.0.1:1", "api_version": "1"} if "Azure" in name else {})
    for name in CLIENTS
}
#: Headers that differ between two runs of the same program.
VARYING = ("host", "x-stainless-runtime-version")


def classes(name: str) -> tuple[type[Any], type[Any]]:
    return getattr(openai, name), getattr(safe_azure_openai, name)


@pytest.mark.parametrize("name", CLIENTS)
def test_signatures_names_and_bases_are_those_of_upstream(name: str) -> None:
    stock, ours = classes(name)
    assert issubclass(ours, stock)
    assert ours.__name__ == stock.__name__
    assert inspect.signature(ours) == inspect.signature(stock)
    for method in ("__init__", "copy", "with_options"):
        assert inspect.signature(getattr(ours, method)) == inspect.signature(getattr(stock, method))
        assert inspect.getfullargspec(getattr(ours, method)) == inspect.getfullargspec(getattr(stock, method))


@pytest.mark.parametrize("name", CLIENTS)
def test_the_public_surface_is_upstreams_and_two_methods_more(name: str) -> None:
    stock, ours = classes(name)
    assert {word for word in dir(ours) if not word.startswith("_")} - set(dir(stock)) == {"with_guard", "with_retries"}


@pytest.mark.parametrize("name", CLIENTS)
def test_the_user_agent_is_upstreams(name: str) -> None:
    stock, ours = classes(name)
    assert ours(**OPTIONS[name]).user_agent == stock(**OPTIONS[name]).user_agent


def test_azure_clients_are_instances_of_our_general_ones_as_upstream() -> None:
    assert issubclass(safe_azure_openai.AzureOpenAI, safe_azure_openai.OpenAI)
    assert issubclass(safe_azure_openai.AsyncAzureOpenAI, safe_azure_openai.AsyncOpenAI)


@pytest.mark.parametrize("name", CLIENTS)
def test_the_guard_survives_every_kind_of_copy(name: str) -> None:
    guard = MarkerGuard()
    client = classes(name)[1](**OPTIONS[name]).with_guard(guard)
    for made in (client.copy(), client.with_options(timeout=3), client.copy().with_options(), copy.copy(client)):
        assert type(made) is type(client)
        assert made._enforcement.guard is guard
        assert made._enforcement.session is client._enforcement.session


@pytest.mark.parametrize("name", CLIENTS)
def test_with_guard_makes_a_copy_and_leaves_the_client_alone(name: str) -> None:
    client = classes(name)[1](**OPTIONS[name])
    before = client._enforcement.guard
    guard = MarkerGuard()
    assert client.with_guard(guard)._enforcement.guard is guard
    assert client._enforcement.guard is before
    assert client.with_guard(guard)._client is client._client, "connections are shared"


def test_a_subclass_with_arguments_of_its_own_can_be_made_and_copied() -> None:
    class Mine(OpenAI):
        def __init__(self, *, label: str = "none", **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.label = label

    guard = MarkerGuard()
    client = Mine(label="x", api_key="none").with_guard(guard)
    assert client.copy(_extra_kwargs={"label": "y"}).label == "y"
    assert client.copy()._enforcement.guard is guard


def test_a_client_made_while_another_is_copied_has_its_own_guard() -> None:
    made: list[OpenAI] = []

    class Nesting(OpenAI):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            made.append(OpenAI(api_key="none"))

    guard = MarkerGuard()
    client = Nesting(api_key="none").with_guard(guard)
    client.copy()
    assert all(inner._enforcement.guard is not guard for inner in made)


def test_the_environment_configures_a_client_when_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAFE_AZURE_OPENAI_SECTOR", "law_enforcement")
    monkeypatch.setenv("SAFE_AZURE_OPENAI_COUNTRY", "US")
    client = AzureOpenAI(**OPTIONS["AzureOpenAI"])
    tenant = client._enforcement.guard.tenant
    assert (tenant.sector, tenant.country) == ("law_enforcement", "US")
    monkeypatch.setenv("SAFE_AZURE_OPENAI_SECTOR", "polce")
    with pytest.raises(ConfigurationError, match="SAFE_AZURE_OPENAI_SECTOR"):
        AzureOpenAI(**OPTIONS["AzureOpenAI"])
    assert client.copy()._enforcement.guard.tenant.sector == "law_enforcement", "a copy reads no environment"


def test_a_missing_key_is_upstreams_error() -> None:
    with pytest.raises(openai.OpenAIError, match="api_key"):
        OpenAI()


def lenient(client: Any) -> Any:
    """Return a client of ours whose guard is one for tests; upstream's as it is."""
    return client.with_guard(MarkerGuard()) if hasattr(client, "with_guard") else client


def script(client: Any, server: Loopback) -> list[Any]:
    """Use a client in many ways and return what a program would see of it."""
    seen: list[Any] = []
    messages: Any = [{"role": "user", "content": "Grüße \u4f60\u597d"}]
    busy = Reply((b"{}",), status=429, headers=(("retry-after-ms", "1"),))
    vector = {"object": "embedding", "index": 0, "embedding": [0.5]}
    server.reply("^/embeddings$", busy, Reply.of({"object": "list", "data": [vector], "model": "m"}))
    server.reply("^/moderations$", Reply.of({"error": {"message": "no"}}, status=400))
    seen.append(client.chat.completions.create(model="m", messages=messages).choices[0].message.content)
    seen += [chunk.model_dump() for chunk in client.chat.completions.create(model="m", messages=messages, stream=True)]
    seen += [type(event).__name__ for event in client.responses.create(model="m", input="x", stream=True)]
    with client.responses.with_streaming_response.create(model="m", input="x", stream=True) as response:
        seen += list(response.iter_lines())
    with client.responses.stream(model="m", input="x") as stream:
        seen += [event.type for event in stream]
    seen.append(client.responses.with_raw_response.create(model="m", input="x").text)
    seen.append(client.embeddings.create(model="m", input=["a", "b"], extra_query={"q": "1"}).model)
    seen.append(client.files.create(file=("a.txt", b"some text"), purpose="assistants").id)
    seen.append([file.id for file in client.files.list(limit=2)])
    try:
        client.moderations.create(input="x")
    except openai.BadRequestError as error:
        seen.append((str(error), error.body))
    return seen


async def script_async(client: Any) -> list[Any]:
    seen: list[Any] = []
    messages: Any = [{"role": "user", "content": "Hello"}]
    seen.append((await client.chat.completions.create(model="m", messages=messages)).id)
    stream = await client.chat.completions.create(model="m", messages=messages, stream=True)
    seen += [chunk.model_dump() async for chunk in stream]
    async with client.responses.stream(model="m", input="x") as stream:
        seen += [event.type async for event in stream]
    async with client.responses.with_streaming_response.create(model="m", input="x") as response:
        seen.append(await response.text())
    return seen


def comparable(requests: list[Received]) -> list[Any]:
    """Return requests without what differs by chance."""
    out: list[Any] = []
    for request in requests:
        headers = {name.lower(): value for name, value in request.headers if name.lower() not in VARYING}
        boundary = headers.get("content-type", "").partition("boundary=")[2]
        headers["content-type"] = headers.get("content-type", "").replace(boundary or "\0", "B")
        out.append((request.method, request.target, headers, request.body.replace((boundary or "\0").encode(), b"B")))
    return out


@pytest.mark.parametrize("name", ["OpenAI", "AzureOpenAI"])
def test_a_program_sees_and_sends_the_same_with_either_class(name: str) -> None:
    runs: list[tuple[list[Any], list[Any]]] = []
    for cls in classes(name):
        with Loopback() as server:
            where = {"azure_endpoint": server.url} if "Azure" in name else {"base_url": server.url + "/v1"}
            with lenient(cls(**{**OPTIONS[name], **where})) as client:
                seen = script(client, server)
            runs.append((seen, comparable(server.requests)))
    assert runs[0][0] == runs[1][0]
    assert runs[0][1] == runs[1][1]
    assert len(runs[0][1]) == 11


async def test_an_asynchronous_program_sees_and_sends_the_same_with_either_class() -> None:
    runs: list[tuple[list[Any], list[Any]]] = []
    for cls in classes("AsyncOpenAI"):
        with Loopback() as server:
            async with lenient(cls(api_key="none", base_url=server.url + "/v1")) as client:
                seen = await script_async(client)
            runs.append((seen, comparable(server.requests)))
    assert runs[0] == runs[1]


def test_a_timeout_is_upstreams_and_tried_as_often(server: Loopback) -> None:
    server.reply("^/responses$", Reply((b"",), status=500, headers=(("retry-after-ms", "1"),)))
    client = lenient(OpenAI(api_key="none", base_url=server.url + "/v1", max_retries=2))
    with client, pytest.raises(openai.InternalServerError):
        client.responses.create(model="m", input="x")
    assert len(server.requests) == 3


async def test_a_call_can_be_cancelled(server: Loopback) -> None:
    release = threading.Event()

    def slow(body: Any) -> str:
        release.wait(5)
        return "late"

    server._answer = slow
    async with lenient(AsyncOpenAI(api_key="none", base_url=server.url + "/v1")) as client:
        call = asyncio.create_task(client.responses.create(model="m", input="x"))
        while not (server.requests or call.done()):  # noqa: ASYNC110 - another thread fills the list
            await asyncio.sleep(0.005)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        release.set()


def test_a_custom_http_client_and_its_hooks_keep_working(server: Loopback) -> None:
    hooked: list[str] = []
    http_client = openai.DefaultHttpxClient(event_hooks={"request": [lambda request: hooked.append(request.method)]})
    with lenient(OpenAI(api_key="none", base_url=server.url + "/v1", http_client=http_client)) as client:
        client.responses.create(model="m", input="x")
        with pytest.raises(PolicyViolation):
            client.with_guard(MarkerGuard("")).responses.create(model="m", input="x")
    assert hooked == ["POST"], "a blocked request does not reach the HTTP client"


def test_a_violation_is_an_openai_error_that_pickles_and_is_no_api_error(server: Loopback) -> None:
    with OpenAI(api_key="none", base_url=server.url + "/v1") as client, pytest.raises(openai.OpenAIError) as caught:
        client.with_guard(MarkerGuard()).responses.create(model="m", input="FORBIDDEN words of the user")
    error = caught.value
    assert isinstance(error, PolicyViolation)
    assert not isinstance(error, openai.APIError)
    assert "words of the user" not in str(error)
    assert pickle.loads(pickle.dumps(error)).decision == error.decision


def test_a_real_guard_stops_a_real_violation_before_a_connection_is_made(server: Loopback) -> None:
    client = OpenAI(api_key="none", base_url=server.url + "/v1")
    with client, pytest.raises(PolicyViolation):
        client.with_guard(Guard(Tenant(sector="law_enforcement", country="US"))).chat.completions.create(
            model="m",
            messages=[
                {"role": "system", "content": "You work for the Tulsa Police Department."},
                {"role": "user", "content": "Run facial recognition on this photo against our mugshot database."},
            ],
        )
    assert server.connections == 0


def test_importing_the_package_reads_no_environment_and_opens_nothing() -> None:
    program = (
        "import sys, os, socket, openai\n"
        "opened = ('socket.', 'os.putenv', 'subprocess.')\n"
        "sys.addaudithook(lambda event, arguments: print(event) if event.startswith(opened) else None)\n"
        "read = []\n"
        "class Environ(dict):\n"
        "    def get(self, name, default=None): read.append(name); return super().get(name, default)\n"
        "    def __getitem__(self, name): read.append(name); return super().__getitem__(name)\n"
        "os.environ = Environ(os.environ)\n"
        "import safe_azure_openai\n"
        "print([name for name in read if 'OPENAI' in name or 'AZURE' in name])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_all_names_that_are_promised_are_there_and_no_others() -> None:
    assert sorted(safe_azure_openai.__all__) == [
        "AsyncAzureOpenAI", "AsyncOpenAI", "AzureOpenAI", "ConfigurationError", "Decision", "Guard", "GuardError",
        "InspectionError", "OpenAI", "Policy", "PolicyViolation", "SecondOpinion", "Sink", "Tenant", "install",
    ]  # fmt: skip
    assert all(hasattr(safe_azure_openai, name) for name in safe_azure_openai.__all__)
