"""Requests to one tenant of a CRM: within its rate, with its token, faults as exceptions."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from schemas.errors import FatalError
from stream.crm.access_token import AccessToken
from stream.crm.account import CrmUnavailableError
from stream.crm.token_bucket import TokenBucket
from stream.process.retry_after import seconds_to_wait
from stream.settings import PREFIX

__all__ = ["CrmConnection"]

SECONDS = 30.0
"""Time limit of a connection attempt and of each part of an answer."""


def _no_pause(_: httpx.Response) -> float | None:
    return None


class CrmConnection:
    """Sends requests to a CRM.

    Parameters
    ----------
    title
        Name of the CRM for errors.
    url
        Address of the tenant.
    token
        Gives access tokens.
    bucket
        Delays requests.
    daily_pause
        Returns the seconds to wait if an answer says that the limit of a day is reached, else None.
    """

    def __init__(
        self,
        title: str,
        url: str,
        token: AccessToken,
        bucket: TokenBucket,
        daily_pause: Callable[[httpx.Response], float | None] = _no_pause,
    ) -> None:
        self.title = title
        self._token = token
        self._bucket = bucket
        self._daily_pause = daily_pause
        self._client = httpx.AsyncClient(base_url=url, timeout=SECONDS)

    async def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Send a request; once more with a new token if the CRM says that the token has expired.

        Returns
        -------
        httpx.Response
            A success, or a 4xx that is about the request itself.

        Raises
        ------
        CrmUnavailableError
            The CRM does not answer, answers with 5xx, or a limit is reached.
        FatalError
            The CRM refuses the token.
        """
        for is_last in (False, True):
            await self._bucket.take()
            token = await self._token.get(self._client)
            try:
                answer = await self._client.request(
                    method,
                    path,
                    json=json,
                    content=content,
                    params=params,
                    headers={"Authorization": f"Bearer {token}", **(headers or {})},
                )
            except httpx.HTTPError as error:
                raise CrmUnavailableError(f"{self.title}: {type(error).__name__}") from None
            if answer.status_code != 401:
                break
            if is_last or not self._token.expire():
                raise self._unauthorized()
        self._judge(answer)
        return answer

    def refused(self, answer: httpx.Response, code: str) -> FatalError:
        """Return the error of a request that no retry helps."""
        return FatalError(
            f"expected {self.title} to take the request, but it answers {answer.status_code}"
            f" ({code}): correct {PREFIX}CRM_URL, {PREFIX}CRM_OBJECT, {PREFIX}CRM_KEY and"
            f" {PREFIX}CRM_FIELDS, or the rights of the token (docs/crm.md)"
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def _judge(self, answer: httpx.Response) -> None:
        status = answer.status_code
        pause = self._daily_pause(answer)
        if pause is not None:
            raise CrmUnavailableError(f"{self.title}: the requests of the day are used up", pause)
        if status == 429 or status >= 500:
            pause = seconds_to_wait(answer.headers.get("retry-after"), time.time())
            raise CrmUnavailableError(f"{self.title}: status {status}", pause)

    def _unauthorized(self) -> FatalError:
        return FatalError(
            f"expected {self.title} to accept the access token, but it answers 401: set"
            f" {PREFIX}CRM_TOKEN to a valid one, or {PREFIX}CRM_CLIENT_ID and"
            f" {PREFIX}CRM_CLIENT_SECRET"
        )
