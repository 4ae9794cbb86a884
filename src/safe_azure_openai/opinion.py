"""What a second judge is asked, and what it says. Imported with the first judgement, for few guards have one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .model.facts import Evidence
from .model.request import Request

__all__ = ["Asked", "Opinion", "Question"]

#: What a second judge is asked.
Asked = Literal["facial_recognition", "law_enforcement", "live_mobile_camera"]


@dataclass(frozen=True, slots=True)
class Question:
    """What a second judge is asked about: a request, where in it the verdict hangs, and what is known beside it."""

    request: Request
    places: tuple[Evidence, ...] = ()
    for_law_enforcement: bool = False  # the tenant or an earlier call says so
    has_image: bool = False  # attached, or sent in an earlier call


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a second judge said of a request: closed choices, never text.

    ``judge`` is the deployment and the digest of its instructions, ``yes`` what it said yes to. ``failure`` is why
    there is no opinion, and empty where there is one; ``is_required``, whether the request must not be sent without.
    """

    judge: str
    yes: tuple[Asked, ...] = ()
    failure: str = ""
    is_remembered: bool = False
    is_required: bool = False
