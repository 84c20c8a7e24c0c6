"""Diagnose why Kafka can't be reached, in one sentence with the cause.

aiokafka logs the cause of a failed connection, but does not raise it. This module tries a single
connection. If its failure can have several causes, as when the broker closes it, the
security protocol of the port is probed. The probe never sends a password.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from aiokafka.client import AIOKafkaClient
from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import (
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest

from schemas.errors import StartupError
from stream.fetch.closing import closed
from stream.settings import PREFIX, Settings

__all__ = ["connected", "unreachable"]

ANSWER_LIMIT = 5.0
"""Seconds for one attempt to connect, log in and get an answer."""

CLOSE_LIMIT = 1.0
"""Seconds."""

PROTOCOL = f"{PREFIX}SECURITY_PROTOCOL"
SERVERS = f"{PREFIX}KAFKA_BOOTSTRAP_SERVERS"

EXPIRED, NOT_YET_VALID, OTHER_NAMES = 10, 9, (62, 64)
"""OpenSSL's X509_V_ERR_* codes of a refused certificate; others mean that it is not trusted."""


async def unreachable(connection: Mapping[str, Any]) -> str | None:
    """Return why no bootstrap server can be used; None where one can.

    Parameters
    ----------
    connection
        aiokafka's ``bootstrap_servers`` and security options.
    """
    hosts = [(host, port) for host, port, _ in collect_hosts(connection["bootstrap_servers"])]
    causes = await asyncio.gather(*(_obstacle(connection, *at) for at in hosts))
    if None in causes:
        return None
    return _refusal(connection, "; ".join(str(cause) for cause in dict.fromkeys(causes)))


def _refusal(connection: Mapping[str, Any], cause: str) -> str:
    servers, protocol = connection["bootstrap_servers"], connection["security_protocol"]
    return f"expected Kafka to answer at {servers} ({protocol}), but {cause}"


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[AIOKafkaClient]:
    """Open a connection to Kafka until the body ends.

    Yields
    ------
    AIOKafkaClient
        The connected client.

    Raises
    ------
    StartupError
        Kafka can't be reached, or does not answer the requests of the body; the message has the
        cause and the remedy.
    """
    connection = settings.kafka_client_options()
    if (why := await unreachable(connection)) is not None:
        raise StartupError(why)
    client = AIOKafkaClient(**connection, request_timeout_ms=round(3 * ANSWER_LIMIT * 1000))
    try:
        await client.bootstrap()
        yield client
    except (KafkaError, OSError, TimeoutError) as error:
        raise StartupError(await _lost(connection, client, error)) from error
    finally:
        await closed(client.close())


async def _lost(connection: Mapping[str, Any], client: AIOKafkaClient, error: BaseException) -> str:
    """Return why a cluster can't be used although its bootstrap server answers."""
    for broker in client.cluster.brokers():
        if cause := await _obstacle(connection, broker.host, broker.port):
            return _refusal(
                connection,
                f"clients are sent on to {broker.host}:{broker.port} (the brokers'"
                f" advertised.listeners), and {cause}",
            )
    return _refusal(connection, f"its answer was {error!r}: look into the log of the brokers")


async def _obstacle(connection: Mapping[str, Any], host: str, port: int) -> str | None:
    """Return why one broker can't be used, with what to do; None where it can."""
    at = f"{host}:{port}"
    try:
        async with asyncio.timeout(ANSWER_LIMIT):
            await _try(connection, host, port)
    except ssl.SSLCertVerificationError as error:
        return _certificate_fault(error, host, at)
    except (KafkaError, OSError, TimeoutError) as error:
        return (
            _log_in_fault(error, connection, at)
            or _network_fault(error, host, at)
            or _own_certificate_fault(error, at)
            or await _protocol_fault(connection, host, port)
            or f"{at} does not answer as Kafka does: {str(error) or type(error).__name__}: check"
            f" {SERVERS} and {PROTOCOL}"
        )
    return None


async def _try(connection: Mapping[str, Any], host: str, port: int) -> None:
    """Connect, log in and ask: a broker that wants a log-in hangs up only then."""
    options = {name: value for name, value in connection.items() if name != "bootstrap_servers"}
    opened = await create_conn(host, port, request_timeout_ms=round(ANSWER_LIMIT * 1000), **options)
    try:
        await opened.send(MetadataRequest([]))
    finally:
        await _close(opened)


async def _close(opened: Any) -> None:
    """Close a connection, and wait for it: the loop may end next."""
    with suppress(TimeoutError):
        async with asyncio.timeout(CLOSE_LIMIT):
            await opened.close()


def _certificate_fault(error: ssl.SSLCertVerificationError, host: str, at: str) -> str:
    whose = f"the certificate of {at}"
    if error.verify_code == EXPIRED:
        return f"{whose} has expired: renew it on the broker"
    if error.verify_code == NOT_YET_VALID:
        return f"{whose} is not valid yet: check the clocks here and where it was made"
    if error.verify_code in OTHER_NAMES:
        return (
            f"{whose} is not for the name {host}: use a name of the certificate in {SERVERS}, or"
            " give the broker a certificate with this name"
        )
    return (
        f"{whose} is not trusted here ({error.verify_message}): set {PREFIX}SSL_CAFILE to the"
        " certificate of the authority that signed it"
    )


def _log_in_fault(error: BaseException, connection: Mapping[str, Any], at: str) -> str | None:
    mechanism, user = connection.get("sasl_mechanism"), connection.get("sasl_plain_username")
    if isinstance(error, SaslAuthenticationFailed):
        return (
            f"{at} refused the log-in of user {user} by {mechanism}: the user is unknown or the"
            f" password is wrong: set {PREFIX}SASL_USERNAME and {PREFIX}SASL_PASSWORD"
        )
    if isinstance(error, UnsupportedSaslMechanismError):
        return f"{at} does not offer {mechanism} for log-in: set {PREFIX}SASL_MECHANISM"
    return None


def _network_fault(error: BaseException, host: str, at: str) -> str | None:
    if isinstance(error, socket.gaierror):
        return f"the host name {host} is not known ({error.strerror}): check {SERVERS} and DNS"
    if isinstance(error, ConnectionRefusedError) or f"[Errno {errno.ECONNREFUSED}]" in str(error):
        return f"nothing listens at {at}: start Kafka, or set {SERVERS} to where it is"
    if isinstance(error, OSError) and error.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH):
        return f"there is no way to {at} ({error.strerror}): check {SERVERS} and the network"
    return None


def _own_certificate_fault(error: BaseException, at: str) -> str | None:
    """Return the message for a TLS alert: the broker wants a (different) client certificate."""
    refused = error if isinstance(error, ssl.SSLError) else error.__cause__
    if not (isinstance(refused, ssl.SSLError) and "CERTIFICATE" in (refused.reason or "")):
        return None
    return (
        f"{at} refused this client's certificate or wants one ({refused.reason}): set"
        f" {PREFIX}SSL_CERTFILE and {PREFIX}SSL_KEYFILE to one that is valid and that it trusts"
    )


async def _protocol_fault(connection: Mapping[str, Any], host: str, port: int) -> str | None:
    """Return the message for a port that speaks another protocol than the configured one."""
    ours, spoken = str(connection["security_protocol"]), await _spoken_at(host, port)
    if spoken in (None, ours):
        return None
    return f"{host}:{port} speaks {spoken}, and {PROTOCOL} is {ours}: set it to {spoken}"


async def _spoken_at(host: str, port: int) -> str | None:
    """Return the security protocol of a port; None if neither TLS nor plaintext gets an answer."""
    for protocol, context in (("PLAINTEXT", None), ("SSL", _any_certificate())):
        with suppress(KafkaError, OSError, TimeoutError):
            async with asyncio.timeout(ANSWER_LIMIT / 2):
                opened = await create_conn(
                    host, port, security_protocol=protocol, ssl_context=context
                )
                try:
                    return protocol if await _answers(opened) else f"SASL_{protocol}"
                finally:
                    await _close(opened)
    return None


async def _answers(opened: Any) -> bool:
    """Return whether a broker answers a request of a client that has not logged in."""
    try:
        await opened.send(MetadataRequest([]))
    except KafkaError:
        return False
    return True


def _any_certificate() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
