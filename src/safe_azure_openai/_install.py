"""Guard the ``openai`` clients that other people's code makes: ``install()`` and ``safe-azure-openai run``.

The classes of the guarded clients cannot be put in the place of upstream's where those were imported by name before, so
the hooks are laid on upstream's own classes: clients made before and after are guarded alike, with one guard for the
process. A client of ours keeps its own guard.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Callable, Iterator
from threading import RLock
from types import TracebackType
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import openai

from .client import AsyncOpenAI, Enforcement, OpenAI
from .guard import Guard
from .realtime import guarded_connect

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Installation", "install"]

_Patch = tuple[type, str, Any, bool]

_lock = RLock()
_active: list[Installation] = []
_patches: list[_Patch] = []
_enforcements: WeakKeyDictionary[Any, Enforcement] = WeakKeyDictionary()


def install(guard: Guard | None = None) -> Installation:
    """Guard every ``openai`` client of this process, and return what undoes it.

    Args:
        guard: the guard for clients that have none of their own; by default the one that the environment describes.
    Returns:
        An object whose ``undo()`` takes the guard away again; also a context manager. Where ``install`` was called
        several times, the guard that was installed last and not undone is in force.
    Raises:
        ConfigurationError: a setting is wrong.
    """
    installation = Installation(Enforcement(guard) if guard is not None else Enforcement.from_env())
    with _lock:
        _active.append(installation)
        if not _patches:
            _lay_hooks()
    return installation


class Installation:
    """What ``install`` returns."""

    def __init__(self, enforcement: Enforcement) -> None:
        self.enforcement = enforcement
        self.guard = enforcement.guard

    def undo(self) -> None:
        """Take the guard away; a second call does nothing."""
        with _lock:
            if self in _active:
                _active.remove(self)
            if not _active:
                _take_hooks()
                _enforcements.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.undo()


def enforcement_of(client: Any) -> Enforcement | None:
    """Return what guards a client of upstream's; None for one of ours, which guards itself, and after ``undo``."""
    if isinstance(client, (OpenAI, AsyncOpenAI)):
        return None
    with _lock:
        if not _active:
            return None
        installed = _active[-1].enforcement
        enforcement = _enforcements.get(client)
        if enforcement is None or enforcement.guard is not installed.guard:
            enforcement = installed.anew() if enforcement is None else enforcement.with_guard(installed.guard)
            _enforcements[client] = enforcement
        return enforcement


def _lay_hooks() -> None:
    for target, prepare, send, process in (
        (openai.OpenAI, _prepare, _send, _process),
        (openai.AsyncOpenAI, _prepare_async, _send_async, _process_async),
    ):
        copied = _copy(target.copy)
        for name, wrap in (("_prepare_request", prepare), ("_send_request", send), ("_process_response", process)):
            _patch(target, name, wrap(getattr(target, name)))
        _patch(target, "copy", copied)
        _patch(target, "with_options", copied)
    for resource in resources_that_connect():
        _patch(resource, "connect", guarded_connect(getattr(resource, "connect"), enforcement_of))  # noqa: B009


def _patch(target: type, name: str, value: Any) -> None:
    _patches.append((target, name, vars(target).get(name), name in vars(target)))
    setattr(target, name, value)


def _take_hooks() -> None:
    while _patches:
        target, name, before, was_own = _patches.pop()
        if was_own:
            setattr(target, name, before)
        else:
            delattr(target, name)


def resources_that_connect() -> Iterator[type]:
    """Yield the resource classes of the installed ``openai`` that open WebSocket connections."""
    root = importlib.import_module("openai.resources")
    for info in pkgutil.walk_packages(root.__path__, "openai.resources."):
        for cls in vars(importlib.import_module(info.name)).values():
            if isinstance(cls, type) and cls.__module__ == info.name and "connect" in vars(cls):
                yield cls


def _prepare(upstream: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(upstream)
    def prepare_request(client: Any, request: Any) -> None:
        upstream(client, request)
        if (enforcement := enforcement_of(client)) is not None:
            enforcement.admit_read(request, client.base_url.path)

    return prepare_request


def _prepare_async(upstream: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(upstream)
    async def prepare_request(client: Any, request: Any) -> None:
        await upstream(client, request)
        if (enforcement := enforcement_of(client)) is not None:
            await enforcement.admit_read_async(request, client.base_url.path)

    return prepare_request


def _send(upstream: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(upstream)
    def send_request(client: Any, request: Any, **kwargs: Any) -> Any:
        if (enforcement := enforcement_of(client)) is not None:  # a subclass may prepare without asking upstream
            enforcement.admit_read(request, client.base_url.path)
        return upstream(client, request, **kwargs)

    return send_request


def _send_async(upstream: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(upstream)
    async def send_request(client: Any, request: Any, **kwargs: Any) -> Any:
        if (enforcement := enforcement_of(client)) is not None:
            await enforcement.admit_read_async(request, client.base_url.path)
        return await upstream(client, request, **kwargs)

    return send_request


def _process(upstream: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(upstream)
    def process_response(client: Any, *, response: Any, **kwargs: Any) -> Any:
        if (enforcement := enforcement_of(client)) is not None:
            enforcement.watch(response)
        return upstream(client, response=response, **kwargs)

    return process_response


def _process_async(upstream: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(upstream)
    async def process_response(client: Any, *, response: Any, **kwargs: Any) -> Any:
        if (enforcement := enforcement_of(client)) is not None:
            await enforcement.watch_async(response)
        return await upstream(client, response=response, **kwargs)

    return process_response


def _copy(upstream: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(upstream)
    def copy(client: Any, *args: Any, **kwargs: Any) -> Any:
        copied = upstream(client, *args, **kwargs)
        if (enforcement := enforcement_of(client)) is not None:
            with _lock:
                _enforcements[copied] = enforcement
        return copied

    return copy
