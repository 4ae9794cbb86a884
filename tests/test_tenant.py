from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

from safe_azure_openai import countries
from safe_azure_openai.errors import ConfigurationError
from safe_azure_openai.model.found import Found
from safe_azure_openai.settings import PREFIX, Settings
from safe_azure_openai.tenant import Tenant

TENANT_ID = "11111111-2222-3333-4444-555555555555"


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
        "tenant_id": {"value": None, "source": "none"},
        "cloud": {"value": None, "source": "none"},
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


def test_a_file_may_declare_the_tenant_id_and_the_cloud(tenant_file: Path) -> None:
    tenant_file.write_text(f'tenant_id = "{TENANT_ID}"\ncloud = "china"\n', encoding="utf-8")
    tenant = load()

    assert (tenant.tenant_id, tenant.cloud) == (TENANT_ID, "china")
    assert tenant.provenance("cloud") == "file"


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
        ("tenant_id", "contoso", "not a tenant id; write the GUID from Entra"),
        ("tenant_id", 7, "not a tenant id"),
        ("cloud", "a\nb", "write one line of text"),
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
        ("sector = retail\n", ["not valid TOML", "line 1", 'write name = "text" on a line of its own']),
        ("sector: retail\n", ["not valid TOML", "line 1", 'write name = "text" on a line of its own']),
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


# --- what is found


def found(field: str, value: str, how: str = "displayName", *, is_stale: bool = False) -> Found:
    return Found(field, value, how, "graph", is_stale)


def test_what_is_not_declared_is_taken_from_what_was_found() -> None:
    tenant = Tenant(organization="Acme").completed(
        [found("sector", "retail"), found("country", "FR", "countryLetterCode"), found("cloud", "public")], "directory"
    )

    assert tenant == Tenant("retail", country="FR", organization="Acme", cloud="public")
    assert tenant.conflicts == ()
    assert [tenant.provenance(name) for name in ("sector", "country", "serves", "organization")] == [
        "directory",
        "directory",
        "none",
        "argument",
    ]


@pytest.mark.parametrize("name", ["sector", "serves", "country"])
def test_of_several_values_that_were_found_the_most_restrictive_counts(name: str) -> None:
    strict, mild = {"country": ("US", "DE")}.get(name, ("law_enforcement", "government"))
    tenant = Tenant().completed([found(name, mild), found(name, strict)], "directory")

    assert getattr(tenant, name) == strict


@pytest.mark.parametrize(
    ("name", "declared", "discovered", "expected"),
    [
        ("sector", "retail", "law_enforcement", "law_enforcement"),
        ("sector", "law_enforcement", "retail", "law_enforcement"),
        ("sector", "healthcare", "education", "healthcare"),
        ("serves", "media", "law_enforcement", "law_enforcement"),
        ("country", "DE", "US", "US"),
        ("country", "US", "DE", "US"),
        ("country", "FR", "DE", "FR"),
        ("cloud", "public", "china", "public"),
        (
            "tenant_id",
            "99999999-2222-3333-4444-555555555555",
            "11111111-2222-3333-4444-555555555555",
            "99999999-2222-3333-4444-555555555555",
        ),
    ],
)
def test_where_both_disagree_the_most_restrictive_decides_and_both_are_named(
    name: str, declared: str, discovered: str, expected: str
) -> None:
    tenant = Tenant(**{name: declared}).completed([found(name, discovered)], "directory")  # type: ignore[arg-type]
    (conflict,) = tenant.conflicts

    assert getattr(tenant, name) == expected
    assert tenant.provenance(name) == ("argument" if expected == declared else "directory")
    assert repr(declared) in str(conflict)
    assert repr(discovered) in str(conflict)
    assert str(conflict) in tenant.explain()


def test_the_same_name_in_another_case_is_no_conflict() -> None:
    assert Tenant(organization="ACME").completed([found("organization", "Acme")], "directory").conflicts == ()


def test_a_sector_declared_as_unknown_is_not_declared() -> None:
    assert Tenant("unknown").completed([found("sector", "retail")], "directory").conflicts == ()


def test_what_cannot_be_a_value_is_not_taken() -> None:
    strange = [
        found("country", "XX"),
        found("sector", "police"),
        found("tenant_id", "x"),
        found("organization", "a\nb"),
    ]

    assert Tenant().completed(strange, "directory") == Tenant()


def test_an_explanation_says_where_each_field_comes_from_and_what_is_stale() -> None:
    tenant = Tenant(country="GB").completed([found("sector", "law_enforcement", is_stale=True)], "directory")

    assert tenant.explain().splitlines() == [
        "tenant",
        "  sector       law_enforcement      from directory: displayName, last known",
        "  country      GB                   from argument",
        "  serves       unknown              from none",
        "  organization unknown              from none",
        "  tenant_id    unknown              from none",
        "  cloud        unknown              from none",
    ]
    assert tenant.is_stale
    assert tenant.facts()["sector"] == {"value": "law_enforcement", "source": "directory, stale"}
    assert tenant.facts()["country"] == {"value": "GB", "source": "argument"}


def test_the_country_codes_are_the_249_of_the_standard() -> None:
    assert len(countries.CODES) == 249
    assert all(len(code) == 2 and code.isupper() and code.isascii() for code in countries.CODES)
    assert "XK" not in countries.CODES  # user-assigned: used for Kosovo, but not by the standard


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("us", "US"),
        ("U.S.", "US"),
        ("UK", "GB"),
        ("EU", None),
        ("Deutschland", "DE"),
        ("Untied States", "US"),
        ("Germny", "DE"),
        ("Narnia", None),
    ],
)
def test_what_people_write_for_a_country_is_understood(written: str, meant: str | None) -> None:
    assert countries.suggest(written) == meant
