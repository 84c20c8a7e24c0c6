"""The HTTP port of a process: health, readiness, metrics and the model."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from html import escape
from types import TracebackType
from typing import Any, Self

import orjson
from aiohttp import hdrs, web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.aiohttp import make_aiohttp_handler
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, choose_encoder

from monitoring.telemetry.connections import BoundedListener, ConnectionLimits
from monitoring.telemetry.health import Health
from schemas.errors import StartupError

__all__ = ["MonitoringServer", "metrics_server", "monitoring_app"]

ENDPOINTS = {
    "/healthz": "200 when the worker is alive; 503 when a restart would help",
    "/readyz": "200 when the worker can score; 503 and the reasons when it can't",
    "/metrics": "metrics in Prometheus' text format",
    "/model-info": "the model that scores; 503 when there is none",
}
STOP_LIMIT = 1.0
"""Seconds that a request may still take when the server stops."""
LINGER_LIMIT = 1.0
"""Seconds for which the body of an answered request is still read and discarded."""


class _WithoutBadRequests(logging.Filter):
    """Suppresses log records of requests that are not HTTP; they are answered with 400.

    aiohttp logs an error with a traceback for each, so any port scanner could fill the log.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        return not isinstance(error, HttpProcessingError)


log = logging.getLogger(__name__)
log.addFilter(_WithoutBadRequests())


class MonitoringServer:
    """Serves an app of this module while open: ``async with MonitoringServer(...) as server``.

    Parameters
    ----------
    app
        The application.
    host, port
        Address to listen on; port 0 picks a free one.
    setting
        Settings that define the address, for the error message.
    limits
        Limits on what clients may use.
    """

    def __init__(
        self,
        app: web.Application,
        *,
        host: str,
        port: int,
        setting: str = "LEADSCORE_HTTP_HOST and LEADSCORE_HTTP_PORT",
        limits: ConnectionLimits = ConnectionLimits(),  # noqa: B008 - it is frozen
    ) -> None:
        app.on_response_prepare.append(_close_afterwards)
        self._runner = web.AppRunner(
            app,
            access_log=None,
            logger=log,
            shutdown_timeout=STOP_LIMIT,
            lingering_time=LINGER_LIMIT,
            auto_decompress=False,  # no body is read, and a small one may decompress to a large one
        )
        self._setting = setting
        self._limits = limits
        self._listener: BoundedListener | None = None
        self._host = host
        self._port = port

    @property
    def port(self) -> int:
        """The port of the server, known once it is started."""
        if self._listener is None or (port := self._listener.port) is None:
            raise RuntimeError("the port is known once the server is started: await start() first")
        return port

    async def start(self) -> None:
        """Start to listen.

        Raises
        ------
        StartupError
            The address is not available.
        """
        await self._runner.setup()
        assert self._runner.server is not None
        self._listener = BoundedListener(self._runner.server, self._limits)
        try:
            await self._listener.start(self._host, self._port)
        except OSError as error:
            await self._runner.cleanup()
            raise StartupError(
                f"expected to listen on {self._host}:{self._port} for health and metrics,"
                f" but {error.strerror or error}; set {self._setting}"
                " to an address that is free (port 0 takes any)"
            ) from error

    async def stop(self) -> None:
        """Stop listening; may be called more than once."""
        if self._listener is not None:
            await self._listener.stop_accepting()
        await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()


def monitoring_app(
    *,
    registry: CollectorRegistry,
    health: Health,
    model_info: Callable[[], Mapping[str, Any] | None],
    clock: Callable[[], float],
) -> web.Application:
    """Build the application that serves a worker's health, metrics and model.

    Parameters
    ----------
    registry
        The metrics to expose.
    health
        The worker's health.
    model_info
        Returns the description of the loaded model, None when there is none.
    clock
        The monotonic clock that ``health`` uses, in seconds.
    """

    async def healthz(_: web.Request) -> web.Response:
        is_alive, detail = health.alive(clock())
        return _json(detail, is_alive)

    async def readyz(_: web.Request) -> web.Response:
        is_ready, detail = health.ready()
        return _json({**detail, "losses": health.losses(clock())}, is_ready)

    async def model(_: web.Request) -> web.Response:
        if (info := model_info()) is None:
            return _json({"error": "no model is loaded: /readyz has the reason"}, False)
        return _json(info, True)

    return _app(
        {
            "/": _index,
            "/healthz": healthz,
            "/readyz": readyz,
            "/metrics": _metrics(registry),
            "/model-info": model,
        }
    )


def metrics_server(registry: CollectorRegistry, host: str, port: int) -> MonitoringServer:
    """Return the server of a command that exposes metrics alone, on its option ``--port``."""
    return MonitoringServer(
        _app({"/metrics": _metrics(registry)}),
        host=host,
        port=port,
        setting="LEADSCORE_HTTP_HOST and --port",
    )


def _app(handlers: Mapping[str, Handler]) -> web.Application:
    app = web.Application()
    app.add_routes([web.get(path, handler) for path, handler in handlers.items()])
    return app


async def _close_afterwards(_: web.Request, response: web.StreamResponse) -> None:
    """Close the connection after its response: one request each, so one deadline covers it all."""
    response.headers[hdrs.CONNECTION] = "close"
    response.force_close()


def _metrics(registry: CollectorRegistry) -> Handler:
    """Serve metrics in the format of the Accept header, or plain text if it names none."""
    expose = make_aiohttp_handler(registry)

    async def metrics(request: web.Request) -> web.StreamResponse:
        try:
            choose_encoder(",".join(request.headers.getall(hdrs.ACCEPT, [])))
        except (TypeError, ValueError):
            plain = {hdrs.CONTENT_TYPE: CONTENT_TYPE_PLAIN_0_0_4}
            return web.Response(body=generate_latest(registry), headers=plain)
        return await expose(request)

    return metrics


async def _index(_: web.Request) -> web.Response:
    rows = "".join(
        f'<li><a href="{path}">{path}</a>: {escape(sentence)}</li>'
        for path, sentence in ENDPOINTS.items()
    )
    return web.Response(
        text=f"<!doctype html><title>LeadScore</title><h1>LeadScore</h1><ul>{rows}</ul>",
        content_type="text/html",
    )


def _json(content: Mapping[str, Any], is_good: bool) -> web.Response:
    return web.Response(
        body=orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE),
        status=200 if is_good else 503,
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
