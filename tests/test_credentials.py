"""Signing in without a key: which endpoints, which token, what is said where it fails, and where a token never is."""

from __future__ import annotations

import asyncio
import copy
import gc
import json
import logging
import os
import pickle
import sys
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

import openai
import pytest

import safe_azure_openai
from safe_azure_openai import AzureOpenAI, OpenAI, credentials
from safe_azure_openai.credentials import CLOUDS, AsyncTokenProvider, Cloud, TokenProvider, cloud_of
from safe_azure_openai.testing import Loopback, MarkerGuard, Reply

pytest.importorskip("azure.identity")

TOKEN = "eyJ0eXAi.this-is-a-secret-token.c2lnbmF0dXJl"
PUBLIC = "https://unit.openai.azure.com"
MESSAGES: Any = [{"role": "user", "content": "Hello"}]
MISSING = "Missing credentials"


@pytest.fixture(autouse=True)
def nobody_is_signed_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take out what the developer's shell or machine says of Azure."""
    for name in list(os.environ):
        if name.startswith(("AZURE_", "IDENTITY_", "MSI_", "IMDS_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential")


@pytest.fixture
def identity(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    """A managed identity, as an app service has one: it is asked over HTTP and answers with the token."""
    with Loopback() as server:
        token = {"access_token": TOKEN, "expires_on": "4102444800", "resource": "r", "token_type": "Bearer"}
        server.reply("", Reply.of(token))
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{server.url}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", "identity-header")
        yield server


def http(server: Loopback, name: str) -> Any:
    """Return an HTTP client that really sends, to loopback whatever the address says."""

    def reroute(request: Any) -> None:
        where = urlsplit(server.url)
        request.url = request.url.copy_with(scheme="http", host=where.hostname, port=where.port)

    async def reroute_async(request: Any) -> None:
        reroute(request)

    if "Async" in name:
        return openai.DefaultAsyncHttpxClient(event_hooks={"request": [reroute_async]})
    return openai.DefaultHttpxClient(event_hooks={"request": [reroute]})


def made(name: str, server: Loopback, **given: Any) -> Any:
    return getattr(safe_azure_openai, name)(http_client=http(server, name), **given).with_guard(MarkerGuard())


def ask(client: Any) -> Any:
    """Send one request and close the client, whichever kind it is."""
    if isinstance(client, openai.OpenAI):
        with client:
            return client.chat.completions.create(model="gpt-4o", messages=MESSAGES).id

    async def call() -> Any:
        async with client:
            return (await client.chat.completions.create(model="gpt-4o", messages=MESSAGES)).id

    return asyncio.run(call())


# --- it works


@pytest.mark.parametrize("name", ["AzureOpenAI", "AsyncAzureOpenAI"])
def test_an_endpoint_alone_is_enough(
    name: str, server: Loopback, identity: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", PUBLIC)
    assert ask(made(name, server)) == "chatcmpl_1"
    (request,) = server.requests
    assert request.header("authorization") == f"Bearer {TOKEN}"
    assert request.header("api-key") is None
    assert request.target == "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21"


@pytest.mark.parametrize("name", ["OpenAI", "AsyncOpenAI"])
@pytest.mark.parametrize("is_argument", [True, False])
def test_the_next_generation_of_the_api_works_too(
    name: str, is_argument: bool, server: Loopback, identity: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = f"{PUBLIC}/openai/v1/"
    if not is_argument:
        monkeypatch.setenv("OPENAI_BASE_URL", where)
    assert ask(made(name, server, **({"base_url": where} if is_argument else {}))) == "chatcmpl_1"
    (request,) = server.requests
    assert request.header("authorization") == f"Bearer {TOKEN}"
    assert request.target == "/openai/v1/chat/completions"


@pytest.mark.parametrize(
    ("endpoint", "resource"),
    [
        ("https://unit.openai.azure.com", "https://cognitiveservices.azure.com"),
        ("https://unit.cognitiveservices.azure.com/", "https://cognitiveservices.azure.com"),
        ("https://unit.services.ai.azure.com", "https://cognitiveservices.azure.com"),
        ("https://unit.openai.azure.us", "https://cognitiveservices.azure.us"),
        ("https://UNIT.OpenAI.Azure.US:443", "https://cognitiveservices.azure.us"),
        ("https://unit.openai.azure.cn", "https://cognitiveservices.azure.cn"),
    ],
)
def test_the_token_is_for_the_cloud_of_the_endpoint(
    endpoint: str, resource: str, server: Loopback, identity: Loopback
) -> None:
    ask(made("AzureOpenAI", server, azure_endpoint=endpoint))
    (asked,) = identity.requests
    assert parse_qs(urlsplit(asked.target).query)["resource"] == [resource]
    assert asked.header("x-identity-header") == "identity-header"


def test_each_cloud_has_its_own_authority(monkeypatch: pytest.MonkeyPatch) -> None:
    import azure.identity

    authorities: list[Any] = []

    class Watched(azure.identity.DefaultAzureCredential):
        def __init__(self, **given: Any) -> None:
            authorities.append(given.get("authority"))
            super().__init__(**given)

    monkeypatch.setattr(azure.identity, "DefaultAzureCredential", Watched)
    for cloud in CLOUDS:
        credentials._provider(cloud)
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", "https://login.example")
    credentials._provider(CLOUDS[0])
    known = azure.identity.AzureAuthorityHosts
    assert authorities == [known.AZURE_PUBLIC_CLOUD, known.AZURE_GOVERNMENT, known.AZURE_CHINA, None]


@pytest.mark.parametrize(
    ("endpoint", "is_azure"),
    [
        ("https://unit.openai.azure.com/openai/v1/", True),
        ("https://unit.openai.azure.com.", True),
        ("http://unit.openai.azure.com", False),
        ("https://openai.azure.com", False),
        ("https://.openai.azure.com", False),
        ("https://unit.openai.azure.com.evil.example", False),
        ("https://evilopenai.azure.com", False),
        ("https://unit.openai.azure.com@evil.example", False),
        ("https://evil.example/unit.openai.azure.com", False),
        ("https://evil.example#unit.openai.azure.com", False),
        ("https://westus.api.cognitive.microsoft.com", False),
        ("https://gateway.example", False),
        ("https://[broken", False),
        ("unit.openai.azure.com", False),
        ("", False),
    ],
)
def test_a_token_goes_to_hosts_of_azure_over_tls_only(endpoint: str, is_azure: bool) -> None:
    assert (cloud_of(endpoint) is not None) == is_azure


@pytest.mark.parametrize("name", ["AzureOpenAI", "OpenAI", "AsyncAzureOpenAI", "AsyncOpenAI"])
@pytest.mark.parametrize("elsewhere", ["https://gateway.example/openai", "http://unit.openai.azure.com/openai"])
def test_a_token_stays_with_azure_in_copies_too(
    name: str, elsewhere: str, server: Loopback, identity: Loopback
) -> None:
    given = {"azure_endpoint": PUBLIC} if "Azure" in name else {"base_url": f"{PUBLIC}/openai/v1/"}
    with pytest.raises(
        openai.OpenAIError, match=r"was not sent.*\n.*for hosts of Azure, over TLS\n.*token provider of"
    ):
        ask(made(name, server, **given).copy(base_url=elsewhere))
    assert server.connections == 0


def test_a_copy_with_a_key_may_go_elsewhere(server: Loopback, identity: Loopback) -> None:
    client = made("OpenAI", server, base_url=f"{PUBLIC}/openai/v1/")
    ask(client.copy(base_url="http://other.example", api_key="a-key"))
    assert server.requests[0].header("authorization") == "Bearer a-key"
    assert identity.requests == []


@pytest.mark.parametrize(
    ("address", "is_azure"), [("wss://unit.openai.azure.com/openai", True), ("ws://127.0.0.1:1", False)]
)
def test_a_token_goes_to_no_other_address_for_websockets(address: str, is_azure: bool, identity: Loopback) -> None:
    if is_azure:
        AzureOpenAI(azure_endpoint=PUBLIC, websocket_base_url=address).close()
    else:
        assert MISSING in str(error_of(lambda: AzureOpenAI(azure_endpoint=PUBLIC, websocket_base_url=address)))


def test_threads_fetch_one_token_together(server: Loopback, identity: Loopback) -> None:
    client = made("AzureOpenAI", server, azure_endpoint=PUBLIC)
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda _: client.chat.completions.create(model="m", messages=MESSAGES).object, range(16))
        )
    client.close()
    assert answers == ["chat.completion"] * 16
    assert len(identity.requests) == 1


async def test_the_event_loop_goes_on_while_a_token_is_fetched() -> None:
    provider = AsyncTokenProvider(CLOUDS[0])
    fetched = asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow() -> str:
        asyncio.run_coroutine_threadsafe(asyncio.wait_for(fetched.wait(), 5), loop).result()
        return TOKEN

    provider._provider._provide = slow
    call = asyncio.create_task(provider())
    await asyncio.sleep(0.01)
    assert not call.done()
    fetched.set()
    assert await call == TOKEN


@pytest.mark.parametrize("name", ["AzureOpenAI", "OpenAI", "AsyncAzureOpenAI", "AsyncOpenAI"])
def test_copies_sign_in_with_the_same_provider(name: str, server: Loopback, identity: Loopback) -> None:
    given = {"azure_endpoint": PUBLIC} if "Azure" in name else {"base_url": f"{PUBLIC}/openai/v1/"}
    client = made(name, server, **given)
    provider = "_azure_ad_token_provider" if "Azure" in name else "_api_key_provider"
    copies = (client.copy(), client.with_options(timeout=3), client.with_guard(MarkerGuard()), copy.copy(client))
    assert {getattr(copied, provider) for copied in copies} == {getattr(client, provider)}
    ask(client.copy(timeout=9))
    assert server.requests[0].header("authorization") == f"Bearer {TOKEN}"


# --- upstream decides first


@pytest.mark.parametrize(
    ("given", "environment", "header"),
    [
        ({"api_key": "a-key"}, {}, "authorization"),
        ({"azure_ad_token": "a-token"}, {}, "Bearer a-token"),
        ({"azure_ad_token_provider": lambda: "a-token"}, {}, "Bearer a-token"),
        ({}, {"AZURE_OPENAI_AD_TOKEN": "a-token"}, "Bearer a-token"),
        ({"default_headers": {"Authorization": "Bearer a-token"}, "_enforce_credentials": False}, {}, "Bearer a-token"),
    ],
)
def test_a_credential_that_is_given_is_used(
    given: dict[str, Any],
    environment: dict[str, str],
    header: str,
    server: Loopback,
    identity: Loopback,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    ask(made("AzureOpenAI", server, azure_endpoint=PUBLIC, api_version="1", **given))
    assert identity.requests == []
    assert server.requests[0].header("authorization") == (None if header == "authorization" else header)


def test_a_version_that_is_given_stays(server: Loopback, identity: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(made("AzureOpenAI", server, azure_endpoint=PUBLIC, api_version="2025-01-01-preview"))
    monkeypatch.setenv("OPENAI_API_VERSION", "2024-02-01")
    ask(made("AzureOpenAI", server, azure_endpoint=PUBLIC))
    assert [request.target.partition("=")[2] for request in server.requests] == ["2025-01-01-preview", "2024-02-01"]


def test_a_version_is_still_asked_for_where_a_key_is_given(identity: Loopback) -> None:
    with pytest.raises(ValueError, match="api_version"):
        AzureOpenAI(azure_endpoint=PUBLIC, api_key="a-key")


def test_nothing_is_fetched_before_the_first_call(identity: Loopback) -> None:
    AzureOpenAI(azure_endpoint=PUBLIC).close()
    assert identity.requests == []


# --- what is said


def error_of(make: Callable[[], Any]) -> Exception:
    with pytest.raises(openai.OpenAIError) as caught:
        make()
    assert type(caught.value) is openai.OpenAIError
    return caught.value


@pytest.mark.parametrize(
    ("name", "variable"), [("OpenAI", "OPENAI_BASE_URL"), ("AzureOpenAI", "AZURE_OPENAI_ENDPOINT")]
)
@pytest.mark.parametrize("kind", ["", "Async"])
def test_where_nothing_is_configured_upstreams_error_gets_one_line_of_advice(
    kind: str, name: str, variable: str, identity: Loopback
) -> None:
    stock = str(error_of(getattr(openai, kind + name)))
    told = str(error_of(getattr(safe_azure_openai, kind + name)))
    upstream, _, advice = told.rpartition("\n")
    assert upstream == stock
    assert variable in advice
    assert "pip install 'safe-azure-openai[azure]'" in advice


@pytest.mark.parametrize("missing", ["azure", "azure.identity"])
def test_where_the_extra_is_missing_it_is_named(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "azure.identity", raising=False)
    monkeypatch.setitem(sys.modules, missing, None)
    advice = str(error_of(lambda: AzureOpenAI(azure_endpoint=PUBLIC))).rpartition("\n")[2]
    assert advice == (
        "To use AzureCloud without a key, signed in with Microsoft Entra ID: pip install 'safe-azure-openai[azure]'"
    )


@pytest.mark.parametrize("endpoint", ["http://unit.openai.azure.com", "https://gateway.example"])
def test_an_endpoint_that_gets_no_token_is_explained(endpoint: str, identity: Loopback) -> None:
    advice = str(error_of(lambda: AzureOpenAI(azure_endpoint=endpoint))).rpartition("\n")[2]
    assert "only to hosts of Azure over TLS, such as https://<resource>.openai.azure.com" in advice
    assert "pass `azure_ad_token_provider`" in advice
    assert "`azure_endpoint` names none" in advice
    advice = str(error_of(lambda: OpenAI(base_url=endpoint))).rpartition("\n")[2]
    assert "pass `api_key`" in advice


@pytest.mark.parametrize(
    ("endpoint", "meant"),
    [
        ("unit.openai.azure.com", "https://unit.openai.azure.com"),
        ("http://user:hunter2@unit.openai.azure.us/openai", "https://unit.openai.azure.us"),
        ("https://gateway.example", None),
        ("https://[", None),
    ],
)
def test_an_endpoint_of_azure_without_tls_is_guessed_at(
    endpoint: str, meant: str | None, identity: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", endpoint)
    advice = str(error_of(AzureOpenAI)).rpartition("\n")[2]
    assert "AZURE_OPENAI_ENDPOINT" in advice
    assert advice.endswith(f"; did you mean {meant!r}?" if meant else "pass `azure_ad_token_provider`.")
    assert "hunter2" not in advice


def test_another_error_of_upstreams_is_left_alone(identity: Loopback) -> None:
    with pytest.raises(ValueError, match="mutually exclusive") as caught:
        AzureOpenAI(azure_endpoint=PUBLIC, base_url=f"{PUBLIC}/openai")  # type: ignore[call-overload]
    assert "safe-azure-openai" not in str(caught.value)


def test_an_error_of_upstreams_that_is_not_about_credentials_is_raised_as_it_is() -> None:
    def refuse(**given: Any) -> None:
        raise openai.OpenAIError("something else")

    with pytest.raises(openai.OpenAIError) as caught:
        credentials.SignIn("api_key", TokenProvider, ("base_url",), "X").construct(refuse, {"base_url": PUBLIC})
    assert str(caught.value) == "something else"


@pytest.mark.parametrize(
    ("environment", "why"),
    [
        ({}, "ClientAuthenticationError"),
        ({"AZURE_TOKEN_CREDENTIALS": "nonsense"}, "ValueError"),
    ],
)
def test_a_failed_sign_in_says_where_why_and_what_to_do(
    environment: dict[str, str],
    why: str,
    server: Loopback,
    identity: Loopback,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    identity.reply("", Reply.of({"error": "refused", "access_token_was": TOKEN}, status=400))
    for name in ("AzureOpenAI", "AsyncAzureOpenAI"):
        error = error_of(partial(ask, made(name, server, azure_endpoint=PUBLIC)))
        told = str(error)
        assert "login.microsoftonline.com, for https://cognitiveservices.azure.com/.default" in told
        assert f"why  {why}" in told
        assert "az login" in told
        assert type(error.__cause__).__name__ == why
    assert server.requests == []


def test_a_fault_of_a_program_is_no_failed_sign_in() -> None:
    provider = TokenProvider(CLOUDS[0])
    provider._provide = lambda: str(1 / 0)
    with pytest.raises(ZeroDivisionError):
        provider()


# --- where a token never is


@pytest.mark.parametrize("name", ["AzureOpenAI", "OpenAI", "AsyncAzureOpenAI", "AsyncOpenAI"])
def test_no_token_is_in_a_log_an_error_a_repr_or_a_pickle(
    name: str, server: Loopback, identity: Loopback, caplog: pytest.LogCaptureFixture
) -> None:
    said: list[str] = []
    moved = Reply((b"",), status=307, headers=(("Location", f"{PUBLIC}/moved"),))
    server.reply("", moved, Reply.of({"error": {"message": "no"}}, status=401))
    given = {"azure_endpoint": PUBLIC} if "Azure" in name else {"base_url": f"{PUBLIC}/openai/v1/"}
    with caplog.at_level(logging.DEBUG):
        client = made(name, server, **given)
        try:
            ask(client)
        except openai.AuthenticationError as error:
            said += [str(error), repr(error), repr(error.response), repr(error.request), str(error.body)]
            said += traceback.format_exception(error)
            said += [repr(value) for value in vars(error).values()]
            said += [pickle.dumps(error).decode("latin-1"), str(error.response.history[0].request.headers.raw)]
    assert server.requests[0].header("authorization") == f"Bearer {TOKEN}", "it was used"

    provider = client._azure_ad_token_provider if "Azure" in name else client._api_key_provider
    said += [repr(client), str(client), repr(provider), repr(client._enforcement), repr(client._client)]
    said += [record.getMessage() + repr(record.args) + caplog.handler.format(record) for record in caplog.records]
    said += [json.dumps(str(vars(record))) for record in caplog.records if record.name.startswith("safe_azure_openai")]
    pickled = pickle.dumps(provider)
    said.append(pickled.decode("latin-1"))
    try:
        said.append(pickle.dumps(client).decode("latin-1"))
    except (TypeError, AttributeError, pickle.PicklingError) as error:  # upstream's clients hold locks
        said.append(str(error))
    assert len(caplog.records) > 3
    assert [text for text in said if "secret-token" in text] == []

    restored = pickle.loads(pickled)
    assert repr(restored) == repr(provider)
    gc.collect()


@pytest.mark.parametrize("name", ["AzureOpenAI", "AsyncOpenAI"])
def test_no_token_is_in_the_error_of_a_lost_connection(name: str, identity: Loopback) -> None:
    with Loopback() as gone:
        pass
    given = {"azure_endpoint": PUBLIC} if "Azure" in name else {"base_url": f"{PUBLIC}/openai/v1/"}
    with pytest.raises(openai.APIConnectionError) as caught:
        ask(made(name, gone, max_retries=0, **given))
    assert caught.value.request.headers["authorization"] == "Bearer ***"
    assert len(identity.requests) == 1


def test_no_token_is_in_a_raw_response_that_is_pickled(server: Loopback, identity: Loopback) -> None:
    with made("AzureOpenAI", server, azure_endpoint=PUBLIC) as client:
        raw = client.chat.completions.with_raw_response.create(model="m", messages=MESSAGES)
    assert b"secret-token" not in pickle.dumps(raw.http_response)
    assert server.requests[0].header("authorization") == f"Bearer {TOKEN}"


def test_a_token_that_the_program_gives_stays_as_upstream_has_it(server: Loopback) -> None:
    with made("AzureOpenAI", server, azure_endpoint=PUBLIC, api_version="1", azure_ad_token="a-token") as client:
        raw = client.chat.completions.with_raw_response.create(model="m", messages=MESSAGES)
    assert raw.http_response.request.headers["authorization"] == "Bearer a-token"


def test_a_provider_that_was_pickled_signs_in_anew(identity: Loopback) -> None:
    provider = TokenProvider(CLOUDS[1])
    assert provider() == TOKEN
    assert pickle.loads(pickle.dumps(provider))() == TOKEN
    assert len(identity.requests) == 2


def test_a_cloud_holds_resources_and_not_its_own_domain() -> None:
    cloud = Cloud("Test", (".models.example",), "scope", "authority")
    assert cloud.holds("a.models.example")
    assert not cloud.holds(".models.example")
    assert not cloud.holds("models.example")
