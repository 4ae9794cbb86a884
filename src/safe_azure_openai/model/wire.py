"""A message before it is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .found import Found


@dataclass(frozen=True, slots=True)
class Wire:
    """What is about to be sent, as it would be sent. ``path`` has neither host nor the version or deployment prefix.

    ``told`` is what the access token beside it says of the tenant, where that is asked for; never the token.
    ``connection`` names the WebSocket that it is sent on.
    """

    path: str
    content_type: str = ""
    body: bytes = b""
    query: str = ""
    deployment: str = ""  # Azure: the deployment in the URL
    told: tuple[Found, ...] = ()
    connection: str = ""
