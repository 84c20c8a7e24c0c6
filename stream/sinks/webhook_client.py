"""HTTP client of one webhook target: addresses that were checked, no redirects, no proxies."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from ipaddress import ip_address

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from schemas.errors import StartupError
from stream.process.retry_after import seconds_to_wait
from stream.sinks.public_addresses import PrivateAddressError, is_public, resolve
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
        The target; each has a client of its own, with its own certificates and connections.
    resolve_host
        Resolves its host, for each connection.

    Raises
    ------
    StartupError
        The URL is not valid, or the file of CA certificates can't be read.
    """

    def __init__(self, target: Target, resolve_host: Resolve = resolve) -> None:
        self._target = target
        self._resolve = resolve_host
        try:
            self._url = URL(target.url)
        except ValueError as error:
            raise StartupError(f"expected a URL of {target.name} that is valid: {error}") from None
        self._host, self._port = self._url.raw_host or "", self._url.port or 0
        self._is_private = not target.allow_private and _is_private_literal(self._host)
        self._tls = _tls(target)
        self._opened: aiohttp.ClientSession | None = None

    async def reach(self) -> Answer:
        """Connect without a request, and return whether that worked."""
        return await self._in_time(self._connect())

    async def post(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send a body; returns what came of it and raises nothing of the network."""
        return await self._in_time(self._post(body, headers))

    async def close(self) -> None:
        """Close the connections."""
        if self._opened is not None:
            await self._opened.close()
            self._opened = None

    async def _in_time(self, attempt: Awaitable[Answer]) -> Answer:
        try:
            async with asyncio.timeout(self._target.timeout_seconds):
                return await attempt
        except TimeoutError:
            return Answer(Meaning.UNAVAILABLE, f"no answer in {self._target.timeout_seconds:g} s")
        except PrivateAddressError:
            return Answer(
                Meaning.UNAVAILABLE,
                "its host has no public address: if it is meant to be in a private network, set"
                " allow_private (LEADSCORE_SINK_WEBHOOK_ALLOW_PRIVATE)",
            )
        except aiohttp.ClientConnectorError as error:
            return Answer(Meaning.UNAVAILABLE, type(error.os_error).__name__)
        # UnicodeError: a part of the host's name is too long for the name server.
        except (aiohttp.ClientError, OSError, UnicodeError) as error:
            return Answer(Meaning.UNAVAILABLE, type(error).__name__)

    async def _addresses(self) -> list[str]:
        return await self._resolve(
            self._host, self._port, allows_private=self._target.allow_private
        )

    async def _connect(self) -> Answer:
        failed = Answer(Meaning.UNAVAILABLE, "no address")
        for address in await self._addresses():
            try:
                _, writer = await asyncio.open_connection(address, self._port)
            except OSError as error:
                failed = Answer(Meaning.UNAVAILABLE, type(error).__name__)
                continue
            writer.close()
            await writer.wait_closed()
            return Answer(Meaning.DELIVERED, "connected")
        return failed

    async def _post(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        if self._is_private:  # an address is not resolved
            raise PrivateAddressError
        async with self._session().post(
            self._url, data=body, headers=headers, allow_redirects=False
        ) as answer:
            size = 0
            async for part in answer.content.iter_any():
                size += len(part)
                if size > MOST_ANSWER_BYTES:
                    break
        after = seconds_to_wait(answer.headers.get("retry-after"), time.time())
        return Answer(meaning_of(answer.status), f"HTTP {answer.status}", after)

    def _session(self) -> aiohttp.ClientSession:
        """Return the session; it is made in the event loop that uses it."""
        if self._opened is None:
            self._opened = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    resolver=_CheckedAddresses(self._addresses),
                    use_dns_cache=False,
                    limit=self._target.concurrency,
                    ssl=self._tls,
                ),
                timeout=aiohttp.ClientTimeout(),  # an attempt has one as a whole
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,  # an answer's body is not looked at
                trust_env=False,  # a proxy would connect to an address that was not checked
            )
        return self._opened


class _CheckedAddresses(AbstractResolver):
    """Gives aiohttp the addresses that it may connect to.

    Parameters
    ----------
    addresses
        Returns those of the target's host.
    """

    def __init__(self, addresses: Callable[[], Awaitable[list[str]]]) -> None:
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of the target's host."""
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in await self._addresses()
        ]

    async def close(self) -> None:
        """Do nothing: it holds no connection."""


def _is_private_literal(host: str) -> bool:
    """Return whether a host is an address, and not a public one."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return not is_public(host)


def _tls(target: Target) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=target.ssl_cafile)
    except (OSError, ValueError) as error:
        raise StartupError(
            f"expected CA certificates (PEM) in the file that ssl_cafile of {target.name} names:"
            f" {error}"
        ) from None
