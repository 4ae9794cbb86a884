"""``openai`` clients that send nothing the Azure OpenAI policy on facial recognition forbids.

Change ``from openai import AzureOpenAI`` to ``from safe_azure_openai import AzureOpenAI``.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from .client import AsyncAzureOpenAI, AsyncOpenAI, AzureOpenAI, OpenAI
from .errors import ConfigurationError, GuardError, InspectionError, PolicyViolation
from .guard import Guard
from .sinks import Sink
from .tenant import Tenant

if TYPE_CHECKING:
    from ._install import install
    from .decision import Decision
    from .policy import Policy
    from .second_opinion import SecondOpinion

__all__ = [
    "AsyncAzureOpenAI",
    "AsyncOpenAI",
    "AzureOpenAI",
    "ConfigurationError",
    "Decision",
    "Guard",
    "GuardError",
    "InspectionError",
    "OpenAI",
    "Policy",
    "PolicyViolation",
    "SecondOpinion",
    "Sink",
    "Tenant",
    "install",
]

#: Names that few programs use, and the module of each: they are imported when first asked for.
_LATER = {"Decision": "decision", "Policy": "policy", "SecondOpinion": "second_opinion", "install": "_install"}


def __getattr__(name: str) -> object:
    if name in _LATER:
        return getattr(import_module(f".{_LATER[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
