from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from safe_azure_openai.errors import ConfigurationError
from safe_azure_openai.settings import PREFIX, Settings, variables

# DESIGN: the table of the environment. A variable, and a value other than its default that must be read.
ACCEPTED = {
    "SECTOR": ("law_enforcement", "law_enforcement"),
    "SERVES": ("government", "government"),
    "COUNTRY": ("US", "US"),
    "ORGANIZATION": ("Tulsa Police Department", "Tulsa Police Department"),
    "TENANT_FILE": ("/etc/tenant.toml", Path("/etc/tenant.toml")),
    "TENANT_DISCOVERY": ("directory", "directory"),
    "REQUIRE_TENANT": ("true", True),
    "POLICY": ("eu-ai-act-article-5, ./house.toml", ("eu-ai-act-article-5", "./house.toml")),
    "MODE": ("monitor", "monitor"),
    "ON_UNINSPECTABLE": ("allow", "allow"),
    "AUDIT_FILE": ("/var/log/audit.jsonl", Path("/var/log/audit.jsonl")),
    "EVIDENCE": ("quote", "quote"),
    "SESSION_STORE": ("memory", "memory"),
    "OCR": ("require", "require"),
}
REFUSED = {
    "SECTOR": ("law-enforcement", ["one of law_enforcement, government", "did you mean 'law_enforcement'?"]),
    "SERVES": ("gov", ["one of law_enforcement"]),
    "COUNTRY": ("USA", ["ISO 3166-1 alpha-2", "did you mean 'US'?"]),
    "ORGANIZATION": ("two\nlines", ["one line"]),
    "TENANT_DISCOVERY": ("directry", ["off, token, directory", "did you mean 'directory'?"]),
    "REQUIRE_TENANT": ("maybe", ["true, false"]),
    "POLICY": (" , ", ["comma separated"]),
    "MODE": ("enforced", ["enforce, monitor", "did you mean 'enforce'?"]),
    "ON_UNINSPECTABLE": ("alow", ["block, allow", "did you mean 'allow'?"]),
    "EVIDENCE": ("quotes", ["digest, quote", "did you mean 'quote'?"]),
    "SESSION_STORE": ("disk", ["memory, or a redis:// URL"]),
    "OCR": ("of", ["auto, off, require", "did you mean 'off'?"]),
}


def message() -> str:
    with pytest.raises(ConfigurationError) as caught:
        Settings.load()
    return str(caught.value)


def test_with_nothing_set_every_variable_has_its_documented_default() -> None:
    settings = Settings.load()

    assert {row.name.removeprefix(PREFIX): row.shown(settings) for row in variables()} == {
        "SECTOR": "unknown",
        "SERVES": "unknown",
        "COUNTRY": "none",
        "ORGANIZATION": "none",
        "TENANT_FILE": "none",
        "TENANT_DISCOVERY": "off",
        "REQUIRE_TENANT": "false",
        "POLICY": "azure-openai-2024-05",
        "MODE": "enforce",
        "ON_UNINSPECTABLE": "block",
        "AUDIT_FILE": "none",
        "EVIDENCE": "digest",
        "SESSION_STORE": "memory",
        "OCR": "auto",
    }


@pytest.mark.parametrize("name", ACCEPTED)
def test_each_variable_is_read(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    written, expected = ACCEPTED[name]
    monkeypatch.setenv(PREFIX + name, f" {written} ")
    settings = Settings.load()

    assert getattr(settings, name.lower()) == expected
    assert settings.model_fields_set == {name.lower()}


@pytest.mark.parametrize("name", REFUSED)
def test_a_wrong_value_is_named_with_variable_value_choices_and_a_guess(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    written, expected = REFUSED[name]
    monkeypatch.setenv(PREFIX + name, written)
    told = message()

    assert f"{PREFIX}{name}={written.strip()!r}" in told
    assert [part for part in expected if part not in told] == [], told


def test_every_wrong_variable_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PREFIX + "MODE", "off")
    monkeypatch.setenv(PREFIX + "COUNTRY", "Atlantis")
    monkeypatch.setenv(PREFIX + "SECTR", "retail")

    assert [line.partition(" ")[0].partition("=")[0] for line in message().splitlines()] == [
        PREFIX + "SECTR",
        PREFIX + "COUNTRY",
        PREFIX + "MODE",
    ]


def test_a_misspelt_variable_is_not_ignored_and_its_value_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PREFIX + "SECTR", "hunter2")
    told = message()

    assert "SAFE_AZURE_OPENAI_SECTR is not a variable" in told
    assert "did you mean 'SAFE_AZURE_OPENAI_SECTOR'?" in told
    assert "hunter2" not in told


def test_an_empty_variable_is_an_unset_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PREFIX + "SECTOR", "")

    assert Settings.load().model_fields_set == set()


def test_variables_of_other_packages_are_none_of_our_business(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECTOR", "nonsense")
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://example.com")

    assert Settings.load().sector == "unknown"


def test_a_dotenv_file_that_lies_about_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("SAFE_AZURE_OPENAI_SECTOR=retail\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    assert Settings.load().sector == "unknown"


def test_the_password_in_a_url_is_never_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PREFIX + "SESSION_STORE", "redi://user:hunter2@host")
    told = message()

    assert "hunter2" not in told
    assert "//***@host" in told


def test_a_path_may_start_at_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv(PREFIX + "AUDIT_FILE", "~/audit.jsonl")

    assert Settings.load().audit_file == tmp_path / "audit.jsonl"


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings.load().mode = "monitor"  # type: ignore[misc]


def test_each_variable_says_what_it_is_for() -> None:
    rows = variables()

    assert [row.name.removeprefix(PREFIX) for row in rows] == list(ACCEPTED)
    assert all(row.description.endswith(".") and row.values for row in rows)
