"""Looking the tenant up in Microsoft Entra and Azure: which cloud, with which credential, what is asked."""

from __future__ import annotations

import asyncio
import inspect
import os
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from ..errors import ConfigurationError
from ..model.found import Found, FoundBy
from .api import Api, Deadline, Refusal
from .clouds import Cloud, cloud_of, clouds, host_of
from .flight import DEADLINE_S, Flights
from .questions import ARM_ADVICE, GRAPH_ADVICE, METADATA_ADVICE, custom_cloud, of_organization, of_resource
from .report import Problem, Report
from .store import Store

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.core.credentials_async import AsyncTokenCredential

__all__ = ["Place", "check_extra", "look_up", "shared"]

#: Of the deadline, for Microsoft Graph: a slow one must leave time for the tags.
GRAPH_SHARE = 0.6
_METADATA = "/metadata/endpoints?api-version=2022-09-01"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a tenant is looked up; Azure's own variables, and no secrets.

    Args:
        endpoint: of the Azure OpenAI resource, whose tags are read; empty where there is none.
        authority: host to sign in at, for clouds that the endpoint does not tell.
        metadata: address of the metadata of a cloud of one's own.
        subscription: where the resource is, to search no others.
        identity: which of several identities signs in; part of what a kept report is known by.
    """

    endpoint: str = ""
    authority: str = ""
    metadata: str = ""
    subscription: str = ""
    identity: tuple[str, ...] = ()

    @classmethod
    def of_environment(cls, environment: Mapping[str, str] = os.environ) -> Place:
        """Return what Azure's own variables say."""
        return cls(
            endpoint=environment.get("AZURE_OPENAI_ENDPOINT", "").strip(),
            authority=environment.get("AZURE_AUTHORITY_HOST", "").strip(),
            metadata=environment.get("ARM_CLOUD_METADATA_URL", "").strip(),
            subscription=environment.get("AZURE_SUBSCRIPTION_ID", "").strip(),
            identity=tuple(environment.get(name, "") for name in ("AZURE_TENANT_ID", "AZURE_CLIENT_ID")),
        )

    @property
    def key(self) -> tuple[str, ...]:
        parts = (host_of(self.endpoint), self.authority, self.metadata, self.subscription)
        return (*parts, *self.identity)


def check_extra() -> None:
    """Check that the libraries of the extra ``azure`` are there.

    Raises:
        ConfigurationError: one is missing.
    """
    from importlib.util import find_spec

    missing = [
        name for name in ("azure", "azure.identity", "platformdirs", "tenacity") if not _is_there(find_spec, name)
    ]
    if missing:
        raise ConfigurationError(
            f"SAFE_AZURE_OPENAI_TENANT_DISCOVERY='directory' needs packages that are not installed ({missing[-1]}): "
            "pip install 'safe-azure-openai[azure]', or set it to token or off"
        )


def _is_there(find_spec: Callable[[str], object], name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # of a package that is itself missing
        return False


_shared: dict[Place, Flights] = {}
_lock = threading.Lock()


def shared(place: Place) -> Flights:
    """Return the look-ups of ``place`` that all guards of this process share.

    Raises:
        ConfigurationError: the extra ``azure`` is not installed.
    """
    with _lock:
        if place not in _shared:
            check_extra()
            _shared[place] = Flights("directory", partial(look_up, place), Store(place.key))
        return _shared[place]


def look_up(
    place: Place,
    deadline: Deadline | None = None,
    *,
    credential: TokenCredential | AsyncTokenCredential | None = None,
) -> Report:
    """Return what Microsoft Graph and the tags of the resource say. What they do not tell is a problem of the report.

    Args:
        credential: any of ``azure.identity`` or ``azure.identity.aio``; by default ``DefaultAzureCredential``.
        deadline: when to end; by default ten seconds from now.
    """
    deadline = deadline if deadline is not None else Deadline.after(DEADLINE_S)
    try:
        cloud = _cloud(place, deadline)
    except Refusal as refusal:
        return Report("directory", problems=(_problem("cloud", refusal),))
    found: list[Found] = [Found("cloud", cloud.name, "endpoint or authority", "cloud")]
    if cloud.country:
        found.append(Found("country", cloud.country, f"cloud {cloud.name}", "cloud"))
    problems: list[Problem] = []
    try:
        signing = _signer(cloud, credential)
    except ValueError as error:  # a variable of azure-identity's is wrong, and it says which
        problem = Problem("graph", f"nobody can sign in: {str(error).splitlines()[0]}", is_lasting=True)
        return Report("directory", tuple(found), (problem,))
    with signing as signer:
        parts: list[tuple[FoundBy, str, Mapping[int, str], Deadline, Callable[[Api], Iterator[Found]]]] = [
            ("graph", cloud.graph, GRAPH_ADVICE, deadline.share(GRAPH_SHARE), of_organization)
        ]
        if place.endpoint:
            tags = partial(of_resource, endpoint=place.endpoint, subscription=place.subscription)
            parts.append(("tags", cloud.resources, ARM_ADVICE, deadline, tags))
        for origin, base, advice, until, ask in parts:
            try:
                api = Api(base, signer, base + "/.default", advice=advice, deadline=until)
                try:
                    found += ask(api)
                finally:
                    api.close()
            except Refusal as refusal:
                problems.append(_problem(origin, refusal))
    return Report("directory", tuple(found), tuple(problems))


def _problem(origin: FoundBy, refusal: Refusal) -> Problem:
    return Problem(origin, str(refusal), is_lasting=not refusal.is_passing, pause_s=refusal.pause_s)


def _cloud(place: Place, deadline: Deadline) -> Cloud:
    if place.metadata:
        address, _, path = place.metadata.partition("/metadata")
        try:
            api = Api(address, None, "", advice=METADATA_ADVICE, deadline=deadline)
        except Refusal as refusal:
            raise Refusal(f"ARM_CLOUD_METADATA_URL: {refusal}", is_passing=False) from None
        try:
            return custom_cloud(api.get(api.base + ("/metadata" + path if path else _METADATA)))
        finally:
            api.close()
    cloud = cloud_of(place.authority or place.endpoint)
    if cloud is None and place.authority:
        authorities = ", ".join(cloud.authority for cloud in clouds())
        raise Refusal(
            f"AZURE_AUTHORITY_HOST names no cloud that is known: write one of {authorities}, or describe your own with "
            "ARM_CLOUD_METADATA_URL",
            is_passing=False,
        )
    return cloud or clouds()[0]


def _signer(cloud: Cloud, credential: Any) -> AbstractContextManager[TokenCredential]:
    """Return a credential for one look-up: the one that is given, one of asyncio made to wait, or azure-identity's."""
    if credential is None:
        from azure.identity import DefaultAzureCredential

        return DefaultAzureCredential(authority=cloud.authority, process_timeout=5)
    if inspect.iscoroutinefunction(getattr(credential, "get_token", None)):
        return _waiting(credential)
    return nullcontext(credential)


@contextmanager
def _waiting(credential: Any) -> Generator[TokenCredential]:
    loop = asyncio.new_event_loop()  # of this thread, where no other runs
    try:
        yield _Waiting(credential, loop)
    finally:
        loop.close()


class _Waiting:
    """A credential of ``azure.identity.aio`` that is waited for."""

    def __init__(self, credential: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._credential = credential
        self._loop = loop

    def get_token(self, *scopes: str, **options: Any) -> Any:
        return self._loop.run_until_complete(self._credential.get_token(*scopes, **options))
