"""``openai`` clients that send nothing the Azure OpenAI policy on facial recognition forbids.

Change ``from openai import AzureOpenAI`` to ``from safe_azure_openai import AzureOpenAI``.
"""

from ._install import install
from .client import AsyncAzureOpenAI, AsyncOpenAI, AzureOpenAI, OpenAI
from .decision import Decision
from .errors import ConfigurationError, GuardError, InspectionError, PolicyViolation
from .guard import Guard
from .policy import Policy
from .second_opinion import SecondOpinion
from .sinks import Sink
from .tenant import Tenant

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
