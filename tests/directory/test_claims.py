"""What a token says of its tenant, without any request."""

from __future__ import annotations

import base64
import json

import pytest

from safe_azure_openai.directory import found_in

from .azure import TENANT_ID, token


def told(authorization: str) -> dict[str, str]:
    return {item.field: item.value for item in reversed(found_in(authorization))}


def test_a_token_tells_tenant_and_cloud() -> None:
    assert told("Bearer " + token(aud="https://cognitiveservices.azure.com")) == {
        "tenant_id": TENANT_ID,
        "cloud": "public",
    }


@pytest.mark.parametrize(
    ("claims", "cloud"),
    [
        ({"aud": "https://cognitiveservices.azure.us"}, "us_government"),
        (
            {
                "aud": "7d312290-28c8-473c-a0ed-8e53749b6d6d",
                "iss": f"https://login.microsoftonline.us/{TENANT_ID}/v2.0",
            },
            "us_government",
        ),
        ({"iss": f"https://sts.chinacloudapi.cn/{TENANT_ID}/"}, "china"),
        ({"iss": f"https://sts.windows.net/{TENANT_ID}/"}, None),
        ({"iss": "https://accounts.google.com"}, None),
        ({"aud": ["x"], "iss": 7}, None),
    ],
)
def test_the_cloud_is_told_by_audience_or_issuer(claims: dict[str, object], cloud: str | None) -> None:
    assert told(token(**claims)).get("cloud") == cloud


def test_the_government_cloud_is_in_the_united_states() -> None:
    assert told(token(aud="https://cognitiveservices.azure.us"))["country"] == "US"


def test_the_optional_claim_of_the_tenants_country_is_read() -> None:
    assert told(token(tenant_ctry="de"))["country"] == "DE"
    assert "country" not in told(token(tenant_ctry="Atlantis"))


@pytest.mark.parametrize("claim", ["upn", "preferred_username", "unique_name"])
def test_the_domain_of_the_account_tells_the_sector_and_the_person_is_left_out(claim: str) -> None:
    found = found_in(token(**{claim: "jane.doe@mail.met.police.uk"}))

    assert {item.field: item.value for item in found}["sector"] == "law_enforcement"
    assert {item.field: item.value for item in found}["country"] == "GB"
    assert "jane" not in repr(found)


@pytest.mark.parametrize(
    "claims",
    [
        {"upn": "jane_met.police.uk#EXT#@acme.com"},
        {"upn": "jane@met.police.uk", "idp": "https://sts.windows.net/other/"},
        {"upn": "jane@acme.com"},
        {"upn": "met.police.uk"},
        {"upn": "jane@met.police.uk\n"},
        {"upn": "@" * 600},
    ],
)
def test_a_guest_and_another_domain_tell_no_sector(claims: dict[str, str]) -> None:
    assert "sector" not in told(token(**claims))


def encoded(payload: bytes) -> str:
    return f"e30.{base64.urlsafe_b64encode(payload).decode().rstrip('=')}.x"


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer sk-proj-1234",
        "Basic abc",
        "a.b.c",
        "a.é.c",
        "....",
        encoded(b"{"),
        encoded(b"[]"),
        encoded(b"\xff\xfe"),
        encoded(b"[" * 5000),
        encoded(json.dumps({"tid": "not-a-guid", "iss": None}).encode()),
        encoded(json.dumps({"tid": TENANT_ID, "x": "y" * 40_000}).encode()),
    ],
)
def test_what_is_no_token_of_entra_tells_nothing(authorization: str) -> None:
    assert found_in(authorization) == ()
