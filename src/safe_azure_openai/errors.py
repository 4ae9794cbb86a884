"""What the guard raises.

::

    openai.OpenAIError
      GuardError
        ConfigurationError            a setting, a tenant file or a policy pack is wrong
        InspectionError               something could not be read, and the operator did not say to let it pass
        PolicyViolation               a rule of the policy matched; the request was not sent
          FaceIdentificationViolation     the first rule is about who a person is
          RealTimeCameraViolation         the first rule is about live pictures of a mobile camera

None of them is an ``openai.APIError``: nothing was sent, so nothing may be retried. All of them pickle, and none of
them repeats the words of the request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from openai import OpenAIError

if TYPE_CHECKING:
    from .decision import Decision
    from .model.facts import Evidence

__all__ = [
    "ConfigurationError",
    "FaceIdentificationViolation",
    "GuardError",
    "InspectionError",
    "PolicyViolation",
    "RealTimeCameraViolation",
]

_OR_ALLOW = "or set SAFE_AZURE_OPENAI_ON_UNINSPECTABLE=allow"
_FIX = f"send that part as text, JSON, an image or a readable file, {_OR_ALLOW}"
#: What to do about a gap that is no fault of the request's form. The first that fits.
_FIXES = {
    "guard_error": f"this is a fault of the guard or of its installation: run safe-azure-openai doctor, {_OR_ALLOW}",
    "unread_picture": "install what reads pictures: pip install 'safe-azure-openai[ocr]', and send PNG, JPEG, WebP or "
    "GIF; or set SAFE_AZURE_OPENAI_OCR=auto",
    "picture_timeout": "send it again, or fewer pictures at once; or set SAFE_AZURE_OPENAI_OCR=auto",
    "no_second_opinion": "try again later, say more plainly what is wanted, or give the judge on_failure='allow'; "
    "decision.opinions says why there is no opinion",
}


class GuardError(OpenAIError):
    """Base of everything the guard raises."""


class ConfigurationError(GuardError):
    """A setting is wrong. The message names what, where, why and what to write instead."""


class _DecisionError(GuardError):
    """An error that carries the decision it comes from."""

    def __init__(self, decision: Decision) -> None:
        super().__init__(self._message(decision))
        self.decision = decision

    def __reduce__(self) -> tuple[type[_DecisionError], tuple[Decision]]:
        return (type(self), (self.decision,))

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """Where the facts were seen: pointers and digests, no words."""
        return self.decision.evidence

    @staticmethod
    def _message(decision: Decision) -> str:
        return f"{decision.verdict} {decision.path} [{decision.id}]"


class InspectionError(_DecisionError):
    """A part of the request could not be inspected, so it was not sent.

    ``ON_UNINSPECTABLE=allow`` lets such requests pass; they are recorded either way.
    """

    @staticmethod
    def _message(decision: Decision) -> str:
        where = ", ".join(f"{gap.pointer or '/'} ({gap.reason})" for gap in decision.gaps[:4]) or "the request"
        reasons = {gap.reason for gap in decision.gaps}
        fix = next((fix for reason, fix in _FIXES.items() if reason in reasons), _FIX)
        return (
            "InspectionError: the request was not sent, because a part of it cannot be inspected\n"
            f"  at   {where}\n"
            "  why  what the guard cannot read, it cannot clear\n"
            f"  fix  {fix}\n"
            f"  id   {decision.id}"
        )


class PolicyViolation(_DecisionError):  # noqa: N818 - a violation is what it is, and the name is promised
    """A prohibited use. The request was not sent, and is never retried.

    ``rule`` is the first rule that matched, in the order of the policy, and ``rules`` are all of them.
    """

    @property
    def rule(self) -> str:
        return self.decision.matches[0].id

    @property
    def rules(self) -> tuple[str, ...]:
        return self.decision.rules

    @property
    def citation(self) -> str:
        return self.decision.matches[0].citation

    @staticmethod
    def _message(decision: Decision) -> str:
        first = decision.matches[0]
        places: dict[str, None] = {}
        for item in decision.evidence:
            places.setdefault(f"{item.pointer or '/'} ({item.kind})")
        also = f"\n  also {', '.join(decision.rules[1:])}" if len(decision.rules) > 1 else ""
        return (
            f"PolicyViolation [{first.id}]: {first.title}\n"
            f"  at   {', '.join(list(places)[:6]) or 'the tenant configuration'}\n"
            f"  fix  {first.fix}{also}\n"
            f"  see  safe-azure-openai explain {first.id}\n"
            f"  id   {decision.id}"
        )


class FaceIdentificationViolation(PolicyViolation):
    """The first rule that matched forbids working out or confirming who a person is."""


class RealTimeCameraViolation(PolicyViolation):
    """The first rule that matched forbids facial recognition on live pictures of a mobile camera."""


def violation(decision: Decision) -> PolicyViolation:
    """Return the violation for a decision that blocks, of the class its first rule names."""
    family = decision.matches[0].family
    cls = {"identification": FaceIdentificationViolation, "real_time_camera": RealTimeCameraViolation}.get(
        family, PolicyViolation
    )
    return cls(decision)
