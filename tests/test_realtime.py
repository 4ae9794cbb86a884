"""WebSocket connections over a real socket: what is judged, with what, and that nothing else is sent."""

from __future__ import annotations

import inspect
import json
from collections.abc import AsyncIterator, Iterator
from functools import cached_property
from typing import Any

import openai
import pytest

import safe_azure_openai
from safe_azure_openai import AsyncOpenAI, AzureOpenAI, GuardError, InspectionError, OpenAI, PolicyViolation
from safe_azure_openai.client import Enforcement
from safe_azure_openai.extract import from_wire
from safe_azure_openai.model.memory import Memory
from safe_azure_openai.model.request import Link
from safe_azure_openai.realtime import MAX_ITEM_BYTES, MAX_ITEMS, Dialogue, guarded_connect
from safe_azure_openai.testing import Loopback, MarkerGuard

CLIENTS = ("OpenAI", "AsyncOpenAI", "AzureOpenAI", "AsyncAzureOpenAI")


def message(text: str) -> Any:
    content = [{"type": "input_text", "text": text}]
    return {"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": content}}


def settings(**fields: Any) -> Any:
    return {"type": "session.update", "session": {"type": "realtime", **fields}}


def bodies(guard: MarkerGuard) -> list[Any]:
    """What was judged, without the handshakes."""
    return [json.loads(wire.body) for wire in guard.wires if wire.body]


def make(name: str, server: Loopback, guard: MarkerGuard, **options: Any) -> Any:
    options |= {"api_key": "none"}
    if "Azure" in name:
        options |= {"azure_endpoint": server.url, "api_version": "2024-10-01-preview"}
    else:
        options |= {"base_url": server.url + "/v1"}
    # The beta connections of upstream use TLS unless an address is given.
    options["websocket_base_url"] = server.url.replace("http", "ws") + ("/openai" if "Azure" in name else "/v1")
    return getattr(safe_azure_openai, name)(**options).with_guard(guard)


@pytest.fixture
def guard() -> MarkerGuard:
    return MarkerGuard()


@pytest.fixture
def client(server: Loopback, guard: MarkerGuard) -> Iterator[OpenAI]:
    with make("OpenAI", server, guard) as client:
        yield client


@pytest.fixture
async def async_client(server: Loopback, guard: MarkerGuard) -> AsyncIterator[AsyncOpenAI]:
    async with make("AsyncOpenAI", server, guard) as client:
        yield client


def connecting(owner: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every resource below a client that opens WebSockets."""
    for name, _ in inspect.getmembers(type(owner), lambda member: isinstance(member, cached_property)):
        resource = getattr(owner, name)
        if not name.startswith(("_", "with_")) and hasattr(resource, "_client"):
            if hasattr(resource, "connect"):
                yield f"{path}{name}", resource
            yield from connecting(resource, f"{path}{name}.")


def required(method: Any) -> dict[str, Any]:
    """Return the arguments that a ``connect`` asks for, and a model where it takes one."""
    parameters = inspect.signature(method).parameters
    names = [name for name, parameter in parameters.items() if parameter.default is parameter.empty]
    return dict.fromkeys({*names, *(["model"] if "model" in parameters else [])}, "some_value")


async def say(manager: Any, frame: str) -> None:
    """Open a connection of either kind and send one frame."""
    if hasattr(manager, "__aenter__"):
        async with manager as connection:
            await send_raw(connection, frame)
    else:
        with manager as connection:
            await send_raw(connection, frame)


async def send_raw(connection: Any, frame: str) -> None:
    # The beta connections of openai 2 have no send_raw; their send takes what json.dumps takes.
    sent = connection.send_raw(frame) if hasattr(connection, "send_raw") else connection.send(json.loads(frame))
    if inspect.isawaitable(sent):
        await sent


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", CLIENTS)
async def test_every_connect_of_every_client_judges_the_handshake_and_each_frame(name: str, server: Loopback) -> None:
    guard = MarkerGuard()
    client = make(name, server, guard)
    found = list(connecting(client))
    assert len(found) >= 4
    for path, resource in found:
        arguments = required(resource.connect)
        for case in ("handshake", "frame", "allowed"):
            server.sockets.clear()
            server.frames.clear()
            query = {"words": "FORBIDDEN" if case == "handshake" else "fine"}
            frame = json.dumps({"type": "response.create", "input": "FORBIDDEN" if case == "frame" else "fine"})
            manager = resource.connect(**arguments, extra_query=query)
            if case == "allowed":
                await say(manager, frame)
                await settled(server)
                assert [json.loads(sent) for sent in server.frames] == [json.loads(frame)], path
            else:
                with pytest.raises(PolicyViolation):
                    await say(manager, frame)
                assert server.frames == [], path
                assert len(server.sockets) == (0 if case == "handshake" else 1), path
    closing = client.close()
    if inspect.isawaitable(closing):
        await closing


async def settled(server: Loopback) -> None:
    """Wait until the stand-in has read what was sent before the connection was closed."""
    import anyio

    with anyio.fail_after(5):
        while not server.frames:  # noqa: ASYNC110 - another thread fills the list
            await anyio.sleep(0.005)


def test_settings_and_items_of_several_events_are_judged_together(client: OpenAI, guard: MarkerGuard) -> None:
    with client.realtime.connect(model="gpt-realtime") as connection:
        connection.send(settings(instructions="You serve a hospital.", audio={"input": {"format": {"rate": 24000}}}))
        connection.send(settings(audio={"input": {"noise_reduction": None}}))
        connection.send(message("Good morning."))
        connection.send({"type": "response.create"})
    merged = {
        "type": "realtime",
        "instructions": "You serve a hospital.",
        "audio": {"input": {"format": {"rate": 24000}, "noise_reduction": None}},
    }
    assert bodies(guard)[-1] == {
        "events": [{"type": "session.update", "session": merged}, message("Good morning."), {"type": "response.create"}]
    }


def test_a_later_setting_is_judged_with_the_items_before_it(client: OpenAI, guard: MarkerGuard) -> None:
    with client.realtime.connect(model="gpt-realtime") as connection:
        connection.send(message("Who is this?"))
        connection.send(settings(instructions="You serve a police department."))
    assert [event["type"] for event in bodies(guard)[-1]["events"]] == ["session.update", "conversation.item.create"]


def test_a_blocked_event_is_neither_sent_nor_kept(client: OpenAI, guard: MarkerGuard, server: Loopback) -> None:
    with client.realtime.connect(model="gpt-realtime") as connection:
        with pytest.raises(PolicyViolation):
            connection.send(message("FORBIDDEN"))
        connection.send({"type": "response.create"})
        assert connection.recv().type == "session.created"
        assert connection.recv().type == "response.created"
    assert [json.loads(frame) for frame in server.frames] == [{"type": "response.create"}]
    assert bodies(guard)[-1] == {"events": [{"type": "response.create"}]}


def test_sound_is_sent_without_a_judgement(client: OpenAI, guard: MarkerGuard, server: Loopback) -> None:
    with client.realtime.connect(model="gpt-realtime") as connection:
        connection.send({"type": "input_audio_buffer.append", "audio": "AAAA"})
        connection.send({"type": "response.create"})
        connection.recv()
        connection.recv()
    assert len(bodies(guard)) == 1
    assert len(server.frames) == 2


@pytest.mark.parametrize(
    "event",
    [
        {"type": "input_audio_buffer.append", "audio": "AAAA", "note": "FORBIDDEN"},
        {"type": "input_audio_buffer.append", "audio": "AAAA", "event_id": "FORBIDDEN words in an id"},
        {"type": "something.else", "audio": "FORBIDDEN"},
        {"type": "input_audio_buffer.append", "audio": "FORBIDDEN words"},
        {"type": "input_audio_buffer.append", "audio": {"words": "FORBIDDEN"}},
        {"type": "input_audio_buffer.append", "audio": "AAAA", "content_index": ["FORBIDDEN words"]},
    ],
)
def test_words_beside_sound_are_judged(client: OpenAI, event: dict[str, Any]) -> None:
    with client.realtime.connect(model="gpt-realtime") as connection, pytest.raises(PolicyViolation):
        connection.send_raw(json.dumps(event))


@pytest.mark.parametrize(
    "frame",
    [
        '{"type": "session.update", "session": {"instructions": "FORBIDDEN"}, "session": {}}',
        "FORBIDDEN but no JSON",
        b"\xff FORBIDDEN",
        '["FORBIDDEN"]',
        "[" * 5000 + "FORBIDDEN",
    ],
)
def test_a_frame_that_is_no_event_is_judged_as_it_is(client: OpenAI, server: Loopback, frame: str | bytes) -> None:
    with client.realtime.connect(model="gpt-realtime") as connection, pytest.raises(PolicyViolation):
        connection.send_raw(frame)
    assert server.frames == []


def test_a_frame_that_is_no_json_is_uninspectable_for_a_real_guard(server: Loopback) -> None:
    client = OpenAI(api_key="none", base_url=server.url + "/v1")
    with client, client.realtime.connect(model="gpt-realtime") as connection, pytest.raises(InspectionError):
        connection.send_raw(bytes(range(256)))
    assert server.frames == []


def test_a_message_in_fragments_is_judged_as_a_whole(client: OpenAI, server: Loopback) -> None:
    with client.realtime.connect(model="gpt-realtime") as connection:
        socket = connection._connection
        with pytest.raises(PolicyViolation):
            socket.send(iter(['{"type": "FORB', 'IDDEN"}']))
        socket.send(iter(['{"type": "response', '.create"}']))
        with pytest.raises(TypeError):
            socket.send(object())  # type: ignore[arg-type]
        connection.recv()
        connection.recv()
    assert server.frames == ['{"type": "response.create"}']


async def test_a_message_in_asynchronous_fragments_is_judged_as_a_whole(
    async_client: AsyncOpenAI, server: Loopback
) -> None:
    async def fragments() -> AsyncIterator[str]:
        yield '{"type": "FORB'
        yield 'IDDEN"}'

    async with async_client.realtime.connect(model="gpt-realtime") as connection:
        with pytest.raises(PolicyViolation):
            await connection._connection.send(fragments())
    assert server.frames == []


async def test_a_long_event_is_judged_off_the_event_loop(async_client: AsyncOpenAI, server: Loopback) -> None:
    async with async_client.realtime.connect(model="gpt-realtime") as connection:
        with pytest.raises(PolicyViolation):
            await connection.send(message("x" * 40_000 + "FORBIDDEN"))
        await connection.send({"type": "response.create"})
        await connection.recv()
        assert (await connection.recv()).type == "response.created"
    assert len(server.frames) == 1


def test_an_event_queued_before_the_connection_opens_is_judged_when_it_is_queued(
    client: OpenAI, server: Loopback
) -> None:
    manager = client.realtime.connect(model="gpt-realtime")
    with pytest.raises(PolicyViolation):
        manager.send(message("FORBIDDEN"))
    manager.send({"type": "response.create"})
    with manager as connection:
        connection.recv()
        connection.recv()
    assert [json.loads(frame) for frame in server.frames] == [{"type": "response.create"}]


async def test_an_event_queued_asynchronously_is_judged_when_it_is_queued(
    async_client: AsyncOpenAI, server: Loopback
) -> None:
    manager = async_client.realtime.connect(model="gpt-realtime")
    with pytest.raises(PolicyViolation):
        manager.send(message("FORBIDDEN"))
    async with manager as connection:
        await connection.recv()
    assert server.frames == []


def test_queued_events_are_judged_together(client: OpenAI, guard: MarkerGuard, server: Loopback) -> None:
    manager = client.realtime.connect(model="gpt-realtime")
    manager.send(settings(instructions="You serve a police department."))
    manager.send(message("Who is this?"))
    assert len(bodies(guard)[-1]["events"]) == 2
    with manager as connection:
        connection.send({"type": "response.create"})
        connection.recv()
        connection.recv()
    assert len(server.frames) == 3
    assert len(bodies(guard)[-1]["events"]) == 3, "an event that waited in the queue counts once"


def test_what_was_said_stays_in_force_after_a_reconnect(client: OpenAI, guard: MarkerGuard, server: Loopback) -> None:
    manager = client.realtime.connect(
        model="gpt-realtime", on_reconnecting=lambda event: None, initial_delay=0.01, max_delay=0.01
    )
    with manager as connection:
        connection.send(settings(instructions="You serve a police department."))
        events = iter(connection)
        assert next(events).type == "session.created"
        server.close_sockets(1012)
        assert next(events).type == "session.created"
        assert len(server.sockets) == 2
        with pytest.raises(PolicyViolation):
            connection.send(message("FORBIDDEN"))
        connection.send(message("Who is this?"))
    assert [event["type"] for event in bodies(guard)[-1]["events"]] == ["session.update", "conversation.item.create"]
    assert [wire.path for wire in guard.wires if not wire.body] == ["/realtime", "/realtime"]


def test_a_query_changed_at_a_reconnect_is_judged(client: OpenAI, server: Loopback) -> None:
    manager = client.realtime.connect(
        model="gpt-realtime",
        on_reconnecting=lambda event: {"extra_query": {"words": "FORBIDDEN"}},
        max_retries=1,
        initial_delay=0.01,
    )
    with manager as connection:
        events = iter(connection)
        next(events)
        server.close_sockets(1012)
        with pytest.raises(Exception, match=r"1012|service restart"):
            next(events)
    assert len(server.sockets) == 1


def test_ids_that_the_server_announces_are_remembered(server: Loopback) -> None:
    guard = MarkerGuard(memory=Memory(actor=0.9))
    with make("OpenAI", server, guard) as client, client.realtime.connect(model="gpt-realtime") as connection:
        connection.send({"type": "response.create"})
        connection.recv()
        created = connection.recv()
        assert created.type == "response.created"
        links = [Link("response", str(created.response.id), "")]
        assert client._enforcement.session.recall(links) == Memory(actor=0.9)


async def test_ids_are_remembered_on_asynchronous_connections(server: Loopback) -> None:
    guard = MarkerGuard(memory=Memory(actor=0.9))
    async with make("AsyncOpenAI", server, guard) as client, client.responses.connect() as connection:
        await connection.send({"type": "response.create", "model": "gpt-4o", "input": "Hello"})
        await connection.recv()
        created = await connection.recv()
        links = [Link("response", created.response.id, "")]
        assert client._enforcement.session.recall(links) == Memory(actor=0.9)


def test_each_event_of_the_responses_socket_is_a_request_of_its_own(client: OpenAI, guard: MarkerGuard) -> None:
    with client.responses.connect() as connection:
        connection.send({"type": "response.create", "model": "gpt-4o", "input": "One"})
        connection.send({"type": "response.create", "input": "Two", "previous_response_id": "resp_9"})
    assert [(wire.path, json.loads(wire.body)) for wire in guard.wires if wire.body] == [
        ("/responses", {"model": "gpt-4o", "input": "One"}),
        ("/responses", {"input": "Two", "previous_response_id": "resp_9"}),
    ]


def test_every_word_of_an_event_of_the_responses_socket_is_judged(client: OpenAI, server: Loopback) -> None:
    frames = ('{"type": "FORBIDDEN"}', '{"type": "response.create", "input": "FORBIDDEN", "input": "fine"}')
    with client.responses.connect() as connection:
        for frame in frames:
            with pytest.raises(PolicyViolation):
                connection.send_raw(frame)
    assert server.frames == []


def test_responses_on_one_socket_do_not_share_what_is_known_of_them(server: Loopback) -> None:
    guard = MarkerGuard()
    with make("OpenAI", server, guard) as client, client.responses.connect() as connection:
        connection.recv()
        ids = []
        for actor in (0.9, 0.0):
            guard.memory = Memory(actor=actor)
            connection.send({"type": "response.create", "model": "gpt-4o", "input": "Hello"})
            ids.append(connection.recv().response.id)
            connection.recv()
        recalled = [client._enforcement.session.known("response", name) for name in ids]
    assert recalled == [Memory(actor=0.9), Memory(actor=0.0)]


def test_the_azure_client_judges_its_own_address(server: Loopback, guard: MarkerGuard) -> None:
    client: AzureOpenAI = make("AzureOpenAI", server, guard)
    with client, client.realtime.connect(model="my-deployment"):
        pass
    assert guard.wires[0].path == "/realtime"
    assert "my-deployment" in guard.wires[0].query


def test_monitor_mode_lets_frames_pass(server: Loopback) -> None:
    guard = MarkerGuard("", mode="monitor")
    with make("OpenAI", server, guard) as client, client.realtime.connect(model="gpt-realtime") as connection:
        connection.send({"type": "response.create"})
        connection.recv()
        assert connection.recv().type == "response.created"
    assert len(server.frames) == 1


def test_a_connection_class_of_ones_own_is_guarded_as_well(client: OpenAI, server: Loopback) -> None:
    from websockets.sync.client import ClientConnection

    class Counting(ClientConnection):
        count = 0

        def send(self, *args: Any, **kwargs: Any) -> None:
            Counting.count += 1
            super().send(*args, **kwargs)

    options: Any = {"create_connection": Counting}
    with client.realtime.connect(model="gpt-realtime", websocket_connection_options=options) as connection:
        with pytest.raises(PolicyViolation):
            connection.send(message("FORBIDDEN"))
        connection.send({"type": "response.create"})
        connection.recv()
        connection.recv()
    assert Counting.count == len(server.frames) == 1


@pytest.mark.parametrize("factory", [lambda *args, **kwargs: None, dict], ids=["function", "other class"])
def test_a_connection_that_cannot_be_guarded_is_refused(client: OpenAI, server: Loopback, factory: Any) -> None:
    options: Any = {"create_connection": factory}
    with pytest.raises(GuardError, match="refused"):
        client.realtime.connect(model="gpt-realtime", websocket_connection_options=options)
    assert server.connections == 0


class _Resource:
    def __init__(self, client: Any) -> None:
        self._client = client


def test_a_connect_that_takes_no_options_is_refused(client: OpenAI) -> None:
    connect = guarded_connect(lambda resource: object(), lambda client: client._enforcement)
    with pytest.raises(GuardError, match="websocket_connection_options"):
        connect(_Resource(client))


def test_a_manager_with_an_unknown_queue_is_refused(client: OpenAI) -> None:
    class Manager:
        def send(self, event: object) -> None: ...

    def upstream(resource: Any, websocket_connection_options: Any = None) -> Manager:
        return Manager()

    with pytest.raises(GuardError, match="queue"):
        guarded_connect(upstream, lambda client: client._enforcement)(_Resource(client))


@pytest.mark.parametrize(
    "said",
    [[{"type": "note", "n": n} for n in range(MAX_ITEMS + 1)], [message("x" * (MAX_ITEM_BYTES + 1))]],
    ids=["many events", "a long event"],
)
def test_what_left_the_window_of_items_is_known_by_its_facts(guard: MarkerGuard, said: list[Any]) -> None:
    guard.memory = Memory(actor=0.9)
    enforcement = Enforcement(guard)
    dialogue = Dialogue(enforcement, is_responses=False)
    for event in (*said, {"type": "response.create"}):
        dialogue.admit(json.dumps(event))
    before, request = (from_wire(wire)[0] for wire in guard.wires[-2:])
    assert before.links == ()
    assert enforcement.session.recall(request.links) == Memory(actor=0.9)


def test_the_window_of_items_is_bounded_in_number_and_size(guard: MarkerGuard) -> None:
    dialogue = Dialogue(Enforcement(guard), is_responses=False)
    image = "data:image/png;base64," + "A" * 200_000
    item = {"type": "message", "content": [{"type": "input_image", "image_url": image, "detail": 1}]}
    for number in range(MAX_ITEMS + 10):
        dialogue.admit(json.dumps({"type": "conversation.item.create", "item": {**item, "id": f"item_{number}"}}))
    events = bodies(guard)[-1]["events"]
    assert len(events) == MAX_ITEMS + 1
    assert events[-1]["item"]["content"][0]["image_url"] == image
    assert events[0]["item"]["content"][0]["image_url"] == image[:64]
    assert len(guard.wires[-1].body) < 2 * len(image)


def test_server_events_that_are_no_json_are_left_alone(guard: MarkerGuard) -> None:
    dialogue = Dialogue(Enforcement(guard), is_responses=True)
    dialogue.hear(b'response.created {"no json')
    dialogue.hear('["response.created"]')
    dialogue.hear('{"type": "response.created", "response": {"id": "resp_1", "object": "response"}}')
    session = dialogue._enforcement.session
    assert session.known("response", "resp_1") == Memory()


def test_upstream_is_unchanged_by_our_resources(client: OpenAI) -> None:
    assert type(client.realtime) is not openai.resources.realtime.Realtime
    assert isinstance(client.realtime, openai.resources.realtime.Realtime)
    assert type(client.realtime).__name__ == "Realtime"
    assert "safe_azure_openai" not in openai.resources.realtime.Realtime.connect.__code__.co_filename
    assert inspect.signature(client.realtime.connect) == inspect.signature(
        openai.resources.realtime.Realtime(client).connect
    )
