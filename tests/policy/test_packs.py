"""Every pack against its case file, and the things that hold for all packs."""

from __future__ import annotations

import hashlib
from importlib import resources

import pytest

from safe_azure_openai.model.facts import Fact, Facts
from safe_azure_openai.policy import Policy, Rule
from safe_azure_openai.policy.pack import BUILT_IN, Case, read_cases

CASES = [(pack, case) for pack in BUILT_IN for case in read_cases(pack)]
RULES = [rule for pack in BUILT_IN for rule in Policy.load(pack).packs[-1].rules]


@pytest.mark.parametrize(("pack", "case"), CASES, ids=[f"{pack}-{case.line}" for pack, case in CASES])
def test_each_case_has_its_verdict_and_its_rules_in_policy_order(pack: str, case: Case) -> None:
    matches = Policy.load(pack).evaluate(case.facts)

    assert tuple(match.id for match in matches) == case.rules, case.note
    assert ("block" if matches else "allow") == case.verdict, case.note


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_each_rule_has_hits_and_near_misses(rule: Rule) -> None:
    cases = read_cases(rule.policy)
    policy = Policy.load(rule.policy)
    hits = [case for case in cases if rule.id in case.rules]
    misses = [case for case in cases if rule.id not in case.rules and _is_one_fact_away(policy, rule, case)]

    assert hits
    assert misses


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_each_condition_of_each_rule_is_needed_by_a_case(rule: Rule) -> None:
    """Drop one condition, and some case must come out differently; else the condition is untested."""
    cases = read_cases(rule.policy)
    for alternative in rule.alternatives:
        others = [other for other in rule.alternatives if other is not alternative]
        for dropped, _ in (*alternative.when, *alternative.unless):
            when = tuple(item for item in alternative.when if item[0] != dropped)
            unless = tuple(item for item in alternative.unless if item[0] != dropped)
            loose = type(alternative)(when, unless)
            assert any(
                (loose.holds(_values(case.facts)) or any(o.holds(_values(case.facts)) for o in others))
                != (rule.id in case.rules)
                for case in cases
            ), f"no case needs the condition on {dropped}"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_each_rule_says_where_it_comes_from_and_what_to_do(rule: Rule) -> None:
    match = rule.match(("act",))

    assert rule.url in match.citation
    assert len(rule.why) > 80
    assert {"## What it blocks", "## Example", "## What passes"} <= set(rule.docs.splitlines())
    assert not rule.fix.endswith(".")


@pytest.mark.parametrize("pack", BUILT_IN)
def test_the_digest_of_a_pack_is_that_of_its_bytes(pack: str) -> None:
    content = (resources.files("safe_azure_openai.policy") / "packs" / f"{pack}.toml").read_bytes()

    assert Policy.load(pack).refs[-1].digest == hashlib.sha256(content).hexdigest()


def test_the_code_of_conduct_stands_on_the_announcement() -> None:
    assert [ref.id for ref in Policy.load("microsoft-code-of-conduct").refs] == [
        "azure-openai-2024-05",
        "microsoft-code-of-conduct",
    ]


def test_the_default_policy_reports_its_rules_in_the_published_order() -> None:
    assert [rule.id for rule in Policy.load("azure-openai-2024-05").rules] == [
        "us-police-facial-recognition",
        "law-enforcement-identification",
        "real-time-mobile-camera",
    ]


def _values(facts: Facts) -> dict[str, str]:
    return {name: fact.value for name, fact in facts.items()}


def _is_one_fact_away(policy: Policy, rule: Rule, case: Case) -> bool:
    values = _values(case.facts)
    for alternative in rule.alternatives:
        for fact, listed in alternative.when:
            changed = Facts(**{name: Fact(value) for name, value in {**values, fact: min(listed)}.items()})
            if rule.id in {match.id for match in policy.evaluate(changed)}:
                return True
        for fact, _ in alternative.unless:
            changed = Facts(**{name: Fact(value) for name, value in {**values, fact: "unknown"}.items()})
            if rule.id in {match.id for match in policy.evaluate(changed)}:
                return True
    return False
