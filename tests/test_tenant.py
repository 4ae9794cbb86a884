from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

from safe_azure_openai import countries
from safe_azure_openai.errors import ConfigurationError
from safe_azure_openai.settings import PREFIX, Settings
from safe_azure_openai.tenant import Tenant


@pytest.fixture
def tenant_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "tenant.toml"
    monkeypatch.setenv(PREFIX + "TENANT_FILE", str(path))
    return path


def load() -> Tenant:
    return Tenant.from_settings(Settings.load())


def test_a_tenant_of_which_nothing_is_declared_is_unknown() -> None:
    tenant = load()

    assert tenant == Tenant() == Tenant("unknown", country=None, serves=None, organization=None)
    assert {field["source"] for field in tenant.facts().values()} == {"none"}


def test_an_argument_is_its_own_source() -> None:
    tenant = Tenant("law_enforcement", country="US")

    assert tenant.facts() == {
        "sector": {"value": "law_enforcement", "source": "argument"},
        "country": {"value": "US", "source": "argument"},
        "serves": {"value": None, "source": "none"},
        "organization": {"value": None, "source": "none"},
    }


def test_the_environment_wins_over_the_file_field_by_field(tenant_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tenant_file.write_text('sector = "technology"\nserves = "law_enforcement"\ncountry = "DE"\n', encoding="utf-8")
    monkeypatch.setenv(PREFIX + "COUNTRY", "AT")
    monkeypatch.setenv(PREFIX + "ORGANIZATION", "Muster GmbH")
    tenant = load()

    assert tenant == Tenant("technology", serves="law_enforcement", country="AT", organization="Muster GmbH")
    assert [tenant.provenance(name) for name in ("sector", "country", "serves", "organization")] == [
        "file",
        "environment",
        "file",
        "environment",
    ]


def test_where_a_tenant_was_declared_makes_it_no_other_tenant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PREFIX + "SECTOR", "retail")

    assert load() == Tenant("retail")
    assert hash(load()) == hash(Tenant("retail"))


def test_a_tenant_can_be_sent_to_another_process() -> None:
    tenant = Tenant("media", country="FR", sources=(("sector", "file"),))

    assert pickle.loads(pickle.dumps(tenant)).sources == tenant.sources


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("sector", "police", "not a sector; write one of law_enforcement, government"),
        ("sector", "helthcare", "did you mean 'healthcare'?"),
        ("sector", None, "not a sector"),
        ("serves", "law-enforcement", "did you mean 'law_enforcement'?"),
        ("country", "USA", "did you mean 'US'?"),
        ("country", "us", "did you mean 'US'?"),
        ("country", "Atlantis", "write an ISO 3166-1 alpha-2 code such as 'US'"),
        ("country", 1, "not a country"),
        ("organization", "", "write one line of text"),
        ("organization", "two\nlines", "write one line of text"),
        ("organization", 7, "write one line of text"),
    ],
)
def test_a_wrong_argument_is_named_with_its_value_and_what_to_write(field: str, value: Any, expected: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Tenant(**{field: value})

    assert f"Tenant({field}={value!r})" in str(caught.value)
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('sector = "retail"\ncountry = "UK"\n', ["line 2, field country", "'UK' is not a country", "mean 'GB'?"]),
        ('# us\n\nsectr = "retail"\n', ["line 3, field sectr", "no field 'sectr'", "did you mean 'sector'?"]),
        ("sector = 3\n", ["line 1, field sector", "3 is not a sector"]),
        ("sector = retail\n", ["not valid TOML", "line 1"]),
    ],
)
def test_a_wrong_tenant_file_is_named_with_line_and_field(tenant_file: Path, content: str, expected: list[str]) -> None:
    tenant_file.write_text(content, encoding="utf-8")

    with pytest.raises(ConfigurationError) as caught:
        load()

    assert [part for part in (str(tenant_file), *expected) if part not in str(caught.value)] == []


@pytest.mark.usefixtures("tenant_file")
def test_a_missing_tenant_file_is_named_with_its_variable() -> None:
    with pytest.raises(ConfigurationError, match=r"SAFE_AZURE_OPENAI_TENANT_FILE='.*' cannot be read: No such file"):
        load()


def test_a_required_tenant_must_be_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PREFIX + "REQUIRE_TENANT", "true")
    with pytest.raises(ConfigurationError, match=r"REQUIRE_TENANT is true, but no sector is declared.*healthcare"):
        load()

    monkeypatch.setenv(PREFIX + "SECTOR", "other")
    assert load().sector == "other"


def test_the_country_codes_are_the_249_of_the_standard() -> None:
    assert len(countries.CODES) == 249
    assert all(len(code) == 2 and code.isupper() and code.isascii() for code in countries.CODES)
    assert "XK" not in countries.CODES  # user-assigned: used for Kosovo, but not by the standard


@pytest.mark.parametrize(
    ("written", "meant"),
    [("us", "US"), ("U.S.", "US"), ("UK", "GB"), ("Untied States", "US"), ("Germny", "DE"), ("Narnia", None)],
)
def test_what_people_write_for_a_country_is_understood(written: str, meant: str | None) -> None:
    assert countries.suggest(written) == meant
