"""Whether the doctor says what was found, what it means, and what would surprise."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from safe_azure_openai import cli, tenant_sources
from safe_azure_openai.decision import Decision
from safe_azure_openai.doctor import meaning
from safe_azure_openai.guard import Guard
from safe_azure_openai.policy import Policy
from safe_azure_openai.settings import PREFIX
from safe_azure_openai.tenant import Tenant

from .azure import ENDPOINT, Answer, Azure, token


@pytest.fixture(autouse=True)
def readings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the word "detective" stand for what the detectors would read: here the doctor is tested."""

    def check(guard: Guard, path: str, body: object) -> Decision:
        return Decision("block" if "detective" in str(body) else "allow", "dec_1", path)

    monkeypatch.setattr(Guard, "check", check)


@pytest.fixture(autouse=True)
def nothing_warned_of_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tenant_sources, "_warned", set())


def doctor(capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    status = cli.main(["doctor"])
    return status, capsys.readouterr().out.splitlines()


def one(lines: list[str], part: str) -> str:
    (line,) = [line for line in lines if part in line]
    return line


# --- rules


@pytest.mark.parametrize(
    ("tenant", "us", "others", "cameras"),
    [
        (Tenant(), "where a request says", "where a request says", "everybody"),
        (Tenant("retail", country="US"), "where a request says", "where a request says", "everybody"),
        (Tenant("law_enforcement", country="US"), "every such request", "another country", "everybody"),
        (Tenant("law_enforcement", country="DE"), "another country", "every such request", "everybody"),
        (Tenant("technology", serves="law_enforcement"), "another country", "every such request", "everybody"),
    ],
)
def test_each_rule_says_for_which_requests_of_the_tenant_it_holds(
    tenant: Tenant, us: str, others: str, cameras: str
) -> None:
    rules = Policy.load("azure-openai-2024-05").rules

    for rule, expected in zip(rules, (us, others, cameras), strict=True):
        assert expected in meaning(rule, tenant), rule.id


# --- surprises


def test_an_agency_that_is_not_declared_as_one_is_a_surprise(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(PREFIX + "ORGANIZATION", "Tulsa Police Department")
    status, lines = doctor(capsys)

    assert status == 1
    assert "set SAFE_AZURE_OPENAI_SECTOR=law_enforcement" in one(lines, "reads like a law enforcement agency")

    monkeypatch.setenv(PREFIX + "SECTOR", "law_enforcement")
    assert doctor(capsys)[0] == 0


def test_a_country_alone_is_noted(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv(PREFIX + "COUNTRY", "US")
    status, lines = doctor(capsys)

    assert status == 0
    assert one(lines, "a country alone decides nothing").startswith(" note")


def test_law_enforcement_without_a_country_is_noted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(PREFIX + "SERVES", "law_enforcement")
    status, lines = doctor(capsys)

    assert status == 0
    assert one(lines, "set SAFE_AZURE_OPENAI_COUNTRY as well").startswith(" note")


def test_a_variable_that_wins_over_the_file_is_noted_with_both_values(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "tenant.toml"
    file.write_text('sector = "retail"\ncountry = "US"\n', encoding="utf-8")
    monkeypatch.setenv(PREFIX + "TENANT_FILE", str(file))
    monkeypatch.setenv(PREFIX + "SECTOR", "finance")
    monkeypatch.setenv(PREFIX + "COUNTRY", "US")
    status, lines = doctor(capsys)

    assert status == 0
    assert str(file) in one(lines, "SAFE_AZURE_OPENAI_SECTOR='finance' wins over 'retail'")


# --- discovery


@pytest.fixture
def discovery(azure: Azure, monkeypatch: pytest.MonkeyPatch) -> Azure:
    monkeypatch.setenv(PREFIX + "TENANT_DISCOVERY", "directory")
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", ENDPOINT)
    return azure


def test_what_the_directory_says_is_told_with_where_it_was_read(
    discovery: Azure, capsys: pytest.CaptureFixture[str]
) -> None:
    status, lines = doctor(capsys)

    assert status == 0
    assert "law_enforcement (from directory: displayName (" in one(lines, "tenant sector")
    assert "US (from directory: countryLetterCode)" in one(lines, "tenant country")
    assert "every such request from here" in one(lines, "rule us-police-facial-recognition")
    assert one(lines, "the directory was asked").startswith("   ok")


def test_a_directory_that_contradicts_what_is_declared_is_a_surprise(
    discovery: Azure, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(PREFIX + "SECTOR", "retail")
    monkeypatch.setenv(PREFIX + "ORGANIZATION", "Tulsa Shops")
    status, lines = doctor(capsys)

    assert status == 1
    assert one(lines, "'retail' is declared (environment), 'law_enforcement' was found").startswith("wrong")
    assert one(lines, "'Tulsa Shops' is declared").startswith(" note")


def test_a_directory_that_may_not_be_read_is_a_surprise(discovery: Azure, capsys: pytest.CaptureFixture[str]) -> None:
    discovery.answer("/v1.0/organization", Answer(403, {}))
    status, lines = doctor(capsys)

    assert status == 1
    assert one(lines, "Organization.Read.All").startswith("wrong")


def test_without_an_endpoint_it_is_noted_that_no_tags_are_read(
    discovery: Azure, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("AZURE_OPENAI_ENDPOINT")
    status, lines = doctor(capsys)

    assert status == 0
    assert one(lines, "the tags of the resource are not read").startswith(" note")


def test_that_no_token_is_known_yet_is_noted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(PREFIX + "TENANT_DISCOVERY", "token")
    status, lines = doctor(capsys)

    assert status == 0
    assert one(lines, "no token is known here").startswith(" note")
    assert one(lines, "tenant cloud: unknown (from none)").startswith("   ok")


def test_a_token_that_tells_nothing_is_a_surprise(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(PREFIX + "TENANT_DISCOVERY", "token")
    monkeypatch.setenv("AZURE_OPENAI_AD_TOKEN", "hunter2.is.none")
    status, lines = doctor(capsys)

    assert status == 1
    assert one(lines, "AZURE_OPENAI_AD_TOKEN tells no tenant").startswith("wrong")
    assert "hunter2" not in "".join(lines)

    monkeypatch.setenv("AZURE_OPENAI_AD_TOKEN", token())
    assert doctor(capsys)[0] == 0


# --- JSON


def test_the_report_is_printed_as_json(discovery: Azure, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["doctor", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)

    assert report["ok"] is True
    assert report["tenant"]["sector"] == {"value": "law_enforcement", "source": "directory"}
    assert report["rules"][0]["rule"] == "us-police-facial-recognition"
    assert {finding["state"] for finding in report["findings"]} == {"ok", "note"}


def test_a_wrong_setting_is_told_as_json_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(PREFIX + "MODE", "off")

    assert cli.main(["doctor", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert (report["ok"], report["tenant"], report["rules"]) == (False, None, [])
