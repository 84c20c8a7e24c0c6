"""The HTTP server of a process: uvicorn with limits, beside the tasks that the process runs."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from schemas.errors import StartupError
from stream.process.background_tasks import BackgroundTasks
from stream.rest.middleware import HAS_CERTIFICATE
from stream.settings import PREFIX, Settings

__all__ = ["serve_until"]

log = logging.getLogger(__name__)

HEAD_SECONDS = 10.0
"""Seconds for the head of a connection's first request; uvicorn has no limit of its own."""
IDLE_SECONDS = 30
"""Seconds for which a connection may stay open without a request."""
CONNECTIONS = 1000
"""Connections and requests at once; one beyond them gets 503."""


class _TimedProtocol(HttpToolsProtocol):
    """Closes a connection that does not send the head of its first request in time.

    It also notes whether the client has presented a certificate.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._head_limit = self.loop.call_later(HEAD_SECONDS, transport.abort)

    def on_headers_complete(self) -> None:
        self._head_limit.cancel()
        encryption = self.transport.get_extra_info("ssl_object")
        self.scope["state"][HAS_CERTIFICATE] = bool(encryption and encryption.getpeercert())
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_limit.cancel()
        super().connection_lost(exc)


class _Server(uvicorn.Server):
    """uvicorn's server, without handlers of signals: the caller has them."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve_until(
    stop: asyncio.Event,
    asgi: ASGIApp,
    settings: Settings,
    parts: Sequence[Callable[[], Coroutine[Any, Any, None]]],
) -> None:
    """Serve an application, and run its parts beside it, until the event is set.

    Parameters
    ----------
    stop
        Ends the server; requests under way are answered before.
    asgi
        The application.
    settings
        Address and certificates.
    parts
        Run until they are cancelled; an error of one ends the server.

    Raises
    ------
    StartupError
        The address is not available, or a certificate can't be read.
    """
    config = _config(asgi, settings)
    listening = _listen(settings)
    server = _Server(config)
    failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def crash(error: BaseException) -> None:
        if not failed.done():
            failed.set_exception(error)

    tasks = BackgroundTasks(crash)
    for part in parts:
        tasks.start(part())
    stopping = asyncio.ensure_future(stop.wait())
    serving = asyncio.ensure_future(server.serve(sockets=[listening]))
    log.info(
        "listening",
        extra={"host": settings.rest_host, "port": listening.getsockname()[1]},
    )
    try:
        ending: set[asyncio.Future[Any]] = {stopping, serving, failed}
        await asyncio.wait(ending, return_when=asyncio.FIRST_COMPLETED)
        if failed.done():
            failed.result()
    finally:
        server.should_exit = True
        await serving
        stopping.cancel()
        await tasks.cancel()
        failed.cancel()


def _config(asgi: ASGIApp, settings: Settings) -> uvicorn.Config:
    options: dict[str, Any] = {}
    if settings.rest_certfile is not None:
        options |= {"ssl_certfile": settings.rest_certfile}
    if settings.rest_keyfile is not None:
        options |= {"ssl_keyfile": settings.rest_keyfile}
    if settings.rest_client_cafile is not None:
        options |= {
            "ssl_ca_certs": str(settings.rest_client_cafile),
            "ssl_cert_reqs": ssl.CERT_OPTIONAL,  # probes of health have none; see the middleware
        }
    config = uvicorn.Config(
        asgi,
        http=_TimedProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",  # else any port scanner fills the log
        access_log=False,
        server_header=False,
        limit_concurrency=CONNECTIONS,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=round(settings.stop_timeout_seconds),
        **options,
    )
    try:
        config.load()
    except (OSError, ssl.SSLError) as error:
        raise StartupError(
            f"expected {PREFIX}REST_CERTFILE, {PREFIX}REST_KEYFILE and"
            f" {PREFIX}REST_CLIENT_CAFILE to be PEM files that belong together, but {error}"
        ) from error
    return config


def _listen(settings: Settings) -> socket.socket:
    try:
        return socket.create_server(
            (settings.rest_host, settings.rest_port),
            family=socket.AF_INET6 if ":" in settings.rest_host else socket.AF_INET,
            backlog=2048,
        )
    except OSError as error:
        raise StartupError(
            f"expected to listen on {settings.rest_host}:{settings.rest_port}, but"
            f" {error.strerror or error}: set {PREFIX}REST_HOST and {PREFIX}REST_PORT to an address"
            " that is free (port 0 takes any)"
        ) from error
