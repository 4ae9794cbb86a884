"""One look-up at a time, kept, shared, and survived."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import openai
import pytest
import trio

from safe_azure_openai import AsyncAzureOpenAI, AzureOpenAI, Guard
from safe_azure_openai.directory import Flights, Place, Problem, Report, lookup, shared
from safe_azure_openai.directory.api import Deadline
from safe_azure_openai.directory.flight import LASTING_PAUSE_S
from safe_azure_openai.directory.store import Store
from safe_azure_openai.errors import ConfigurationError
from safe_azure_openai.model.found import Found
from safe_azure_openai.settings import PREFIX
from safe_azure_openai.tenant import Tenant
from safe_azure_openai.tenant_sources import FromDirectory
from safe_azure_openai.testing import Loopback

from .azure import Answer, Azure, organization

POLICE = Found("sector", "law_enforcement", "verified domain met.police.uk", "graph")
TAG = Found("serves", "law_enforcement", "tag customer", "tags")


class Sky:
    """A clock that is set by hand, and a source that answers what is put into ``reports``."""

    def __init__(self, *reports: Report | Exception) -> None:
        self.now = 1000.0
        self.reports = list(reports)
        self.asked = 0
        self.gate = threading.Event()
        self.gate.set()

    def fetch(self, deadline: Deadline) -> Report:
        self.asked += 1
        self.gate.wait(60)
        report = self.reports.pop(0) if len(self.reports) > 1 else self.reports[0]
        if isinstance(report, Exception):
            raise report
        return report

    def flights(self, shelf: Store | None = None) -> Flights:
        return Flights("directory", self.fetch, shelf, lifetime_s=100, pause_s=10, clock=self.clock, now=self.clock)

    def clock(self) -> float:
        return self.now


def wait_for(condition: object, seconds: float = 60.0) -> None:
    assert callable(condition)
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)


def good(*found: Found) -> Report:
    return Report("directory", found or (POLICE,))


def bad(message: str = "down", *, is_lasting: bool = False, pause_s: float = 0.0) -> Report:
    return Report("directory", (), (Problem("graph", message, is_lasting, pause_s),))


# --- lifetime


def test_a_report_is_kept_for_its_lifetime_and_then_renewed_in_the_background() -> None:
    sky = Sky(good(), good(replace(POLICE, value="government")))
    flights = sky.flights()

    assert flights.report().found == (POLICE,)
    sky.now += 99
    assert flights.latest().found == (POLICE,)
    assert sky.asked == 1
    sky.now += 2
    sky.gate.clear()
    assert flights.latest().found == (POLICE,), "nobody waits"
    sky.gate.set()
    wait_for(lambda: flights.latest().found[0].value == "government")
    assert sky.asked == 2


def test_a_source_that_is_down_leaves_the_last_known_value_marked_stale() -> None:
    sky = Sky(good(), bad())
    flights = sky.flights()
    flights.report()
    sky.now += 101
    report = flights.report()

    assert report.found == (replace(POLICE, is_stale=True),)
    assert report.is_stale
    assert [problem.message for problem in report.problems] == ["down"]


def test_a_source_that_is_back_is_no_longer_stale() -> None:
    sky = Sky(good(), bad(), good())
    flights = sky.flights()
    for _ in range(3):
        report = flights.report()
        sky.now += 101

    assert report.found == (POLICE,)
    assert not report.is_stale


def test_only_what_could_not_be_asked_is_stale() -> None:
    sky = Sky(good(POLICE, TAG), replace(bad(), found=(TAG,)))
    flights = sky.flights()
    flights.report()
    sky.now += 101

    assert set(flights.report().found) == {TAG, replace(POLICE, is_stale=True)}


def test_a_fault_of_the_look_up_itself_holds_up_nobody() -> None:
    sky = Sky(good(), KeyError("secret"))
    flights = sky.flights()
    flights.report()
    sky.now += 101
    report = flights.report()

    assert report.found == (replace(POLICE, is_stale=True),)
    assert "KeyError" in report.problems[0].message
    assert "secret" not in report.problems[0].message


@pytest.mark.parametrize(
    ("report", "pause_s"),
    [(bad(), 10), (bad(is_lasting=True), LASTING_PAUSE_S), (bad(pause_s=77), 77)],
)
def test_after_a_failure_the_source_is_left_alone_for_a_while(report: Report, pause_s: float) -> None:
    sky = Sky(report)
    flights = sky.flights()
    flights.report()
    sky.now += pause_s - 1
    flights.report()
    assert sky.asked == 1

    sky.now += 2
    flights.report()
    assert sky.asked == 2


# --- one at a time


def test_a_thousand_threads_and_tasks_share_one_look_up() -> None:
    gate = threading.Event()
    asked: list[float] = []

    def fetch(deadline: Deadline) -> Report:
        asked.append(deadline.left())
        gate.wait(60)
        return good()

    flights = Flights("directory", fetch)

    async def tasks() -> list[Report]:
        return await asyncio.gather(*(asyncio.to_thread(flights.report) for _ in range(500)))

    with ThreadPoolExecutor(64) as pool:
        threads = [pool.submit(flights.report) for _ in range(500)]
        threading.Timer(0.2, gate.set).start()
        reports = asyncio.run(tasks()) + [future.result() for future in threads]

    assert len(asked) == 1
    assert {report.found for report in reports} == {(POLICE,)}


def test_nobody_waits_longer_than_the_deadline_and_what_comes_late_is_kept() -> None:
    gate = threading.Event()

    def fetch(deadline: Deadline) -> Report:
        gate.wait()
        return good()

    flights = Flights("directory", fetch, deadline_s=0.2)
    assert flights.report().found == (), "it returned although the source never answered"
    assert flights.report().found == (), "who comes later waits for what is left of the same deadline"

    gate.set()
    wait_for(lambda: flights.latest().found == (POLICE,))


def test_a_look_up_that_never_ends_is_given_up() -> None:
    sky = Sky()
    gate = threading.Event()
    flying: list[threading.Thread] = []

    def fetch(deadline: Deadline) -> Report:
        flying.append(threading.current_thread())
        if len(flying) == 1:
            gate.wait()
            return good(TAG)
        return good()

    flights = Flights("directory", fetch, deadline_s=10, clock=sky.clock)
    flights.latest()
    wait_for(lambda: flying)
    sky.now += 21

    flights.latest()
    wait_for(lambda: flights.latest().found == (POLICE,))
    gate.set()
    flying[0].join()
    assert flights.latest().found == (POLICE,), "what the lost one brings is not taken"


async def test_a_task_that_is_cancelled_ends_the_look_up_for_nobody() -> None:
    gate = threading.Event()

    def fetch(deadline: Deadline) -> Report:
        gate.wait(60)
        return good()

    flights = Flights("directory", fetch)
    first = asyncio.create_task(asyncio.to_thread(flights.report))
    second = asyncio.create_task(asyncio.to_thread(flights.report))
    await asyncio.sleep(0.05)
    first.cancel()
    gate.set()

    assert (await second).found == (POLICE,)
    with pytest.raises(asyncio.CancelledError):
        await first


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_worker_makes_its_own_look_up() -> None:
    gate = threading.Event()
    parent = os.getpid()

    def fetch(deadline: Deadline) -> Report:
        if os.getpid() == parent:
            gate.wait(60)
        return good()

    flights = Flights("directory", fetch)
    flights.latest()
    child = os.fork()
    if child == 0:
        os._exit(0 if flights.report().found == (POLICE,) else 1)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    gate.set()

    assert status == 0


def test_look_ups_that_nobody_needs_are_forgotten_and_not_held_by_the_fork_hook() -> None:
    import weakref

    flights = Flights("directory", lambda _: good())
    gone = weakref.ref(flights)
    del flights
    gc.collect()

    assert gone() is None


# --- the disk


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(("a", "b"), tmp_path / "cache")


def test_a_restart_needs_no_look_up_and_the_file_is_the_users_alone(store: Store) -> None:
    sky = Sky(good())
    sky.flights(store).report()
    wait_for(store.path.exists)

    assert sky.flights(store).report().found == (POLICE,)
    assert sky.asked == 1
    if os.name == "posix":
        assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
        assert stat.S_IMODE(store.path.parent.stat().st_mode) == 0o700


def test_a_restart_while_the_directory_is_down_has_the_last_known_value(store: Store) -> None:
    Sky(good()).flights(store).report()
    wait_for(store.path.exists)
    sky = Sky(bad())
    sky.now += 101

    assert sky.flights(store).report().found == (replace(POLICE, is_stale=True),)


def test_a_report_of_the_future_or_of_another_kind_is_not_taken(store: Store) -> None:
    for kept in (replace(good(), at=5000.0), Report("token", (POLICE,), at=1.0)):
        store.save(kept)
        assert Sky(good(TAG)).flights(store).report().found == (TAG,)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b'{"schema": 0}',
        b'{"schema": 1}',
        b'{"schema": 1, "report": {"mode": "x"}}',
        b"[" * 9999,
    ],
)
def test_a_file_that_is_no_report_is_not_read(store: Store, content: bytes) -> None:
    store.save(good())
    store.path.write_bytes(content)

    assert store.load() is None


def test_a_disk_that_cannot_be_written_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    store = Store(("a",), tmp_path / "file" / "folder")
    store.save(good())

    assert store.load() is None


def test_a_file_that_cannot_be_put_in_its_place_is_taken_away(store: Store) -> None:
    store.path.mkdir(parents=True)
    store.save(good())

    assert list(store.path.parent.iterdir()) == [store.path]


def test_another_tenant_has_another_file(tmp_path: Path) -> None:
    one, other = Place(identity=("tenant-1",)), Place(identity=("tenant-2",))

    assert Store(one.key, tmp_path).path != Store(other.key, tmp_path).path


def test_the_file_holds_no_secret(azure: Azure, tmp_path: Path) -> None:
    flights = shared(Place.of_environment())
    flights.report()
    folder = tmp_path / "cache" / "safe-azure-openai"
    wait_for(lambda: list(folder.glob("tenant-*.json")))
    (path,) = folder.glob("tenant-*.json")
    content = path.read_text(encoding="utf-8")

    assert json.loads(content)["report"]["found"]
    assert [secret for secret in (*azure.tokens, "a-secret-of-the-host") if secret in content] == []


# --- clients


@pytest.fixture
def discovery(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PREFIX + "TENANT_DISCOVERY", "directory")
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "a-key")
    monkeypatch.setenv("OPENAI_API_VERSION", "2024-10-21")


def patient(fetch: Callable[[Deadline], Report] | None = None) -> None:
    """Let clients wait as long as it takes: on a machine that does much else, ten seconds may be too short."""
    place = Place.of_environment()
    lookup._shared[place] = Flights("directory", fetch or partial(lookup.look_up, place), deadline_s=300)


#: Shared, for a thousand of them would take half a minute to read the certificates.
HTTP = openai.DefaultHttpxClient()
ASYNC_HTTP = openai.DefaultAsyncHttpxClient()


def client(number: int = 0) -> AzureOpenAI | AsyncAzureOpenAI:
    """Return a client; every second one is for asyncio."""
    endpoint = "https://casework.openai.azure.com"
    if number % 2:
        return AsyncAzureOpenAI(azure_endpoint=endpoint, http_client=ASYNC_HTTP)
    return AzureOpenAI(azure_endpoint=endpoint, http_client=HTTP)


@pytest.mark.usefixtures("discovery")
def test_clients_know_the_tenant_of_the_directory(azure: Azure) -> None:
    patient()
    tenant = client()._enforcement.guard.tenant

    assert (tenant.sector, tenant.country, tenant.provenance("sector")) == ("law_enforcement", "US", "directory")
    client(1)
    assert azure.asked("/v1.0/organization") == 1


@pytest.mark.usefixtures("discovery")
def test_a_server_killed_amid_a_thousand_constructions_loses_nothing(
    azure: Azure, monkeypatch: pytest.MonkeyPatch
) -> None:
    deadline_s = 3.0
    monkeypatch.setattr(lookup, "Flights", lambda *a, **k: Flights(*a, **k, deadline_s=deadline_s))
    azure.answer("/v1.0/organization", Answer(delay_s=0.5, body={"value": [organization()]}))
    waits: list[float] = []
    wait = threading.Event.wait

    class Timed(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout if timeout is not None else float("inf"))
            return wait(self, timeout)

    monkeypatch.setattr("safe_azure_openai.directory.flight.Landing", Timed)

    async def in_tasks() -> list[AzureOpenAI | AsyncAzureOpenAI]:
        return await asyncio.gather(*(asyncio.to_thread(client, number) for number in range(500)))

    arrived = threading.Event()

    def kill() -> None:
        arrived.wait(60)
        azure.kill()

    azure.on_request = lambda path: arrived.set() if path.startswith("/v1.0/") else None
    with ThreadPoolExecutor(32) as pool:
        threads = [pool.submit(client, number) for number in range(500)]
        killer = threading.Thread(target=kill)
        killer.start()
        clients = asyncio.run(in_tasks()) + [future.result() for future in threads]
        killer.join()

    assert len(clients) == 1000
    assert arrived.is_set()
    assert azure.most_at_once == 1
    assert waits
    assert max(waits) <= deadline_s, "each waits for what is left of the one deadline"
    assert {one._enforcement.guard.tenant.sector for one in clients} == {"unknown"}


@pytest.mark.usefixtures("discovery")
def test_a_server_killed_after_it_was_asked_once_leaves_all_clients_the_last_known_tenant(azure: Azure) -> None:
    client()
    folder = Path(os.environ["XDG_CACHE_HOME"]) / "safe-azure-openai"
    wait_for(lambda: list(folder.glob("tenant-*.json")))
    azure.kill()
    lookup._shared.clear()  # as a restart does

    with ThreadPoolExecutor(16) as pool:
        clients = list(pool.map(lambda _: client(), range(200)))

    assert {one._enforcement.guard.tenant.sector for one in clients} == {"law_enforcement"}


@pytest.mark.usefixtures("discovery")
def test_a_required_tenant_that_the_directory_does_not_tell_stops_the_client(
    azure: Azure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PREFIX + "REQUIRE_TENANT", "true")
    azure.answer("/v1.0/organization", Answer(403, {}))
    patient()

    with pytest.raises(ConfigurationError) as caught:
        client()
    told = str(caught.value)
    assert [
        part for part in ("directory does not tell it", "Organization.Read.All", PREFIX + "SECTOR") if part not in told
    ] == []


@pytest.mark.usefixtures("discovery")
def test_a_required_tenant_may_be_the_directorys(azure: Azure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PREFIX + "REQUIRE_TENANT", "true")
    patient()

    assert client()._enforcement.guard.tenant.sector == "law_enforcement"


# --- clients made in an event loop


class Desk:
    """A client that is made while the directory is still silent, and the endpoint that it asks."""

    def __init__(self, azure: Azure, loopback: Loopback) -> None:
        self.gate = threading.Event()
        self.look_ups = 0
        self.azure = azure
        self.loopback = loopback
        patient(self.fetch)

    def fetch(self, deadline: Deadline) -> Report:
        self.look_ups += 1
        self.gate.wait()
        return lookup.look_up(Place.of_environment(), deadline)

    def client(self) -> AsyncAzureOpenAI:
        return AsyncAzureOpenAI(azure_endpoint=self.loopback.url, max_retries=0)

    async def ask(self, made: AsyncAzureOpenAI) -> None:
        await made.chat.completions.create(
            model="gpt-4o",
            messages=[
                {"role": "user", "content": "Good morning."}
            ],  # ends at the screen: nothing here waits for the encoder
        )


@pytest.fixture
def desk(azure: Azure) -> Iterator[Desk]:
    with Loopback() as loopback:
        made = Desk(azure, loopback)
        yield made
        made.gate.set()


@pytest.mark.usefixtures("discovery")
async def test_in_an_event_loop_the_first_request_waits_and_not_the_constructor(desk: Desk) -> None:
    clients = [desk.client() for _ in range(4)]
    assert {one._enforcement.guard.tenant.sector for one in clients} == {"unknown"}, "the directory is still silent"
    given_up, *waiting = [asyncio.create_task(desk.ask(one)) for one in clients]
    await asyncio.to_thread(wait_for, lambda: desk.look_ups)
    given_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await given_up
    assert desk.loopback.requests == [], "nothing is sent before the tenant is known"
    desk.gate.set()
    await asyncio.gather(*waiting)
    await asyncio.gather(*(one.close() for one in clients))

    assert {one._enforcement.guard.tenant.sector for one in clients} == {"law_enforcement"}
    assert desk.look_ups == 1
    assert len(desk.loopback.requests) == len(waiting)


@pytest.mark.usefixtures("discovery")
def test_the_constructor_waits_in_no_event_loop_of_whatever_library(desk: Desk) -> None:
    async def make() -> AsyncAzureOpenAI:
        return desk.client()

    tenants = trio.run(make)._enforcement.guard.tenants

    assert not tenants.is_settled
    desk.gate.set()
    tenants.settle()  # no look-up goes on beside the tests that follow
    assert tenants.is_settled


@pytest.mark.usefixtures("discovery")
async def test_in_an_event_loop_a_required_tenant_that_is_not_told_stops_the_first_request(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PREFIX + "REQUIRE_TENANT", "true")
    desk.azure.answer("/v1.0/organization", Answer(403, {}))
    made = desk.client()
    task = asyncio.create_task(desk.ask(made))
    desk.gate.set()

    with pytest.raises(ConfigurationError, match=r"directory does not tell it.*Organization\.Read\.All"):
        await task
    with pytest.raises(ConfigurationError, match="directory does not tell it"):
        await desk.ask(made)
    with pytest.raises(ConfigurationError, match="directory does not tell it"):
        desk.client()
    await made.close()
    assert desk.loopback.requests == []


def test_a_look_up_that_renews_what_is_known_is_waited_for_by_no_request() -> None:
    sky = Sky(good())
    source = FromDirectory(Tenant(), sky.flights())
    source.settle()
    sky.now += 101
    sky.gate.clear()

    assert source.tenant().sector == "law_enforcement", "starts the look-up"
    assert source.is_settled
    source.settle()
    sky.gate.set()


def test_a_look_up_that_renews_what_is_known_is_waited_for_by_no_new_client() -> None:
    sky = Sky(good())
    flights = sky.flights()
    FromDirectory(Tenant(), flights).settle()
    sky.now += 101
    sky.gate.clear()
    late = FromDirectory(Tenant(), flights)

    assert late.tenant().sector == "law_enforcement", "starts the look-up"
    assert late.is_settled
    sky.gate.set()


def test_a_check_waits_for_the_first_look_up() -> None:
    sky = Sky(good())
    sky.gate.clear()
    guard = Guard(FromDirectory(Tenant(), sky.flights()))
    Guard().check("/chat/completions", {})  # what it takes to judge is loaded
    threading.Timer(0.3, sky.gate.set).start()

    decision = guard.check("/chat/completions", {"messages": [{"role": "user", "content": "Which inmate is he?"}]})

    assert decision.facts.actor.source == "tenant sector (directory)"


@pytest.mark.usefixtures("discovery")
def test_without_the_extra_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup, "_is_there", lambda find_spec, name: name != "platformdirs")

    with pytest.raises(ConfigurationError, match=r"platformdirs.*pip install 'safe-azure-openai\[azure\]'"):
        client()


def test_a_package_inside_a_missing_one_is_missing() -> None:
    from importlib.util import find_spec

    assert not lookup._is_there(find_spec, "no_such_package.at_all")
    assert lookup._is_there(find_spec, "azure.identity")
