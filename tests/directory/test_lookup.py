"""Look-ups in the directory and in the tags, against a server that speaks as Azure does."""

from __future__ import annotations

import base64
import json
import logging
import threading
import time
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

import pytest

from safe_azure_openai.directory import Place, Report, look_up
from safe_azure_openai.directory.api import Api, Deadline, Refusal
from safe_azure_openai.directory.clouds import cloud_of, clouds
from safe_azure_openai.directory.lookup import GRAPH_SHARE
from safe_azure_openai.directory.questions import of_organization

from .azure import ENDPOINT, SUBSCRIPTION, TENANT_ID, Answer, Azure, account, organization, token

ORGANIZATION = "/v1.0/organization"
ACCOUNTS = f"/subscriptions/{SUBSCRIPTION}/providers"


def found(report: Report) -> dict[str, str]:
    """Return the surest value of each field."""
    return {item.field: item.value for item in reversed(report.found)}


def look(seconds: float = 60.0, *, endpoint: str = "", credential: Any = None) -> Report:
    place = Place.of_environment()
    place = Place(endpoint, place.authority, place.metadata, place.subscription, place.identity)
    return look_up(place, Deadline.after(seconds), credential=credential)


# --- what is found


def test_the_organization_tells_tenant_name_country_and_sector(azure: Azure) -> None:
    report = look()

    assert found(report) == {
        "cloud": "Loopback",
        "tenant_id": TENANT_ID,
        "organization": "Tulsa Police Department",
        "country": "US",
        "sector": "law_enforcement",
    }
    assert report.problems == ()
    assert {item.how.partition(" (")[0] for item in report.found if item.field == "sector"} == {
        "displayName",
        "verified domain tulsapd.org",
    }


def test_the_name_at_onmicrosoft_proves_nothing(azure: Azure) -> None:
    domains = [{"name": "tulsapd.onmicrosoft.com", "isDefault": True, "isInitial": True}]
    azure.answer(ORGANIZATION, Answer(body={"value": [organization(displayName="Acme", verifiedDomains=domains)]}))

    assert "sector" not in found(look())


def test_a_city_with_a_domain_of_its_police_serves_the_police(azure: Azure) -> None:
    domains = [{"name": "cityoftulsa.gov", "isDefault": True}, {"name": "tulsapd.gov", "isDefault": False}]
    azure.answer(
        ORGANIZATION, Answer(body={"value": [organization(displayName="City of Tulsa", verifiedDomains=domains)]})
    )
    report = look()

    assert found(report)["sector"] == "government"
    assert found(report)["serves"] == "law_enforcement"


@pytest.mark.parametrize(
    "strange",
    [
        {"displayName": None, "verifiedDomains": None, "countryLetterCode": None, "id": None},
        {"displayName": ["x"], "verifiedDomains": "x", "countryLetterCode": "Atlantis", "id": 7},
        {"displayName": "a\nb", "verifiedDomains": ["x", {"name": 3}, {}], "countryLetterCode": "XX", "id": "x" * 999},
    ],
)
def test_an_organization_of_another_shape_tells_what_it_can(azure: Azure, strange: dict[str, Any]) -> None:
    azure.answer(ORGANIZATION, Answer(body={"value": [organization(**strange)]}))

    assert look().problems == ()
    assert set(found(look())) == {"cloud"}


def test_the_tags_of_the_resource_tell_sector_country_and_whom_it_serves(azure: Azure) -> None:
    tags = {"Industry": "Technology", "Customer": "Lake County Sheriff's Office", "countryCode": "CA", "env": "prod"}
    azure.answer(ORGANIZATION, Answer(body={"value": []}))
    azure.answer(ACCOUNTS, Answer(body={"value": [account({}, "https://other.openai.azure.com/"), account(tags)]}))
    report = look(endpoint=ENDPOINT)

    assert found(report)["sector"] == "technology"
    assert found(report)["serves"] == "law_enforcement"
    assert next(item.how for item in report.found if item.field == "serves").startswith("tag Customer (")


def test_lists_are_read_to_their_last_page(azure: Azure) -> None:
    second, third = "/v1.0/organization?$skiptoken=2", f"{ACCOUNTS}/next?page=2"
    azure.answer(ORGANIZATION, Answer(body={"value": [], "@odata.nextLink": azure.graph + second}))
    azure.answer(second, Answer(body={"value": [organization()]}))
    azure.answer(ACCOUNTS, Answer(body={"value": [], "nextLink": azure.url + third}))
    azure.answer(third, Answer(body={"value": [account({"department": "Police"})]}))
    report = look(endpoint=ENDPOINT)

    assert report.problems == ()
    assert found(report)["organization"] == "Tulsa Police Department"
    assert any(item.how == "tag department (police)" for item in report.found)


def test_a_page_at_another_host_gets_no_token(azure: Azure) -> None:
    with Azure() as thief:
        azure.answer(ORGANIZATION, Answer(body={"value": [], "@odata.nextLink": thief.url + ORGANIZATION}))
        report = look()

    assert thief.requests == []
    assert "another host" in report.problems[0].message


def test_pages_without_end_are_given_up(azure: Azure) -> None:
    azure.answer(ORGANIZATION, Answer(body={"value": [], "@odata.nextLink": azure.graph + ORGANIZATION}))

    assert "more than 50 pages" in look().problems[0].message


def test_only_the_subscription_that_is_named_is_searched(azure: Azure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_SUBSCRIPTION_ID", SUBSCRIPTION.upper())
    others = [{"subscriptionId": "bbbb"}, {"subscriptionId": None}, {"subscriptionId": SUBSCRIPTION, "tags": {"a": 1}}]
    azure.answer("/subscriptions", Answer(body={"value": others}))

    assert look(endpoint=ENDPOINT).problems == ()
    assert azure.asked("/subscriptions/bbbb") == 0


def test_a_resource_that_is_not_seen_is_named_with_what_to_do(azure: Azure) -> None:
    azure.answer(ACCOUNTS, Answer(body={"value": [{"properties": None}]}))
    (problem,) = look(endpoint=ENDPOINT).problems

    assert problem.origin == "tags"
    assert "no resource with the endpoint casework.openai.azure.com" in problem.message
    assert "Reader" in problem.message


# --- what goes wrong


@pytest.mark.parametrize(
    ("answer", "expected", "is_lasting"),
    [
        (Answer(403, {"error": {"code": "Authorization_RequestDenied"}}), "Organization.Read.All", True),
        (Answer(401, {"error": {}}), "answered 401: the token is not accepted", True),
        (Answer(200, b"{"), "is no JSON", True),
        (Answer(200, b'{"value": [' * 200_000), "is no JSON", True),
        (Answer(200, b"<html>sign in</html>", content_type="text/html"), "is no JSON by its content type", True),
        (Answer(200, b" " * 5_000_000), "is too long", True),
        (Answer(200, {"values": []}), "has no list 'value'", True),
        (Answer(200, []), "has no list 'value'", True),
        (Answer(200, {"value": ["x"]}), "lists something that is no object", True),
        (Answer(302, b"", {"Location": "https://example.com"}), "answered 302", True),
    ],
)
def test_what_lasts_is_told_at_once_with_what_to_do(
    azure: Azure, answer: Answer, expected: str, is_lasting: bool
) -> None:
    azure.answer(ORGANIZATION, answer)
    (problem,) = look().problems

    assert expected in problem.message
    assert azure.graph in problem.message
    assert problem.is_lasting is is_lasting
    assert azure.asked(ORGANIZATION) == 1


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_what_passes_is_asked_again(azure: Azure, status: int) -> None:
    azure.answer(ORGANIZATION, Answer(status, {}), Answer(status, {}), Answer(body={"value": [organization()]}))
    report = look()

    assert report.problems == ()
    assert azure.asked(ORGANIZATION) == 3


def test_a_connection_that_is_cut_is_tried_again(azure: Azure) -> None:
    azure.answer(ORGANIZATION, Answer(is_cut=True), Answer(body={"value": [organization()]}))

    assert found(look())["sector"] == "law_enforcement"


def test_a_challenge_is_answered_with_a_new_token(azure: Azure) -> None:
    challenge = 'Bearer error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7InZhbHVlIjoiMSJ9fX0="'
    azure.answer(
        ORGANIZATION, Answer(401, {}, {"WWW-Authenticate": challenge}), Answer(body={"value": [organization()]})
    )
    asked: list[dict[str, Any]] = []

    class Credential:
        def get_token(self, *scopes: str, **options: Any) -> Any:
            from azure.core.credentials import AccessToken

            asked.append(options)
            return AccessToken(token(n=len(asked)), int(time.time()) + 3600)

    assert look(credential=Credential()).problems == ()
    assert asked[-1]["claims"] == '{"access_token":{"nbf":{"value":"1"}}}'
    first, second = (headers["Authorization"] for headers in azure.headers[-2:])
    assert first != second


@pytest.mark.parametrize("form", ["seconds", "date", "milliseconds"])
def test_retry_after_is_honoured(azure: Azure, form: str) -> None:
    date = format_datetime(datetime.now(timezone.utc) + timedelta(seconds=2), usegmt=True)
    headers = {
        "seconds": {"Retry-After": "1"},
        "date": {"Retry-After": date},
        "milliseconds": {"retry-after-ms": "soon", "x-ms-retry-after-ms": "1000"},
    }[form]
    azure.answer(ORGANIZATION, Answer(429, {}, headers), Answer(body={"value": [organization()]}))
    began = time.monotonic()

    assert look().problems == ()
    assert time.monotonic() - began >= 0.9


def test_who_is_told_to_wait_beyond_the_deadline_gives_up_at_once(azure: Azure) -> None:
    azure.answer(ORGANIZATION, Answer(429, {}, {"Retry-After": "120"}))
    slept: list[float] = []
    api = Api(azure.url, None, "", advice={}, deadline=Deadline.after(60), sleep=slept.append)
    with pytest.raises(Refusal) as caught:
        list(of_organization(api))
    api.close()

    assert slept == []
    assert (caught.value.pause_s, caught.value.is_passing) == (120, True)
    assert azure.asked(ORGANIZATION) == 1


def test_a_slow_server_ends_with_the_deadline(azure: Azure) -> None:
    gate = threading.Event()
    azure.answer(ORGANIZATION, Answer(gate=gate))
    report = look(1.0)

    assert report.problems, "it returned although the server never answered"
    gate.set()


def test_a_slow_directory_leaves_time_for_the_tags(azure: Azure) -> None:
    azure.answer(ORGANIZATION, Answer(delay_s=60))
    azure.answer(ACCOUNTS, Answer(body={"value": [account({"department": "Tulsa Police Department"})]}))
    report = look(8.0, endpoint=ENDPOINT)

    assert 0 < GRAPH_SHARE < 1
    assert [problem.origin for problem in report.problems] == ["graph"]
    assert found(report)["sector"] == "law_enforcement"


def test_without_a_credential_it_is_said_how_to_sign_in(azure: Azure, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
    (problem,) = look().problems

    assert "no token for" in problem.message
    assert "az login" in problem.message
    assert problem.is_lasting


def test_a_credential_that_is_set_up_wrong_is_told(azure: Azure) -> None:
    class Credential:
        def get_token(self, *scopes: str, **options: Any) -> Any:
            raise ValueError("secret-of-the-credential")

    (problem,) = look(credential=Credential()).problems

    assert "set up wrong (ValueError)" in problem.message
    assert "secret" not in problem.message


def test_no_token_travels_in_the_clear() -> None:
    with pytest.raises(Refusal, match="is not https"):
        Api("http://graph.example", None, "", advice={}, deadline=Deadline.after(1))


def test_after_the_deadline_nothing_is_sent(azure: Azure) -> None:
    (problem,) = look(-1.0).problems

    assert "did not answer in time" in problem.message
    assert azure.requests == []


# --- credentials


async def test_a_credential_of_asyncio_is_waited_for_in_a_thread(azure: Azure) -> None:
    import asyncio

    class Credential:
        async def get_token(self, *scopes: str, **options: Any) -> Any:
            from azure.core.credentials import AccessToken

            await asyncio.sleep(0)
            return AccessToken(token(aud=scopes[0]), int(time.time()) + 3600)

    report = await asyncio.to_thread(look, credential=Credential())

    assert found(report)["sector"] == "law_enforcement"


def test_each_api_gets_a_token_for_itself(azure: Azure) -> None:
    look(endpoint=ENDPOINT)

    assert [json.loads(base64.urlsafe_b64decode(one.split(".")[1] + "=="))["aud"] for one in azure.tokens] == [
        azure.graph,
        azure.url,
    ]
    assert all("Authorization" not in headers for headers in azure.headers[:1]), "the metadata needs no token"


def test_tokens_stand_in_no_log_and_no_report(azure: Azure, caplog: pytest.LogCaptureFixture) -> None:
    azure.answer("/subscriptions", Answer(403, {"error": "denied"}))
    with caplog.at_level(logging.DEBUG):
        report = look(endpoint=ENDPOINT)

    logged = "\n".join(str(record.__dict__) for record in caplog.records if record.name.startswith("safe_azure_openai"))
    for secret in (*azure.tokens, "a-secret-of-the-host"):
        assert secret not in repr(report) + logged


# --- clouds


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://casework.openai.azure.com/", "public"),
        ("https://casework.services.ai.azure.com/", "public"),
        ("https://casework.openai.azure.us", "us_government"),
        ("login.microsoftonline.us", "us_government"),
        ("https://casework.openai.azure.cn", "china"),
        ("https://login.chinacloudapi.cn/", "china"),
        ("https://casework.openai.azure.com.example.org", None),
        ("https://notopenai.azure.com.evil", None),
        ("https://sts.windows.net/", None),
        ("https://[", None),
    ],
)
def test_the_cloud_is_known_by_its_hosts(address: str, name: str | None) -> None:
    cloud = cloud_of(address)

    assert (cloud.name if cloud else None) == name


def test_every_cloud_speaks_https_and_shares_no_host() -> None:
    hosts = [host for cloud in clouds() for host in (cloud.authority, cloud.graph, cloud.resources, *cloud.suffixes)]

    assert len(hosts) == len(set(hosts))
    assert all(url.startswith("https://") for cloud in clouds() for url in (cloud.graph, cloud.resources))


def test_the_government_cloud_is_asked_at_its_own_hosts_and_tells_the_country(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
    report = look_up(Place("https://casework.openai.azure.us/"), Deadline.after(2))

    assert found(report) == {"cloud": "us_government", "country": "US"}
    assert [problem.message.split()[3].rstrip(":") for problem in report.problems] == [
        "https://graph.microsoft.us",
        "https://management.usgovcloudapi.net",
    ]


@pytest.mark.parametrize(
    ("variable", "value", "origin", "told"),
    [
        (
            "AZURE_TOKEN_CREDENTIALS",
            "nonsense",
            "graph",
            "nobody can sign in: Invalid value for AZURE_TOKEN_CREDENTIALS",
        ),
        (
            "AZURE_AUTHORITY_HOST",
            "login.example",
            "cloud",
            "names no cloud that is known: write one of login.microsoft",
        ),
        ("ARM_CLOUD_METADATA_URL", "http://example.com", "cloud", "ARM_CLOUD_METADATA_URL: http://example.com is not"),
    ],
)
def test_a_wrong_variable_of_azure_is_told_by_its_name(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, origin: str, told: str
) -> None:
    monkeypatch.setenv(variable, value)
    (problem,) = look_up(Place.of_environment({variable: value}), Deadline.after(2)).problems

    assert (problem.origin, problem.is_lasting) == (origin, True)
    assert variable in problem.message
    assert told in problem.message


@pytest.mark.parametrize("body", [[], {}, [{"name": "x"}], "x", [[]]])
def test_metadata_that_describe_no_cloud_are_told(azure: Azure, body: object) -> None:
    azure.answer("/metadata/endpoints", Answer(body=body))
    (problem,) = look().problems

    assert problem.origin == "cloud"
    assert "ARM_CLOUD_METADATA_URL" in problem.message
