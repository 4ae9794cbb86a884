"""From a finished HTTP request to :class:`~safe_azure_openai.model.wire.Wire`, whichever HTTP stack built it.

``openai`` 2 sends with one HTTP library and ``openai`` 3 with its successor; the protocols below say what is used of
them, so that neither is imported here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping
from typing import Any, Protocol

from .model.wire import Wire

__all__ = ["HttpRequest", "HttpResponse", "HttpUrl", "api_path", "wire_of"]


class HttpUrl(Protocol):
    @property
    def path(self) -> str: ...
    @property
    def query(self) -> bytes: ...


class HttpRequest(Protocol):
    method: str
    extensions: MutableMapping[str, Any]

    @property
    def url(self) -> HttpUrl: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def content(self) -> bytes: ...


class HttpResponse(Protocol):
    @property
    def request(self) -> HttpRequest: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def content(self) -> bytes: ...


# "/openai/v1/responses" and "/openai/deployments/<name>/chat/completions"; must not match "/openai-evals".
_PREFIX = re.compile(r"^(?:/openai)?(?:/v1)?(?:/deployments/[^/]+)?(?=/|$)")
# The same at the end of a base URL: "/team/openai/deployments/gpt/" and "/v1/".
_API = re.compile(r"(?:/openai)?(?:/v1)?(?:/deployments/[^/]+)?/*$")
_DEPLOYMENT = re.compile(r"/deployments/([^/]+)")


def api_path(path: str, base_path: str) -> str:
    """Return the path of an API call without the base URL's part, the version and the deployment.

    A client for one deployment leaves that out where an API knows no deployments, so its base URL counts without it.
    """
    inner = "/" + path.removeprefix(_API.sub("", base_path)).lstrip("/")
    return "/" + _PREFIX.sub("", inner, count=1).strip("/")


def wire_of(request: HttpRequest, base_path: str) -> Wire:
    """Return what ``request`` would send; its body must have been read.

    Args:
        base_path: path of the client's base URL, which is no part of the API path.
    """
    path = request.url.path
    deployment = _DEPLOYMENT.search(path)
    return Wire(
        path=api_path(path, base_path),
        content_type=request.headers.get("content-type", ""),
        body=request.content,
        query=request.url.query.decode("ascii", "replace"),
        deployment=deployment.group(1) if deployment else "",
    )
