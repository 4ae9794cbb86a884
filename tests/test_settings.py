from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from safe_azure_openai.errors import ConfigurationError
from safe_azure_openai.settings import PREFIX, Settings, overlooked, variables

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
    "SERVES": ("police", ["one of law_enforcement", "did you mean 'law_enforcement'?"]),
    "COUNTRY": ("USA", ["is not a country: write an ISO 3166-1 alpha-2 code", "did you mean 'US'?"]),
    "ORGANIZATION": ("two\nlines", ["is not one line of text: write a name"]),
    "TENANT_FILE": ("file:///etc/tenant.toml", ["is a URL and not a path: write the path of a TOML file"]),
    "TENANT_DISCOVERY": ("directry", ["off, token, directory", "did you mean 'directory'?"]),
    "REQUIRE_TENANT": ("ture", ["one of true, false", "did you mean 'true'?"]),
    "POLICY": (" , ", ["comma separated"]),
    "MODE": ("enforced", ["enforce, monitor", "did you mean 'enforce'?"]),
    "ON_UNINSPECTABLE": ("alow", ["block, allow", "did you mean 'allow'?"]),
    "AUDIT_FILE": ("~nobody-of-that-name/a.jsonl", ["home folder", "write the path of a JSONL file"]),
    "EVIDENCE": ("quotes", ["digest, quote", "did you mean 'quote'?"]),
    "SESSION_STORE": ("Memory", ["memory, or a redis:// URL such as redis://host:6379/0", "did you mean 'memory'?"]),
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


@pytest.mark.parametrize("name", ["API_KEY", "ENABLED", ""])
def test_a_variable_that_is_like_none_of_ours_brings_no_guess(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(PREFIX + name, "hunter2")

    assert message() == f"{PREFIX}{name} is not a variable of safe-azure-openai; see all with: safe-azure-openai env"


@pytest.mark.parametrize("name", ["SAFE_AZUREOPENAI_SECTOR", "SAFE_OPENAI_SECTOR", "safe_azure_open_ai_sector"])
def test_a_variable_with_a_misspelt_prefix_is_told_and_its_value_is_not(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "hunter2")
    monkeypatch.setenv("SAFE_MODE", "hunter2")

    assert overlooked() == [f"{name} is read by nobody here; did you mean 'SAFE_AZURE_OPENAI_SECTOR'?"]


@pytest.mark.parametrize("name", ["SECTOR", "ORGANIZATION", "TENANT_FILE", "REQUIRE_TENANT"])
def test_a_blank_variable_is_told_as_it_is_written(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(PREFIX + name, "   ")

    assert message().startswith(f"{PREFIX}{name}='   ' is ")


def test_of_two_spellings_of_a_variable_the_one_that_counts_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PREFIX + "MODE", "enforce")
    monkeypatch.setenv((PREFIX + "MODE").lower(), "hunt")

    assert "MODE='hunt'" in message()


def test_a_long_value_is_told_by_its_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PREFIX + "SECTOR", "x" * 3000)

    assert f"SECTOR='{'x' * 80}...' is not valid" in message()


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


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("redi://user:hunter2@host", "redi://***@host"),
        ("redi://:hun ter2@host:1/0", "redi://***@host:1/0"),
        ("redi://:a@b/hunter2@host", "redi://***@host"),
        ("redi://host:1/0?password=hunter2", "redi://host:1/0?***"),
        ("redi://host:1/0?password=a@hunter2", "redi://***"),
        ("redi://:hun?ter2@host", "redi://***"),
        ("user:hunter2@host:6379", "***@host:6379"),
        ("redi://host:1/0", "redi://host:1/0"),
    ],
)
def test_the_password_in_a_url_is_never_told(monkeypatch: pytest.MonkeyPatch, address: str, shown: str) -> None:
    monkeypatch.setenv(PREFIX + "SESSION_STORE", address)

    assert message().startswith(f"{PREFIX}SESSION_STORE='{shown}' is not valid")


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
