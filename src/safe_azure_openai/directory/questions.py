"""What is asked of Azure about a tenant, and what the answers mean.

Sources: learn.microsoft.com/graph/api/organization-list, learn.microsoft.com/rest/api/resources/subscriptions/list,
learn.microsoft.com/rest/api/aiservices/accountmanagement/accounts/list.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast
from urllib.parse import quote

from .. import countries
from ..model.found import Found
from ..organizations import Match, classify_domain, classify_name, classify_tag
from .api import Api, Refusal
from .clouds import Cloud, host_of

__all__ = ["ARM_ADVICE", "GRAPH_ADVICE", "METADATA_ADVICE", "custom_cloud", "of_organization", "of_resource"]

GRAPH_ADVICE = {
    401: "the token is not accepted; check that the credential is of the right tenant and cloud",
    403: (
        "the identity may not read the organization; let an administrator consent to Organization.Read.All, or declare "
        "SAFE_AZURE_OPENAI_SECTOR and _COUNTRY"
    ),
    429: "it is asked too often; the look-up is tried again later",
}
ARM_ADVICE = {
    401: "the token is not accepted; check that the credential is of the right tenant and cloud",
    403: "the identity may not read the resource; give it the role Reader on the Azure OpenAI resource",
    429: "it is asked too often; the look-up is tried again later",
}
METADATA_ADVICE = {404: "ARM_CLOUD_METADATA_URL must lead to the metadata of a cloud"}

_ORGANIZATION = "/v1.0/organization?$select=id,displayName,countryLetterCode,verifiedDomains,tenantType"
_SUBSCRIPTIONS = "/subscriptions?api-version=2022-12-01"
_ACCOUNTS = "/subscriptions/{}/providers/Microsoft.CognitiveServices/accounts?api-version=2024-10-01"


def of_organization(api: Api) -> Iterator[Found]:
    """Yield what Microsoft Graph knows of the organization that the credential belongs to, surest first.

    Raises:
        Refusal: Graph does not tell.
    """
    for organization in api.items(_ORGANIZATION, next_link="@odata.nextLink"):
        if tenant_id := _text(organization, "id"):
            yield Found("tenant_id", tenant_id.lower(), "organization id", "graph")
        name = _text(organization, "displayName")
        if name:
            yield Found("organization", name, "displayName", "graph")
        country = _text(organization, "countryLetterCode").upper()
        if country in countries.CODES:
            yield Found("country", country, "countryLetterCode", "graph")
        yield from _sector(name, list(_domains(organization)))


def _sector(name: str, domains: list[tuple[str, bool]]) -> Iterator[Found]:
    """Yield what name and domains say. A domain of the police in somebody else's tenant, such as that of a city or a
    university, says that the tenant serves the police."""
    named = classify_name(name)
    said: list[tuple[Match, str, bool]] = []
    if named is not None:
        said.append((named, f"displayName ({named.pattern})", True))
    for domain, is_default in domains:
        match = classify_domain(domain)
        if match is not None:
            said.append((match, f"verified domain {domain} ({match.pattern})", is_default))
    is_other = any(is_main and match.sector != "law_enforcement" for match, _, is_main in said)
    said.sort(key=lambda item: not item[2])
    sides = [match.sector == "law_enforcement" and not is_main and is_other for match, _, is_main in said]
    for (match, how, _), is_side in zip(said, sides, strict=True):
        yield Found("serves" if is_side else "sector", match.sector, how, "graph")
    # Two countries have a Punjab Police, and two a Poliție: a domain knows better which is meant than a name.
    placed = [
        (match, how) for (match, how, _), is_side in zip(said, sides, strict=True) if match.country and not is_side
    ]
    for match, how in sorted(placed, key=lambda item: item[0] is named):
        yield Found("country", match.country or "", how, "graph")


def _domains(organization: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    """Yield each domain whose ownership was verified, and whether it is the main one; not the name at onmicrosoft.com,
    which whoever comes first may take."""
    listed = organization.get("verifiedDomains")
    for item in cast("list[object]", listed) if isinstance(listed, list) else []:
        if isinstance(item, dict):
            domain = cast("dict[str, Any]", item)
            if (name := _text(domain, "name").lower()) and ".onmicrosoft." not in name:
                yield name, domain.get("isDefault") is True


def of_resource(api: Api, endpoint: str, subscription: str) -> Iterator[Found]:
    """Yield what the tags of the resource behind ``endpoint`` say, and those of its subscription.

    Args:
        subscription: its id, or empty where all that the credential can read are to be searched.
    Raises:
        Refusal: Azure Resource Manager does not tell, or there is no such resource that the credential can read.
    """
    host = host_of(endpoint)
    for item in api.items(_SUBSCRIPTIONS, next_link="nextLink"):
        identifier = _text(item, "subscriptionId")
        if not identifier or (subscription and identifier.lower() != subscription.lower()):
            continue
        for account in api.items(_ACCOUNTS.format(quote(identifier, safe="")), next_link="nextLink"):
            if host in _hosts(account):
                yield from _tags(account, "tag")
                yield from _tags(item, "subscription tag")
                return
    raise Refusal(
        f"{api.base} shows no resource with the endpoint {host}: give the identity the role Reader on it, and check "
        "AZURE_OPENAI_ENDPOINT and AZURE_SUBSCRIPTION_ID",
        is_passing=False,
    )


def _hosts(account: Mapping[str, Any]) -> set[str]:
    properties = account.get("properties")
    if not isinstance(properties, dict):
        return set()
    known = cast("dict[str, Any]", properties)
    endpoints = known.get("endpoints")
    listed = cast("dict[str, Any]", endpoints).values() if isinstance(endpoints, dict) else ()
    return {host_of(url) for url in (known.get("endpoint"), *listed) if isinstance(url, str)}


def _tags(item: Mapping[str, Any], kind: str) -> Iterator[Found]:
    tags = item.get("tags")
    for key, value in sorted(cast("dict[str, Any]", tags).items()) if isinstance(tags, dict) else ():
        if isinstance(value, str):
            for field, said, pattern in classify_tag(key, value):
                yield Found(field, said, f"{kind} {key} ({pattern})", "tags")


def custom_cloud(entries: object) -> Cloud:
    """Return the cloud that the metadata at ``ARM_CLOUD_METADATA_URL`` describes: one of your own, or a test's.

    Raises:
        Refusal: it is not what Azure Resource Manager answers at ``/metadata/endpoints``.
    """
    entry = cast("Any", cast("list[object]", entries)[0] if isinstance(entries, list) and entries else entries)
    try:
        cloud = Cloud(
            name=str(entry["name"]),
            authority=host_of(str(entry["authentication"]["loginEndpoint"])),
            graph=str(entry["microsoftGraphResourceId"]).rstrip("/"),
            resources=str(entry["resourceManager"]).rstrip("/"),
        )
    except (KeyError, TypeError, IndexError):
        raise Refusal(
            "ARM_CLOUD_METADATA_URL does not describe a cloud: name, authentication.loginEndpoint, "
            "microsoftGraphResourceId and resourceManager are needed",
            is_passing=False,
        ) from None
    return cloud


def _text(item: Mapping[str, Any], name: str) -> str:
    value = item.get(name)
    return value.strip() if isinstance(value, str) and value.isprintable() and len(value) <= 512 else ""
