from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safe_azure_openai.errors import ConfigurationError
from safe_azure_openai.model.facts import FACT_VALUES, Fact, Facts, PolicyRef
from safe_azure_openai.model.memory import UNKNOWN
from safe_azure_openai.policy import Alternative, Pack, Policy, Rule
from safe_azure_openai.policy.pack import BUILT_IN

DEFAULT = Policy.load("azure-openai-2024-05")
ALL = Policy.load(BUILT_IN)


def facts(**values: str) -> Facts:
    return Facts(**{name: Fact(value, "test") for name, value in values.items()})


def any_facts() -> st.SearchStrategy[Facts]:
    """Facts of any values, with a few countries for all of them."""
    return st.fixed_dictionaries(
        {name: st.sampled_from((*(choices or ("US", "DE", "PR")), UNKNOWN)) for name, choices in FACT_VALUES.items()}
    ).map(lambda values: facts(**values))


def rule(id: str, *alternatives: Alternative, policy: str = "own") -> Rule:
    return Rule(
        id=id,
        policy=policy,
        order=1,
        family="other",
        title="title",
        citation="citation",
        url="https://example.com/",
        fix="fix",
        why="why",
        docs="docs",
        alternatives=alternatives or (Alternative((("act", frozenset({"facial_recognition"})),)),),
    )


def pack(id: str, *rules: Rule, digest: str = "0" * 64) -> Pack:
    return Pack(PolicyRef(id, "1", digest), "title", rules)


def test_all_matching_rules_are_reported_in_policy_order() -> None:
    matches = DEFAULT.evaluate(
        facts(
            actor="law_enforcement",
            country="US",
            act="facial_recognition",
            stance="operational",
            camera="body_worn",
            timing="real_time",
        )
    )

    assert [(match.id, match.family) for match in matches] == [
        ("us-police-facial-recognition", "identification"),
        ("real-time-mobile-camera", "real_time_camera"),
    ]
    assert matches[0].facts == ("actor", "country", "act", "stance")
    assert matches[0].policy == "azure-openai-2024-05"


@pytest.mark.parametrize(
    ("policy", "expected"),
    [("azure-openai-2024-05", False), ("microsoft-code-of-conduct", True), ("eu-ai-act-article-5", True)],
)
def test_a_policy_says_whether_it_binds_everybody(policy: str, expected: bool) -> None:
    assert Policy.load(policy).binds_everybody is expected


def test_a_condition_that_lifts_a_rule_counts_among_its_facts() -> None:
    matches = DEFAULT.evaluate(
        facts(act="facial_recognition", stance="operational", camera="dash_mounted", timing="real_time")
    )

    assert matches[0].facts == ("act", "stance", "camera", "timing", "setting")


@given(any_facts())
def test_more_policies_never_lift_a_block(these: Facts) -> None:
    assert {match.id for match in DEFAULT.evaluate(these)} <= {match.id for match in ALL.evaluate(these)}


@given(any_facts())
def test_discussion_breaks_no_rule(these: Facts) -> None:
    values = {name: fact.value for name, fact in these.items()}

    assert ALL.evaluate(facts(**{**values, "stance": "discussion"})) == ()


@given(any_facts())
def test_each_flip_names_a_change_that_turns_the_verdict(these: Facts) -> None:
    values = {name: fact.value for name, fact in these.items()}
    is_blocked = bool(DEFAULT.evaluate(these))
    for sentence in DEFAULT.flips(these):
        outcome, _, change = sentence.partition(" if ")
        assert (outcome == "allowed") == is_blocked
        name, _, change = change.partition(" were ")
        wanted, is_exact, now = change.partition(", not ")
        if not is_exact:
            now = change.removeprefix("not ")
            wanted = " or ".join(choice for choice in (*(FACT_VALUES[name] or ("US", "DE")), UNKNOWN) if choice != now)
        assert now == values[name]
        for choice in wanted.split(" or "):
            assert bool(DEFAULT.evaluate(facts(**{**values, name: choice}))) != is_blocked


def test_a_blocked_request_is_told_what_would_allow_it() -> None:
    flips = DEFAULT.flips(facts(actor="law_enforcement", country="US", act="facial_recognition", stance="operational"))

    assert flips == (
        "allowed if actor were not law_enforcement",
        "allowed if act were not facial_recognition",
        "allowed if stance were not operational",
    )


def test_an_allowed_request_is_told_which_rule_is_near() -> None:
    flips = DEFAULT.flips(
        facts(
            actor="other",
            act="facial_recognition",
            stance="operational",
            camera="body_worn",
            timing="real_time",
            setting="cooperative",
        )
    )

    assert flips == (
        "blocked by law-enforcement-identification if actor were law_enforcement, not other",
        "blocked by real-time-mobile-camera if setting were not cooperative",
    )


def test_several_values_that_would_turn_the_verdict_are_told_in_one_sentence() -> None:
    flips = DEFAULT.flips(facts(actor="other", act="facial_recognition", stance="operational", timing="real_time"))

    assert "blocked by real-time-mobile-camera if camera were body_worn or dash_mounted, not unknown" in flips


def test_a_rule_about_a_country_is_told_by_another_country() -> None:
    policy = Policy((pack("own", rule("us-only", Alternative((("country", frozenset({"US"})),)))),))

    assert policy.flips(facts(country="US")) == ("allowed if country were not US",)
    assert policy.flips(facts(country="DE")) == ("blocked by us-only if country were US, not DE",)


def test_nothing_single_turns_a_request_about_nothing() -> None:
    assert DEFAULT.flips(Facts()) == ()


def test_combining_keeps_the_order_given_and_takes_a_shared_pack_once() -> None:
    combined = Policy.combine([Policy.load("eu-ai-act-article-5"), Policy.load("microsoft-code-of-conduct"), DEFAULT])

    assert [ref.id for ref in combined.refs] == [
        "eu-ai-act-article-5",
        "azure-openai-2024-05",
        "microsoft-code-of-conduct",
    ]
    assert combined.rules[0].id == "eu-real-time-biometric-identification"


def test_several_policies_load_as_one() -> None:
    loaded = Policy.load(["azure-openai-2024-05", Policy.load("eu-ai-act-article-5")])

    assert loaded == Policy.combine([DEFAULT, Policy.load("eu-ai-act-article-5")])


def test_two_different_packs_of_one_id_are_refused() -> None:
    ours, theirs = Policy((pack("own", rule("a")),)), Policy((pack("own", rule("b"), digest="1" * 64),))

    with pytest.raises(ConfigurationError, match=r"two different policies are called 'own'.*another id"):
        Policy.combine([ours, theirs])


def test_a_rule_id_in_two_packs_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"rule 'a' stands in policy 'one' and in policy 'two'"):
        Policy((pack("one", rule("a", policy="one")), pack("two", rule("a", policy="two"))))


def test_a_policy_without_rules_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="at least one rule"):
        Policy.combine([])


def test_a_policy_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        DEFAULT.packs = ()  # type: ignore[misc]
