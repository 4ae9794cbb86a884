"""Signing in to Azure OpenAI with Microsoft Entra ID, where ``openai`` finds neither a key nor a token.

``openai`` decides first: whatever it accepts stays as it is. Only where it says that credentials are missing, the
endpoint is one of Azure's and the extra ``azure`` is installed, a token provider takes the place of the key. A token
goes to hosts of Azure only, over TLS only, and is kept by ``azure-identity`` alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

import anyio.to_thread
from openai import OpenAIError

__all__ = [
    "API_VERSION",
    "AZURE_HOSTS",
    "CLOUDS",
    "AsyncTokenProvider",
    "Cloud",
    "SignIn",
    "TokenProvider",
    "cloud_of",
    "conceal",
    "confine",
    "meant_by",
]

#: The version of Azure's API where nobody names one: the newest dated one that is generally available.
#: Source: Azure/azure-rest-api-specs, specification/cognitiveservices/data-plane/AzureOpenAI/inference/stable.
API_VERSION = "2024-10-21"

_INSTALL = "pip install 'safe-azure-openai[azure]'"
_MISSING = "Missing credentials"  # how upstream's message begins, in all versions that are supported


@dataclass(frozen=True, slots=True)
class Cloud:
    """A cloud of Azure: where its models answer, what a token for them is asked for, and who issues it."""

    name: str
    domains: tuple[str, ...]
    scope: str
    authority: str

    def holds(self, host: str) -> bool:
        """Whether ``host`` is a resource in this cloud; a domain alone is not, nor is one that only contains it."""
        return any(host.endswith(domain) and len(host) > len(domain) for domain in self.domains)


#: Sources: Microsoft Learn, "Azure OpenAI in Azure Government" and "Azure operated by 21Vianet: endpoints"; the
#: authorities are those of ``azure.identity.AzureAuthorityHosts``. Regional hosts such as
#: westus.api.cognitive.microsoft.com are not here: they take keys only.
CLOUDS = (
    Cloud(
        "AzureCloud",
        (".openai.azure.com", ".cognitiveservices.azure.com", ".services.ai.azure.com"),
        "https://cognitiveservices.azure.com/.default",
        "login.microsoftonline.com",
    ),
    Cloud(
        "AzureUSGovernment",
        (".openai.azure.us", ".cognitiveservices.azure.us", ".services.ai.azure.us"),
        "https://cognitiveservices.azure.us/.default",
        "login.microsoftonline.us",
    ),
    Cloud(
        "AzureChinaCloud",
        (".openai.azure.cn", ".cognitiveservices.azure.cn", ".services.ai.azure.cn"),
        "https://cognitiveservices.azure.cn/.default",
        "login.chinacloudapi.cn",
    ),
)

#: What an endpoint must be for a token to be sent there, for messages.
AZURE_HOSTS = f"hosts of Azure over TLS, such as https://<resource>{CLOUDS[0].domains[0]}"


def cloud_of(endpoint: str) -> Cloud | None:
    """Return the cloud of an endpoint; None where it is not Azure's, or not reached over TLS."""
    try:
        parts = urlsplit(endpoint)
        host = (parts.hostname or "").rstrip(".")
    except ValueError:  # not a URL; upstream says so
        return None
    if parts.scheme not in ("https", "wss"):
        return None
    return next((cloud for cloud in CLOUDS if cloud.holds(host)), None)


def meant_by(endpoint: str) -> str:
    """Return ``"; did you mean 'https://...'?"`` for a host of Azure without TLS, or an empty string for another."""
    meant = "https://" + endpoint.rpartition("//")[2]
    return f"; did you mean 'https://{urlsplit(meant).hostname}'?" if cloud_of(meant) is not None else ""


class TokenProvider:
    """Returns an access token for the models of a cloud, a new one when the old one is about to expire.

    Threads ask one at a time, so that an expired token is renewed once. What ``azure-identity`` reads from the
    environment, it reads at the first call. Neither ``repr`` nor a pickle holds a token.

    Raises:
        OpenAIError: at a call, nobody is signed in.
    """

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self._lock = Lock()
        self._provide: Callable[[], str] | None = None

    def __call__(self) -> str:
        with self._lock:
            try:
                if self._provide is None:
                    self._provide = _provider(self.cloud)
                return self._provide()
            except Exception as error:
                if not _is_sign_in_failure(error):
                    raise
                raise OpenAIError(self._failure(error)) from error

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.cloud.name})"

    def __reduce__(self) -> tuple[type[TokenProvider], tuple[Cloud]]:
        return (type(self), (self.cloud,))

    def _failure(self, error: Exception) -> str:
        return (
            f"{_MISSING}: no key and no token is given, and signing in with Microsoft Entra ID failed\n"
            f"  at   {self.cloud.authority}, for {self.cloud.scope}\n"
            f"  why  {type(error).__name__}; the error before this one says what was tried\n"
            "  fix  give the program a managed identity, set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, "
            "or run: az login; or pass a key"
        )


class AsyncTokenProvider:
    """The same for asynchronous clients: the token is fetched in a thread, and the event loop goes on."""

    def __init__(self, cloud: Cloud) -> None:
        self._provider = TokenProvider(cloud)

    async def __call__(self) -> str:
        return await anyio.to_thread.run_sync(self._provider)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._provider.cloud.name})"

    def __reduce__(self) -> tuple[type[AsyncTokenProvider], tuple[Cloud]]:
        return (type(self), (self._provider.cloud,))


@dataclass(frozen=True, slots=True)
class SignIn:
    """How one class of clients is completed: which argument takes the provider, and where the endpoint stands.

    Args:
        argument: the constructor's argument that takes a token provider.
        provider: what is given to it.
        endpoint_arguments: the arguments that may hold the endpoint.
        endpoint_variable: the variable that is read where they do not.
        defaults: arguments that are given as well, unless the caller or the variable named there has one.
    """

    argument: str
    provider: Callable[[Cloud], Callable[[], Any]]
    endpoint_arguments: tuple[str, ...]
    endpoint_variable: str
    defaults: tuple[tuple[str, str, str], ...] = ()

    def construct(self, init: Callable[..., None], arguments: Mapping[str, Any]) -> None:
        """Call a constructor of upstream's, and once more with a token provider where it misses credentials.

        Raises:
            OpenAIError: what upstream raises; one line of advice is added where credentials are missing.
        """
        try:
            init(**arguments)
        except OpenAIError as error:
            if not str(error).startswith(_MISSING):
                raise
            name, endpoint = self._endpoint(arguments)
            cloud = cloud_of(endpoint)
            if cloud is None or not _is_installed():
                error.args = (f"{error}\n{self._advice(name, endpoint, cloud)}",)
                raise
            completed = self._completed(arguments, cloud)
        else:
            return
        init(**completed)

    def _endpoint(self, arguments: Mapping[str, Any]) -> tuple[str, str]:
        """Return the endpoint, after the name of what gives it; that of WebSockets where it is none of Azure's."""
        elsewhere = arguments.get("websocket_base_url")
        if elsewhere is not None and cloud_of(str(elsewhere)) is None:
            return "`websocket_base_url`", str(elsewhere)
        given = ((name, arguments.get(name)) for name in self.endpoint_arguments)
        named = ((f"`{name}`", str(value)) for name, value in given if value is not None)
        return next(named, (self.endpoint_variable, os.environ.get(self.endpoint_variable, "")))

    def _completed(self, arguments: Mapping[str, Any], cloud: Cloud) -> dict[str, Any]:
        added = {
            name: value
            for name, variable, value in self.defaults
            if arguments.get(name) is None and os.environ.get(variable) is None
        }
        return {**arguments, **added, self.argument: self.provider(cloud)}

    def _advice(self, name: str, endpoint: str, cloud: Cloud | None) -> str:
        if cloud is not None:
            return f"To use {cloud.name} without a key, signed in with Microsoft Entra ID: {_INSTALL}"
        if not endpoint:
            return (
                f"No key is needed where {self.endpoint_variable} names a resource of Azure OpenAI and you are signed "
                f"in with Microsoft Entra ID: {_INSTALL}"
            )
        return (
            f"Without a key, a token of Microsoft Entra ID is sent only to {AZURE_HOSTS}, and {name} names none; "
            f"for another endpoint, pass `{self.argument}`{meant_by(endpoint) or '.'}"
        )


def confine(client: Any, request: Any) -> None:
    """See that a token that this package fetched goes to Azure and nowhere else: a copy may have another base URL.

    Raises:
        OpenAIError: the request would go elsewhere; nothing was sent.
    """
    if _signs_in(client) and cloud_of(str(request.url)) is None:
        raise OpenAIError(
            f"the request to {request.url.host} was not sent, because this client signs in with Microsoft Entra ID\n"
            "  why  its token is for hosts of Azure, over TLS\n"
            "  fix  for another endpoint, make a client with a key or a token provider of your own"
        )


def conceal(client: Any, request: Any, response: Any) -> None:
    """Take the token out of a request that was sent: errors and replies keep the request, and pickle with it.

    Only where the token is one that this package fetched; what a program gives its client stays as upstream has it.
    """
    if _signs_in(client):
        redirected = [] if response is None else [reply.request for reply in (*response.history, response)]
        for sent in (request, *redirected):
            if "authorization" in sent.headers:
                sent.headers["authorization"] = "Bearer ***"


def _signs_in(client: Any) -> bool:
    provider = getattr(client, "_azure_ad_token_provider", None) or getattr(client, "_api_key_provider", None)
    return isinstance(provider, (TokenProvider, AsyncTokenProvider))


def _is_installed() -> bool:
    try:
        return find_spec("azure.identity") is not None
    except ModuleNotFoundError:  # not even the package above it
        return False


def _provider(cloud: Cloud) -> Callable[[], str]:
    from azure.identity import DefaultAzureCredential, get_bearer_token_provider  # for those who sign in

    # AZURE_AUTHORITY_HOST, which azure-identity reads itself, is for clouds that nobody here knows.
    own = {} if os.environ.get("AZURE_AUTHORITY_HOST") else {"authority": cloud.authority}
    return get_bearer_token_provider(DefaultAzureCredential(**own), cloud.scope)


def _is_sign_in_failure(error: Exception) -> bool:
    from azure.core.exceptions import AzureError

    return isinstance(error, (AzureError, ValueError))  # ValueError: a variable of azure-identity's is wrong
