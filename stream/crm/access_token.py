"""Access tokens of a CRM: one from the settings, or from OAuth's client credentials grant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import httpx

from schemas.errors import FatalError
from stream.crm.account import CrmUnavailableError, plain_code
from stream.settings import PREFIX

__all__ = ["AccessToken", "ClientCredentials", "FixedToken"]

EARLY = 60.0
"""Seconds before its end at which a token is replaced."""


class AccessToken(Protocol):
    """Returns the token of a request."""

    async def get(self, client: httpx.AsyncClient) -> str:
        """Return a token.

        Raises
        ------
        CrmUnavailableError
            The server of tokens does not answer.
        FatalError
            It refuses these credentials.
        """

    def expire(self) -> bool:
        """Drop a token that was refused; return whether there can be another one."""


class FixedToken:
    """A token that is valid until it is revoked."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def get(self, client: httpx.AsyncClient) -> str:
        """Return the token."""
        return self._token

    def expire(self) -> bool:
        """Return False: there is no other token."""
        return False


class ClientCredentials:
    """Tokens of OAuth 2.0's client credentials grant (RFC 6749, section 4.4).

    Parameters
    ----------
    url
        The token endpoint.
    client_id, client_secret
        The credentials.
    scope
        What the token is for; empty: nothing is sent.
    now
        Returns the time in seconds.
    """

    def __init__(
        self, url: str, client_id: str, client_secret: str, scope: str, now: Callable[[], float]
    ) -> None:
        self._url = url
        self._form = {
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": client_secret,
        } | ({"scope": scope} if scope else {})
        self._now = now
        self._token = ""
        self._until = 0.0

    async def get(self, client: httpx.AsyncClient) -> str:
        """Return the token, a new one shortly before its end."""
        if not self._token or self._now() > self._until:
            await self._request(client)
        return self._token

    def expire(self) -> bool:
        """Drop the token; return True: the next one is requested."""
        self._token = ""
        return True

    async def _request(self, client: httpx.AsyncClient) -> None:
        where = httpx.URL(self._url).host
        try:
            answer = await client.post(self._url, data=self._form)
        except httpx.HTTPError as error:
            raise CrmUnavailableError(f"{where} gives no token: {type(error).__name__}") from None
        if answer.status_code == 429 or answer.status_code >= 500:
            raise CrmUnavailableError(f"{where} gives no token: status {answer.status_code}")
        try:
            found = answer.json()
            if answer.status_code == 200:
                self._token = str(found["access_token"])
                # Salesforce's answer has no expires_in: its session ends with a 401.
                self._until = self._now() + float(found.get("expires_in", 3600)) - EARLY
                return
            code = plain_code(found.get("error"))
        except (ValueError, KeyError, TypeError, AttributeError):
            code = "unknown"
        raise FatalError(
            f"expected {where} to give an access token, but it answers {answer.status_code}"
            f" ({code}): correct {PREFIX}CRM_CLIENT_ID, {PREFIX}CRM_CLIENT_SECRET and"
            f" {PREFIX}CRM_TOKEN_URL"
        )
