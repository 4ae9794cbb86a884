"""What an access token says of its tenant, read without any request.

The signature is not checked: the token is the client's own, and the service that gets it checks it. A forged one could
only tell its sender's guard something about the sender. Of names only the domain behind the @ is looked at, and nothing
of the token is kept but what :func:`found_in` returns.
Source: learn.microsoft.com/entra/identity-platform/access-token-claims-reference and .../optional-claims-reference.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import cast

from .. import countries
from ..model.found import Found
from ..organizations import classify_domain
from .clouds import cloud_of

__all__ = ["found_in"]

#: Tokens of Microsoft Entra are some 2 KB; a longer one is of somebody else.
MAX_CHARS = 32_768
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
#: Claims that hold a person's sign-in name. Guests have "#EXT#" or an ``idp`` in them, and belong to another tenant.
_NAMES = ("upn", "preferred_username", "unique_name")


def found_in(authorization: str) -> tuple[Found, ...]:
    """Return what a token says of its tenant; nothing where it is no token of Microsoft Entra.

    Args:
        authorization: the value of the header, ``Bearer <token>``, or the token alone.
    Returns:
        tenant id, cloud, country and sector as far as the token tells them; never anything of the person.
    """
    claims = _claims(authorization.removeprefix("Bearer ").strip())
    found: list[Found] = []
    tid = _text(claims, "tid").lower()
    if _GUID.fullmatch(tid):
        found.append(Found("tenant_id", tid, "claim tid", "token"))
    for claim in ("aud", "iss"):
        if cloud := cloud_of(_text(claims, claim)):
            found.append(Found("cloud", cloud.name, f"claim {claim}", "token"))
            if cloud.country:
                found.append(Found("country", cloud.country, f"cloud {cloud.name}, by claim {claim}", "token"))
            break
    country = _text(claims, "tenant_ctry").upper()
    if country in countries.CODES:
        found.append(Found("country", country, "claim tenant_ctry", "token"))
    found += _by_domain(claims)
    return tuple(found)


def _by_domain(claims: dict[str, object]) -> list[Found]:
    names = [name for claim in _NAMES if "@" in (name := _text(claims, claim))]
    if not names or "idp" in claims or "#" in names[0]:
        return []
    domain = names[0].rpartition("@")[2].lower()
    match = classify_domain(domain)
    if match is None:
        return []
    how = f"domain {domain} of the signed-in account ({match.pattern})"
    found = [Found("sector", match.sector, how, "token")]
    return [*found, Found("country", match.country, how, "token")] if match.country else found


def _claims(token: str) -> dict[str, object]:
    parts = token.split(".")
    if len(token) > MAX_CHARS or len(parts) != 3:  # an API key, an encrypted token, or none
        return {}
    try:
        payload = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        claims: object = json.loads(payload)
    except (binascii.Error, ValueError, RecursionError):
        return {}
    return cast("dict[str, object]", claims) if isinstance(claims, dict) else {}


def _text(claims: dict[str, object], name: str) -> str:
    value = claims.get(name)
    return value if isinstance(value, str) and value.isprintable() and len(value) <= 512 else ""
