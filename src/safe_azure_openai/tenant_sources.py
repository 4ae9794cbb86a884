"""The policy information points: where a guard takes its tenant from, at every request and without waiting.

Sources in order: argument, environment, file, then what Azure tells (``TENANT_DISCOVERY``). What was declared and what
was found meet in :meth:`Tenant.completed`. A difference is logged once, as a warning that names both.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Protocol

from .errors import ConfigurationError
from .tenant import SECTORS, Tenant

if TYPE_CHECKING:
    from .directory import Flights, Report
    from .model.found import Found
    from .settings import Settings

__all__ = ["Declared", "FromDirectory", "FromToken", "TenantSource", "require", "tenant_source"]

#: Tokens of which is remembered what they said: those of the clients that share a guard, and their successors.
MOST_TOKENS = 64
#: A field that is for records only: that a company is called otherwise in the directory surprises nobody.
_UNWARNED = frozenset({"organization"})

_logger = logging.getLogger("safe_azure_openai")
_warned: set[str] = set()


class TenantSource(Protocol):
    """Where a guard takes its tenant from; asked at every request, so nothing of it waits but ``settle``."""

    @property
    def is_settled(self) -> bool:
        """Whether ``settle`` returns at once."""
        ...

    def settle(self) -> None:
        """Wait for the first look-up, where one is under way.

        Raises:
            ConfigurationError: the sector is still unknown although ``REQUIRE_TENANT`` is true.
        """
        ...

    def tenant(self, told: tuple[Found, ...] = ()) -> Tenant:
        """Return the tenant as it is known now. ``told`` is what the token beside the request says of it."""
        ...

    def read(self, authorization: str) -> tuple[Found, ...]:
        """Return what a token says of the tenant, where this source asks tokens; else nothing."""
        ...


class _Settled:
    """A source that waits for nothing."""

    is_settled = True

    def settle(self) -> None:
        """Return at once."""


class Declared(_Settled):
    """A tenant that does not change."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    def tenant(self, told: tuple[Found, ...] = ()) -> Tenant:  # noqa: ARG002 - the same for all
        return self._tenant

    def read(self, authorization: str) -> tuple[Found, ...]:  # noqa: ARG002 - not asked
        return ()


class FromToken(_Settled):
    """What is declared, completed by the claims of the token that each request carries.

    A request without one, such as an event on an open connection, is of the tenant that the last token told of.
    """

    def __init__(self, declared: Tenant, authorization: str = "") -> None:
        self._declared = declared
        self._tenants: dict[tuple[Found, ...], Tenant] = {}
        self._claims: dict[bytes, tuple[Found, ...]] = {}
        self._last: tuple[Found, ...] = ()
        self._lock = threading.Lock()
        self.read(authorization)

    def tenant(self, told: tuple[Found, ...] = ()) -> Tenant:
        told = told or self._last
        tenant = self._tenants.get(told)
        if tenant is None:
            tenant = self._declared.completed(told, "token") if told else self._declared
            warn_of(tenant)
            with self._lock:
                _make_room(self._tenants)
                self._tenants[told] = tenant
        return tenant

    def read(self, authorization: str) -> tuple[Found, ...]:
        if not authorization:
            return ()
        digest = hashlib.sha256(authorization.encode("utf-8", "surrogatepass")).digest()
        claims = self._claims.get(digest)
        if claims is None:
            from .directory import found_in

            claims = found_in(authorization)
            with self._lock:
                _make_room(self._claims)
                self._claims[digest] = claims
        self._last = claims or self._last
        return claims


class FromDirectory:
    """What is declared, completed by what the directory and the tags said last; renewed in the background.

    Args:
        required: refuses a tenant that does not do, once the first look-up has told what it can.
    """

    def __init__(
        self, declared: Tenant, flights: Flights, required: Callable[[Tenant, tuple[str, ...]], None] | None = None
    ) -> None:
        self._declared = declared
        self._flights = flights
        self._required = required
        self._has_waited = False
        self._seen: tuple[Report, Tenant] | None = None

    @property
    def is_settled(self) -> bool:
        # Once only: a look-up that renews what is known is waited for by nobody.
        self._has_waited = self._has_waited or not self._flights.is_first_under_way
        return self._has_waited

    def settle(self) -> None:
        if not self.is_settled:
            self._flights.report()
            self._has_waited = True
        if self._required is not None:
            self._required(self.tenant(), tuple(problem.message for problem in self._flights.latest().problems))

    def tenant(self, told: tuple[Found, ...] = ()) -> Tenant:  # noqa: ARG002 - the directory knows better
        report = self._flights.latest()
        seen = self._seen
        if seen is None or seen[0] is not report:
            tenant = self._declared.completed(report.found, "directory")
            warn_of(tenant)
            seen = self._seen = (report, tenant)
        return seen[1]

    def read(self, authorization: str) -> tuple[Found, ...]:  # noqa: ARG002 - not asked
        return ()


def tenant_source(settings: Settings) -> TenantSource:
    """Return where the guard that ``settings`` describe takes its tenant from.

    With ``TENANT_DISCOVERY=directory`` the first call of a process waits for the look-up, ten seconds at the most. In a
    running event loop it does not wait: the look-up starts, and the first request waits for it, as ``settle`` does.

    Raises:
        ConfigurationError: the tenant file is wrong, the sector is unknown although ``REQUIRE_TENANT`` is true, or the
            packages for the directory are not installed.
    """
    declared = Tenant.from_settings(settings)
    source: TenantSource = Declared(declared)
    if settings.tenant_discovery == "token":
        import os

        source = FromToken(declared, os.environ.get("AZURE_OPENAI_AD_TOKEN", ""))
    elif settings.tenant_discovery == "directory":
        from .directory import Place, shared

        flights = shared(Place.of_environment())
        flights.latest()  # starts what is due
        check = partial(require, settings=settings) if settings.require_tenant else None
        source = FromDirectory(declared, flights, check)
        if source.is_settled or not _in_event_loop():
            source.settle()
        return source
    if settings.require_tenant:
        require(source.tenant(), (), settings)
    return source


def _in_event_loop() -> bool:
    import asyncio  # openai has imported both

    from anyio.lowlevel import current_token

    # The first also knows callbacks, in which no task runs; the second also knows the loops of other libraries.
    for find in (asyncio.get_running_loop, current_token):
        with suppress(RuntimeError):
            find()
            return True
    return False


def require(tenant: Tenant, problems: tuple[str, ...], settings: Settings) -> None:
    """Check that the sector is known.

    Raises:
        ConfigurationError: it is not; says what to set, and why discovery did not find it.
    """
    if tenant.sector != "unknown":
        return
    asked = {
        "off": "no sector is declared",
        "token": "no sector is declared, and no token is known yet that tells it (AZURE_OPENAI_AD_TOKEN)",
        "directory": "no sector is declared, and the directory does not tell it",
    }[settings.tenant_discovery]
    why = "".join(f" ({problem})" for problem in problems)
    raise ConfigurationError(
        f"SAFE_AZURE_OPENAI_REQUIRE_TENANT is true, but {asked}{why}; set SAFE_AZURE_OPENAI_SECTOR "
        f"(or 'sector' in the file of SAFE_AZURE_OPENAI_TENANT_FILE) to one of {', '.join(SECTORS[:-1])}"
    )


def warn_of(tenant: Tenant) -> None:
    """Log each conflict once in a process: a hundred clients have the same one."""
    for conflict in tenant.conflicts:
        text = str(conflict)
        if conflict.field not in _UNWARNED and text not in _warned:
            _warned.add(text)
            _logger.warning("%s", text)


def _make_room(kept: dict[object, object] | dict[bytes, tuple[Found, ...]] | dict[tuple[Found, ...], Tenant]) -> None:
    if len(kept) >= MOST_TOKENS:
        kept.clear()
