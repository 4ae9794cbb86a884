"""Who the tenant is, from Azure itself: the claims of a token, Microsoft Graph, and the tags of the resource.

Nothing here decides: what is found goes to :class:`~safe_azure_openai.tenant.Tenant`, beside what was declared.
"""

from .claims import found_in
from .flight import Flights
from .lookup import Place, look_up, shared
from .report import Problem, Report

__all__ = ["Flights", "Place", "Problem", "Report", "found_in", "look_up", "shared"]
