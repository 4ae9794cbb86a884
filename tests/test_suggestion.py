"""Guesses at what was meant: near words, the words that people write instead, and silence where nothing is near."""

from __future__ import annotations

import pytest

from safe_azure_openai.suggestion import did_you_mean
from safe_azure_openai.tenant import SECTORS


@pytest.mark.parametrize(
    ("written", "choices", "meant"),
    [
        ("law_enforcment", SECTORS, "law_enforcement"),
        ("LAW ENFORCEMENT", SECTORS, "law_enforcement"),
        ("gov", SECTORS, "government"),
        ("tech", SECTORS, "technology"),
        ("Police", SECTORS, "law_enforcement"),
        ("sheriff", SECTORS, "law_enforcement"),
        ("hospital", SECTORS, "healthcare"),
        ("nonsense", SECTORS, None),
        ("on", ("off", "token", "directory"), None),
        ("none", ("off", "token", "directory"), "off"),
        ("graph", ("off", "token", "directory"), "directory"),
        ("enabled", ("true", "false"), "true"),
        ("ture", ("true", "false"), "true"),
        ("maybe", ("true", "false"), None),
        ("dry-run", ("enforce", "monitor"), "monitor"),
        ("off", ("enforce", "monitor"), None),
        ("deny", ("block", "allow"), "block"),
        ("", ("block", "allow"), None),
    ],
)
def test_what_is_near_or_meant_is_guessed_and_nothing_else(
    written: str, choices: tuple[str, ...], meant: str | None
) -> None:
    assert did_you_mean(written, choices) == (f"; did you mean {meant!r}?" if meant else "")


def test_a_prefix_that_all_choices_have_brings_none_nearer() -> None:
    choices = ("SAFE_POLICY", "SAFE_MODE")

    assert did_you_mean("SAFE_API_KEY", choices, prefix="SAFE_") == ""
    assert did_you_mean("safe_mod", choices, prefix="SAFE_") == "; did you mean 'SAFE_MODE'?"
