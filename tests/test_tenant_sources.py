"""Where a guard takes its tenant from, at every request."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Iterator

import pytest

from safe_azure_openai import AzureOpenAI, PolicyViolation, tenant_sources
from safe_azure_openai.errors import ConfigurationError
from safe_azure_openai.guard import Guard
from safe_azure_openai.settings import PREFIX, Settings
from safe_azure_openai.tenant import Tenant
from safe_azure_openai.tenant_sources import MOST_TOKENS, Declared, FromToken, tenant_source
from safe_azure_openai.testing import Loopback

WHO = {"role": "user", "content": "Run face recognition on this photo and tell me who he is."}


@pytest.fixture(autouse=True)
def nothing_warned_of_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tenant_sources, "_warned", set())


def token(account: str, number: int = 0) -> str:
    claims = {"tid": "11111111-2222-3333-4444-555555555555", "upn": account, "n": number}
    return f"e30.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.x"


POLICE = "jane@tulsapd.gov"


def test_a_declared_tenant_is_what_it_is() -> None:
    source = Declared(Tenant("retail"))

    assert source.read("Bearer " + token(POLICE)) == ()
    assert source.tenant() == Tenant("retail")
    assert Guard(Tenant("retail")).tenant == Tenant("retail")
    assert Guard().tenant == Tenant()


def test_a_token_completes_what_is_declared() -> None:
    source = FromToken(Tenant(country="GB"))
    tenant = source.tenant(source.read("Bearer " + token("jane@met.police.uk")))

    assert (tenant.sector, tenant.provenance("sector")) == ("law_enforcement", "token")
    assert (tenant.country, tenant.provenance("country")) == ("GB", "argument")
    assert tenant.conflicts == ()


def test_a_request_without_a_token_is_of_the_last_tenant_that_one_told_of() -> None:
    source = FromToken(Tenant())
    assert source.tenant().sector == "unknown"

    source.read(token(POLICE))
    source.read("")
    source.read("Bearer an-api-key")
    assert source.tenant().sector == "law_enforcement"


def test_tokens_are_forgotten_when_there_are_many_and_never_kept_as_they_are() -> None:
    source = FromToken(Tenant())
    for number in range(3 * MOST_TOKENS):
        source.tenant(source.read(token(f"jane@{number}.example", number)))

    assert len(source._claims) <= MOST_TOKENS
    assert len(source._tenants) <= MOST_TOKENS
    assert "jane" not in repr(vars(source))
    assert token("jane@0.example", 0) not in repr(vars(source))


def test_a_difference_is_logged_once_and_names_both(caplog: pytest.LogCaptureFixture) -> None:
    for number in range(3):
        source = FromToken(Tenant("retail"))
        source.tenant(source.read(token(POLICE, number)))

    (message,) = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert "'retail' is declared (argument)" in message
    assert "'law_enforcement' was found" in message
    assert "the most restrictive does" in message


# --- the environment


def test_the_token_of_the_environment_is_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PREFIX + "TENANT_DISCOVERY", "token")
    monkeypatch.setenv("AZURE_OPENAI_AD_TOKEN", token(POLICE))

    assert tenant_source(Settings.load()).tenant().sector == "law_enforcement"


def test_without_discovery_no_token_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_OPENAI_AD_TOKEN", token(POLICE))

    assert tenant_source(Settings.load()).tenant() == Tenant()


def test_a_required_tenant_must_be_declared_or_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PREFIX + "REQUIRE_TENANT", "true")
    with pytest.raises(ConfigurationError, match=r"REQUIRE_TENANT is true, but no sector is declared; .*healthcare"):
        tenant_source(Settings.load())

    monkeypatch.setenv(PREFIX + "TENANT_DISCOVERY", "token")
    with pytest.raises(ConfigurationError, match=r"no token is known yet that tells it \(AZURE_OPENAI_AD_TOKEN\)"):
        tenant_source(Settings.load())

    monkeypatch.setenv("AZURE_OPENAI_AD_TOKEN", token(POLICE))
    assert tenant_source(Settings.load()).tenant().sector == "law_enforcement"

    monkeypatch.setenv(PREFIX + "TENANT_DISCOVERY", "off")
    monkeypatch.setenv(PREFIX + "SECTOR", "other")
    assert tenant_source(Settings.load()).tenant().sector == "other"


# --- clients


@pytest.fixture
def client(server: Loopback, monkeypatch: pytest.MonkeyPatch) -> Iterator[AzureOpenAI]:
    monkeypatch.setenv(PREFIX + "TENANT_DISCOVERY", "token")
    accounts = iter([POLICE, "jane@acme.example"])
    with AzureOpenAI(
        azure_endpoint=server.url,
        api_version="2024-10-21",
        azure_ad_token_provider=lambda: token(next(accounts)),
        max_retries=0,
    ) as client:
        yield client


def test_each_request_is_judged_by_the_token_that_goes_with_it(client: AzureOpenAI, server: Loopback) -> None:
    with pytest.raises(PolicyViolation) as caught:
        client.chat.completions.create(model="gpt-4o", messages=[WHO])  # type: ignore[list-item]
    assert caught.value.rule == "us-police-facial-recognition"
    assert caught.value.decision.facts.actor.source == "tenant sector (token)"
    assert server.requests == []

    client.chat.completions.create(model="gpt-4o", messages=[WHO])  # type: ignore[list-item]
    assert len(server.requests) == 1


def test_no_token_stands_in_the_error_or_the_decision(client: AzureOpenAI) -> None:
    with pytest.raises(PolicyViolation) as caught:
        client.chat.completions.create(model="gpt-4o", messages=[WHO])  # type: ignore[list-item]

    assert token(POLICE) not in str(caught.value) + repr(caught.value.decision)
    assert "jane" not in str(caught.value) + repr(caught.value.decision)
