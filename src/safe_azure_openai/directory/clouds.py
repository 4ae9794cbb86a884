"""The Azure clouds, and which of them an endpoint, an authority or a token belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib import resources as files
from typing import cast
from urllib.parse import urlsplit

from ..toml_source import TomlSource

__all__ = ["Cloud", "cloud_of", "clouds", "host_of", "is_loopback"]


@dataclass(frozen=True, slots=True)
class Cloud:
    """One Azure cloud: where to sign in, and where Microsoft Graph and Azure Resource Manager answer."""

    name: str
    authority: str
    graph: str
    resources: str
    issuers: tuple[str, ...] = ()
    suffixes: tuple[str, ...] = ()
    country: str | None = None


@lru_cache(maxsize=1)
def clouds() -> tuple[Cloud, ...]:
    """Return the clouds of ``clouds.toml``, the public one first."""
    content = files.files(__name__.rpartition(".")[0]).joinpath("clouds.toml").read_bytes()
    tables = cast("list[dict[str, object]]", TomlSource.parse("clouds.toml", content).data["cloud"])
    return tuple(_cloud(table) for table in tables)


def _cloud(table: dict[str, object]) -> Cloud:
    return Cloud(
        name=str(table["name"]),
        authority=str(table["authority"]),
        graph=str(table["graph"]),
        resources=str(table["resources"]),
        issuers=tuple(cast("list[str]", table["issuers"])),
        suffixes=tuple(cast("list[str]", table["suffixes"])),
        country=cast("str | None", table.get("country")),
    )


def cloud_of(address: str) -> Cloud | None:
    """Return the cloud that a host, or the host of a URL, belongs to; None where it belongs to none that is known."""
    host = host_of(address)
    for cloud in clouds():
        known = (cloud.authority, *cloud.issuers, *(host_of(url) for url in (cloud.graph, cloud.resources)))
        if host in known or any(host == suffix or host.endswith("." + suffix) for suffix in cloud.suffixes):
            return cloud
    return None


def host_of(address: str) -> str:
    """Return the host of a URL, or of an address without a scheme, in lower case; empty where there is none."""
    try:
        return (urlsplit(address if "//" in address else "//" + address).hostname or "").rstrip(".")
    except ValueError:  # such as "https://[": no address at all
        return ""


def is_loopback(address: str) -> bool:
    """Whether an address is on this machine, where a stand-in needs no TLS."""
    return host_of(address) in {"127.0.0.1", "::1", "localhost"}
