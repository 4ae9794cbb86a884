"""What a source of the tenant told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: Which source told something of the tenant: the access token, Microsoft Graph, the tags that Azure Resource Manager
#: keeps, or the cloud that the endpoint belongs to.
FoundBy = Literal["token", "graph", "tags", "cloud"]


@dataclass(frozen=True, slots=True)
class Found:
    """One value of one field of a tenant, and what it was read from, such as ``verified domain met.police.uk``."""

    field: str
    value: str
    how: str
    origin: FoundBy
    is_stale: bool = False  # the last known value: its source could not be asked since
