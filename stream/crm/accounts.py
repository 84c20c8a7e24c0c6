"""Every CRM that LeadScore writes to, by its name, and an account of it from the settings."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import httpx

from schemas.errors import StartupError
from stream.crm import hubspot, salesforce
from stream.crm.access_token import AccessToken, ClientCredentials, FixedToken
from stream.crm.account import CrmAccount
from stream.crm.connection import CrmConnection
from stream.crm.dynamics import DynamicsAccount
from stream.crm.token_bucket import TokenBucket
from stream.settings import PREFIX, Settings

__all__ = ["CRMS", "Crm", "make_account"]


@dataclass(frozen=True, slots=True)
class Crm:
    """A CRM, and its defaults.

    Attributes
    ----------
    make
        Makes an account, given its connection, the kind of record and the key.
    object_type
        Default kind of record.
    property_of
        Returns the default property of a field.
    rate, burst
        Requests per second on average, and at once after a pause: below the limits of the CRM's
        smallest account, so that there is room for others.
    url
        Default address.
    token_path
        Path of the token endpoint at the CRM's address; empty: it is elsewhere.
    scope
        Scope of a token, with the address as ``{}``.
    daily_pause
        Reads from an answer that the limit of a day is reached.
    """

    make: Callable[[CrmConnection, str, str], CrmAccount]
    object_type: str
    property_of: Callable[[str], str]
    rate: float
    burst: int
    url: str = ""
    token_path: str = ""
    scope: str = ""
    daily_pause: Callable[[httpx.Response], float | None] = lambda _: None


CRMS: Mapping[str, Crm] = {
    "hubspot": Crm(
        hubspot.HubSpotAccount,
        "contacts",
        "leadscore_{}".format,
        rate=8.0,
        burst=20,
        url="https://api.hubapi.com",
        daily_pause=hubspot.daily_pause,
    ),
    "salesforce": Crm(
        salesforce.SalesforceAccount,
        "Lead",
        lambda field: f"LeadScore_{field.title()}__c",
        rate=10.0,
        burst=20,
        token_path="/services/oauth2/token",
        daily_pause=salesforce.daily_pause,
    ),
    "dynamics": Crm(
        DynamicsAccount,
        "leads",
        "new_leadscore_{}".format,
        rate=15.0,
        burst=100,
        scope="{}/.default",
    ),
}


def make_account(name: str, settings: Settings) -> CrmAccount:
    """Make an account of a CRM, without connecting.

    Raises
    ------
    StartupError
        A setting is missing.
    """
    crm = CRMS[name]
    url = settings.crm_url or crm.url
    if not url:
        raise StartupError(f"expected the address of the CRM: set {PREFIX}CRM_URL")
    if not settings.crm_key:
        raise StartupError(
            f"expected the property that holds lead_id: set {PREFIX}CRM_KEY to a property with"
            " unique values, or to the CRM's own id (docs/crm.md)"
        )
    rate = settings.crm_requests_per_second or crm.rate
    connection = CrmConnection(
        name.title(),
        url,
        _token(crm, url, settings),
        TokenBucket(rate, crm.burst, now=time.monotonic),
        crm.daily_pause,
    )
    return crm.make(connection, settings.crm_object or crm.object_type, settings.crm_key)


def _token(crm: Crm, url: str, settings: Settings) -> AccessToken:
    if settings.crm_token is not None:
        return FixedToken(settings.crm_token.get_secret_value())
    token_url = settings.crm_token_url or (crm.token_path and url + crm.token_path)
    if settings.crm_client_id is None or settings.crm_client_secret is None or not token_url:
        raise StartupError(
            f"expected access to the CRM: set {PREFIX}CRM_TOKEN, or {PREFIX}CRM_CLIENT_ID,"
            f" {PREFIX}CRM_CLIENT_SECRET and {PREFIX}CRM_TOKEN_URL"
        )
    return ClientCredentials(
        token_url,
        settings.crm_client_id,
        settings.crm_client_secret.get_secret_value(),
        crm.scope.format(url),
        time.monotonic,
    )
