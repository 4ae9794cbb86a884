"""The outcome of a check, and its explanation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .model.facts import Evidence, Facts, PolicyRef, RuleMatch, Verdict
from .model.memory import Memory
from .model.request import Gap

if TYPE_CHECKING:
    from .opinion import Opinion


@dataclass(frozen=True, slots=True)
class Decision:
    """What the guard decided about one request, and why.

    ``matches`` are all rules that matched, in policy order. ``gaps`` are what could not be read. ``memory`` is what
    is kept under the ids the server returns. ``duration_us`` is the time the judgement took, in microseconds.
    ``opinions`` are those of a second judge, where one was asked.
    """

    verdict: Verdict
    id: str
    path: str
    facts: Facts = field(default_factory=Facts)
    matches: tuple[RuleMatch, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    policy: tuple[PolicyRef, ...] = ()
    gaps: tuple[Gap, ...] = ()
    memory: Memory = field(default_factory=Memory)
    screened: bool = False  # the screen ended it: nothing about identity, faces or cameras can be there
    flips: tuple[str, ...] = ()  # the nearest changes that would turn the verdict, in words
    duration_us: float = 0.0
    opinions: tuple[Opinion, ...] = ()

    @property
    def rules(self) -> tuple[str, ...]:
        return tuple(match.id for match in self.matches)

    @property
    def rule(self) -> str | None:
        return self.matches[0].id if self.matches else None

    @property
    def is_blocked(self) -> bool:
        return self.verdict == "block"

    def explain(self) -> str:
        """Return a report for people: verdict, facts with their sources, rules, what would change it."""
        lines = [f"{self.verdict.upper()} {self.path}  [{self.id}]"]
        for match in self.matches:
            lines += [f"  rule  {match.id}: {match.title}", f"        {match.citation}", f"        fix: {match.fix}"]
        lines.append("  facts")
        for name, fact in self.facts.items():
            score = (
                f"  score {_rounded(fact.score, fact.threshold)}, limit {fact.threshold:.2f}" if fact.threshold else ""
            )
            lines.append(f"    {name:<11}{fact.value:<20}from {fact.source}{score}")
            lines += [f"{'':<17}at {_place(item)}" for item in fact.evidence[:4]]
        for gap in self.gaps:
            lines.append(f"  not inspected  {gap.pointer or '/'} ({gap.reason})")
        if self.screened:
            lines.append("  the screen found nothing about identity, faces or cameras; so the encoder was not asked")
        for opinion in self.opinions:
            said = f"none ({opinion.failure})" if opinion.failure else f"yes to {', '.join(opinion.yes) or 'nothing'}"
            lines.append(f"  second opinion  {opinion.judge}: {said}")
        lines += [f"  would change it: {change}" for change in self.flips]
        lines.append("  policy  " + ", ".join(f"{ref.id}@{ref.version} ({ref.digest[:12]})" for ref in self.policy))
        return "\n".join(lines)


def _rounded(score: float, limit: float) -> str:
    """Return a score with as many figures as it takes to see on which side of the limit it lies."""
    short = f"{score:.2f}"
    return short if (float(short) >= float(f"{limit:.2f}")) == (score >= limit) else f"{score:.4f}"


def _place(item: Evidence) -> str:
    span = f" [{item.start}:{item.end}]" if item.end else ""
    quote = f" {item.quote!r}" if item.quote is not None else ""
    return f"{item.pointer or '/'}{span} {item.kind}{quote}"
