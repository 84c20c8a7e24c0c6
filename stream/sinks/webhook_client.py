"""HTTP client of one webhook target: addresses that were checked, no redirects, no proxies."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping

import httpx

from schemas.errors import StartupError
from stream.process.retry_after import seconds_to_wait
from stream.sinks.public_addresses import PrivateAddressError, resolve
from stream.sinks.webhook_answer import Answer, Meaning, meaning_of
from stream.sinks.webhook_targets import Target

__all__ = ["WebhookClient"]

MOST_ANSWER_BYTES = 65_536
"""Bytes of an answer's body that are read, so that the connection can be used again."""

Resolve = Callable[..., Awaitable[list[str]]]


class WebhookClient:
    """Sends requests to a target.

    Parameters
    ----------
    target
        The target; each has a client of its own, as connections are shared by address.
    resolve_host
        Resolves its host.

    Raises
    ------
    StartupError
        The URL is not valid, or the file of CA certificates can't be read.
    """

    def __init__(self, target: Target, resolve_host: Resolve = resolve) -> None:
        self._target = target
        self._resolve = resolve_host
        try:
            self._url = httpx.URL(target.url)
        except httpx.InvalidURL as error:
            raise StartupError(f"expected a URL of {target.name} that is valid: {error}") from None
        self._host = self._url.raw_host.decode("ascii")
        self._port = self._url.port or (443 if self._url.scheme == "https" else 80)
        self._client = httpx.AsyncClient(
            verify=_tls(target),
            timeout=httpx.Timeout(target.timeout_seconds),
            limits=httpx.Limits(max_connections=target.concurrency),
            follow_redirects=False,
            trust_env=False,  # a proxy would connect to an address that was not checked
        )

    async def reach(self) -> Answer:
        """Connect without a request, and return whether that worked."""
        return await self._in_time(self._connect)

    async def post(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send a body; returns what came of it and raises nothing of the network."""

        async def send() -> Answer:
            return await self._post(body, headers)

        return await self._in_time(send)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _in_time(self, attempt: Callable[[], Awaitable[Answer]]) -> Answer:
        try:
            # httpx limits each step; a receiver that sends a byte now and then would take for ever.
            async with asyncio.timeout(self._target.timeout_seconds):
                return await attempt()
        except TimeoutError:
            return Answer(Meaning.AWAY, f"no answer in {self._target.timeout_seconds:g} s")
        except PrivateAddressError:
            return Answer(
                Meaning.AWAY,
                "its host has no public address: if it is meant to be in a private network, set"
                " allow_private (LEADSCORE_SINK_WEBHOOK_ALLOW_PRIVATE)",
            )
        # UnicodeError: a part of the host's name is too long for the name server.
        except (httpx.HTTPError, httpx.StreamError, OSError, UnicodeError) as error:
            return Answer(Meaning.AWAY, type(error).__name__)

    async def _addresses(self) -> list[str]:
        return await self._resolve(
            self._host, self._port, allows_private=self._target.allow_private
        )

    async def _connect(self) -> Answer:
        for address in await self._addresses():
            try:
                _, writer = await asyncio.open_connection(address, self._port)
            except OSError:
                continue
            writer.close()
            await writer.wait_closed()
            return Answer(Meaning.DELIVERED, "connected")
        return Answer(Meaning.AWAY, "ConnectError")

    async def _post(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        failed = Answer(Meaning.AWAY, "ConnectError")
        for address in await self._addresses():
            try:
                return await self._post_to(address, body, headers)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:  # nothing was sent
                failed = Answer(Meaning.AWAY, type(error).__name__)
        return failed

    async def _post_to(self, address: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        request = self._client.build_request(
            "POST",
            self._url.copy_with(host=address),
            content=body,
            headers={**headers, "Host": self._url.netloc.decode("ascii")},
            # The certificate has to be the one of the name, not of the address.
            extensions={"sni_hostname": self._host},
        )
        answer = await self._client.send(request, stream=True)
        try:
            size = 0
            async for part in answer.aiter_raw():
                size += len(part)
                if size > MOST_ANSWER_BYTES:
                    break
        finally:
            await answer.aclose()
        after = seconds_to_wait(answer.headers.get("retry-after"), time.time())
        return Answer(meaning_of(answer.status_code), f"HTTP {answer.status_code}", after)


def _tls(target: Target) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=target.ssl_cafile)
    except (OSError, ValueError) as error:
        raise StartupError(
            f"expected CA certificates (PEM) in the file that ssl_cafile of {target.name} names:"
            f" {error}"
        ) from None
