"""The policy engine: which rules match a set of facts, and what would have to be different.

A rule applies when one of its alternatives holds. An alternative holds when each fact it names has one of the listed
values, and no fact named under ``unless`` has. Nothing else decides: what rules say is data (see ``pack``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ..errors import ConfigurationError
from ..model.facts import FACT_VALUES, Facts, PolicyRef, RuleMatch
from ..model.memory import UNKNOWN

__all__ = ["Alternative", "Family", "Pack", "Policy", "Rule"]

Family = Literal["identification", "real_time_camera", "other"]
Conditions = tuple[tuple[str, frozenset[str]], ...]

#: Stands for any country that no rule names, when the engine asks what another country would change.
_ELSEWHERE = "another country"


@dataclass(frozen=True, slots=True)
class Alternative:
    """One way for a rule to apply: every fact of ``when`` has a listed value, and no fact of ``unless`` has."""

    when: Conditions
    unless: Conditions = ()

    def holds(self, values: Mapping[str, str]) -> bool:
        """Return whether this alternative applies to the values of the facts."""
        # Plain loops: this runs for every rule at every request, and a generator costs more than the test.
        for fact, listed in self.when:
            if values[fact] not in listed:
                return False
        for fact, listed in self.unless:  # noqa: SIM110
            if values[fact] in listed:
                return False
        return True

    @property
    def facts(self) -> tuple[str, ...]:
        """The facts it speaks of, each once, in the order of ``model.facts.FACT_VALUES``."""
        named = {fact for fact, _ in (*self.when, *self.unless)}
        return tuple(fact for fact in FACT_VALUES if fact in named)


@dataclass(frozen=True, slots=True)
class Rule:
    """One prohibited use: when it applies, where it comes from, what to do instead, and why."""

    id: str
    policy: str
    order: int
    family: Family
    title: str
    citation: str
    url: str
    fix: str
    why: str
    docs: str
    alternatives: tuple[Alternative, ...]

    def matching(self, values: Mapping[str, str]) -> Alternative | None:
        """Return the first alternative that holds, or None where the rule does not apply."""
        for alternative in self.alternatives:
            if alternative.holds(values):
                return alternative
        return None

    def match(self, facts: tuple[str, ...]) -> RuleMatch:
        """Return what an error or a report needs of this rule; ``facts`` are those that made it apply."""
        return RuleMatch(
            id=self.id,
            policy=self.policy,
            family=self.family,
            title=self.title,
            citation=f"{self.citation} <{self.url}>",
            fix=self.fix,
            facts=facts,
        )


@dataclass(frozen=True, slots=True)
class Pack:
    """The rules of one file, in order, under one id and version."""

    ref: PolicyRef
    title: str
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """What requests are judged by: one or more packs, their rules in order."""

    packs: tuple[Pack, ...]
    rules: tuple[Rule, ...] = field(init=False, repr=False, compare=False)
    #: Whether a rule forbids something to whomever, with no actor and no camera among its conditions.
    binds_everybody: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        rules = tuple(rule for pack in self.packs for rule in pack.rules)
        if not rules:
            raise ConfigurationError("a policy needs at least one rule; name a pack, such as azure-openai-2024-05")
        owners: dict[str, str] = {}
        for rule in rules:
            if rule.id in owners:
                raise ConfigurationError(
                    f"rule {rule.id!r} stands in policy {owners[rule.id]!r} and in policy {rule.policy!r}; "
                    "a rule id is used once, so rename the rule of your own pack"
                )
            owners[rule.id] = rule.policy
        object.__setattr__(self, "rules", rules)
        alternatives = [alternative for rule in rules for alternative in rule.alternatives]
        object.__setattr__(
            self, "binds_everybody", any(not {"actor", "camera"} & {name for name, _ in a.when} for a in alternatives)
        )

    @classmethod
    def load(cls, policy: str | Sequence[str | Policy]) -> Policy:
        """Return a policy that comes with this package, by its id, or one of your own, by the path of its TOML file.

        Packs that it extends stand before it. Several ids, paths or policies are combined in the order given.

        Raises:
            ConfigurationError: no such policy, or the file is wrong; names file, line and field.
        """
        from .pack import load_packs  # reading packs takes pydantic's schemas: milliseconds that an import need not pay

        if isinstance(policy, str):
            return cls(load_packs(policy))
        return cls.combine(item if isinstance(item, Policy) else cls.load(item) for item in policy)

    @classmethod
    def combine(cls, policies: Iterable[Policy]) -> Policy:
        """Return one policy with the rules of all, in the order given; a pack that several share counts once.

        Raises:
            ConfigurationError: two different packs have the same id, two rules have the same id, or there is none.
        """
        packs: dict[str, Pack] = {}
        for pack in (pack for policy in policies for pack in policy.packs):
            known = packs.setdefault(pack.ref.id, pack)
            if known.ref != pack.ref:
                raise ConfigurationError(
                    f"two different policies are called {pack.ref.id!r} (SHA-256 {known.ref.digest[:12]} and "
                    f"{pack.ref.digest[:12]}); give your own pack another id"
                )
        return cls(tuple(packs.values()))

    @property
    def refs(self) -> tuple[PolicyRef, ...]:
        """Id, version and digest of each pack, in order."""
        return tuple(pack.ref for pack in self.packs)

    def evaluate(self, facts: Facts) -> tuple[RuleMatch, ...]:
        """Return every rule that applies to the facts, in policy order; none of them means the request is allowed."""
        values = _values(facts)
        return tuple(
            rule.match(alternative.facts) for rule in self.rules if (alternative := rule.matching(values)) is not None
        )

    def flips(self, facts: Facts) -> tuple[str, ...]:
        """Return the changes of one fact that would turn the verdict, in words; empty where no single one would."""
        values = _values(facts)
        is_blocked = self._first(values) is not None
        sentences: list[str] = []
        for fact, choices in self._choices().items():
            others = [choice for choice in choices if choice != values[fact]]
            outcomes = {choice: self._first({**values, fact: choice}) for choice in others}
            turning = {choice: rule for choice, rule in outcomes.items() if (rule is None) == is_blocked}
            sentences += _sentences(fact, values[fact], others, turning)
        return tuple(sentences)

    def _first(self, values: Mapping[str, str]) -> Rule | None:
        return next((rule for rule in self.rules if rule.matching(values) is not None), None)

    def _choices(self) -> dict[str, tuple[str, ...]]:
        """The values worth trying of each fact that some rule speaks of."""
        named: dict[str, set[str]] = {}
        for rule in self.rules:
            for alternative in rule.alternatives:
                for fact, listed in (*alternative.when, *alternative.unless):
                    named.setdefault(fact, set()).update(listed)
        return {
            fact: (*(choices or (*sorted(named[fact] - {UNKNOWN}), _ELSEWHERE)), UNKNOWN)
            for fact, choices in FACT_VALUES.items()
            if fact in named
        }


def _values(facts: Facts) -> dict[str, str]:
    return {name: fact.value for name, fact in facts.items()}


def _sentences(fact: str, now: str, others: list[str], turning: Mapping[str, Rule | None]) -> list[str]:
    """Return one sentence per outcome: "allowed if stance were not operational"."""
    outcomes: dict[str, list[str]] = {}
    for choice, rule in turning.items():
        outcome = "allowed" if rule is None else f"blocked by {rule.id}"
        outcomes.setdefault(outcome, []).append(choice)
    return [
        f"{outcome} if {fact} were not {now}"
        if len(choices) == len(others) > 1
        else f"{outcome} if {fact} were {' or '.join(choices)}, not {now}"
        for outcome, choices in outcomes.items()
    ]
