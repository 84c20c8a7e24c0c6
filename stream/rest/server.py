"""Runs the REST server: the HTTP server, the model, and the micro-batches."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from monitoring.telemetry.health import Condition, Health
from monitoring.telemetry.metrics import worker_registry
from monitoring.telemetry.rest_metrics import RestMetrics
from schemas.errors import StartupError
from schemas.store import SchemaStore
from stream.kafka.access import Use
from stream.kafka.probe import BrokerProbe
from stream.process.heartbeat import beat
from stream.rest.app import Service, direct_endpoints, make_app
from stream.rest.http_server import serve_until
from stream.rest.lead_lookups import LeadLookups
from stream.rest.lead_writer import LeadWriter, make_lead_writer
from stream.rest.legacy import CircuitBreaker, LegacyApi
from stream.rest.line_files import LineFiles
from stream.rest.micro_batches import MicroBatches
from stream.rest.middleware import MiddlewareOptions, RestMiddleware
from stream.rest.model_service import ModelService
from stream.rest.prediction_cache import PredictionCache
from stream.rest.predictions import Predictions
from stream.rest.rate_limit import RateLimit
from stream.rest.request_log import RequestLog
from stream.rest.scoring import score_leads
from stream.scoring.grading import grades_of
from stream.settings import PREFIX, Settings

__all__ = ["RestServer"]

LOCAL = ("127.0.0.1", "::1", "localhost")


class RestServer:
    """The REST server of a process.

    Parameters
    ----------
    settings
        Address, rules, registry and model.

    Raises
    ------
    StartupError
        The address is not this machine's own, and neither a token nor client certificates are set;
        the lead store is none, or the rules of grades are not valid.

    Attributes
    ----------
    asgi
        The whole application.
    models, batches, lookups, writer, log
        To be run beside it: ``run`` does.
    """

    def __init__(self, settings: Settings) -> None:
        _require_guard(settings)
        self._settings = settings
        registry: CollectorRegistry = worker_registry()
        self._metrics = RestMetrics(registry)
        needed = [Condition.BROKER_REACHED] if settings.rest_write_leads else []
        self._health = Health(time.monotonic(), conditions=[Condition.MODEL_LOADED, *needed])
        self._metrics.show_ready(lambda: self._health.ready()[0])
        self.models = ModelService(settings, self._metrics, self._health)
        self.batches = MicroBatches(
            lambda leads: score_leads(self.models.serving, leads),
            self._metrics.scored_batch,
            settings.rest_max_waiting_leads,
        )
        self.lookups = _lookups(settings, self._metrics)
        self._probe = BrokerProbe(settings.kafka_client_options())
        self.writer = self._writer() if settings.rest_write_leads else None
        self.log = None if settings.rest_log is None else self._log(settings.rest_log)
        self._legacy = (
            None
            if settings.rest_legacy_url is None
            else LegacyApi(settings.rest_legacy_url, CircuitBreaker())
        )
        self.asgi = self._application(registry)

    def _application(self, registry: CollectorRegistry) -> ASGIApp:
        settings, service = self._settings, self._service(registry)
        options = MiddlewareOptions(
            token=None if settings.rest_token is None else settings.rest_token.get_secret_value(),
            needs_certificate=settings.rest_client_cafile is not None,
            rate=RateLimit(settings.rest_rate_limit, is_enforced=settings.rest_enforce_rate_limit),
            body_bytes=settings.rest_max_body_bytes,
            seconds=settings.rest_timeout_seconds,
        )
        middleware: ASGIApp = RestMiddleware(
            make_app(service), options, self._metrics, self.log, direct_endpoints(service)
        )
        if not settings.rest_cors_origins:
            return middleware
        return CORSMiddleware(
            middleware,
            allow_origins=settings.rest_cors_origins,
            allow_methods=["GET", "POST"],
            allow_headers=["authorization", "content-type", "x-request-id"],
            expose_headers=["x-request-id", "x-ratelimit-remaining", "x-ratelimit-reset"],
        )

    def _service(self, registry: CollectorRegistry) -> Service:
        settings = self._settings
        cache = PredictionCache(
            settings.rest_cache_seconds, settings.rest_cache_entries, self._metrics.looked_up
        )
        store = SchemaStore.load(*settings.schema_folders)
        contract = store.by_name(settings.contract or "lead_created")
        scored = store.by_name("lead_scored")
        assert scored is not None
        if contract is None:
            raise StartupError(
                f"expected a schema with the name {settings.contract} ({PREFIX}CONTRACT): set"
                f" {PREFIX}SCHEMA_DIR to the folder that has it"
            )
        grades = grades_of(settings, store, None)
        return Service(
            predictions=Predictions(
                self.batches, cache, lambda: self.models.sha256, self.writer, grades
            ),
            lookups=self.lookups,
            log=self.log,
            legacy=self._legacy,
            health=self._health,
            registry=registry,
            models=self.models.models,
            model_info=self.models.info,
            stage=lambda: self.models.stage,
            contract=contract,
            scored=scored,
            has_grades=grades is not None,
        )

    def _writer(self) -> LeadWriter:
        count = self._metrics.wrote_leads
        return make_lead_writer(
            self._settings, Use.SERVE, self._probe.ask, self._health, count=count
        )

    def _log(self, folder: Path) -> RequestLog:
        settings = self._settings

        def files(stem: str) -> LineFiles:
            return LineFiles(
                folder,
                stem,
                rotate_bytes=settings.sink_rotate_mb << 20,
                rotate_seconds=settings.sink_rotate_seconds,
                compression=settings.sink_compression,
            )

        return RequestLog(
            files("requests"),
            files("predictions"),
            settings.rest_log_content,
            self._metrics.dropped_lines,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until the event is set.

        Raises
        ------
        StartupError
            The address is not available, or a certificate can't be read.
        """
        parts: list[Callable[[], Coroutine[Any, Any, None]]] = [
            self.models.run,
            self.batches.run,
            partial(beat, self._health),
        ]
        further = (self.lookups, self.writer, self.log)
        parts += [part.run for part in further if part is not None]
        try:
            await serve_until(stop, self.asgi, self._settings, parts)
        finally:
            await self._close()

    async def _close(self) -> None:
        """Close what the parts hold, once nothing is answered any more."""
        if self.writer is not None:
            await self.writer.close()
        await self._probe.close()
        if self.lookups is not None:
            await self.lookups.close()
        if self.log is not None:
            await self.log.write()
        if self._legacy is not None:
            await self._legacy.close()


def _lookups(settings: Settings, metrics: RestMetrics) -> LeadLookups | None:
    if settings.rest_lead_store is None:
        return None
    try:
        from stream.rest.sql_lead_store import open_lead_store
    except ModuleNotFoundError as error:
        raise StartupError(
            f"{PREFIX}REST_LEAD_STORE needs {error.name}: install leadscore[sql]"
        ) from None
    return LeadLookups(open_lead_store(settings), metrics)


def _require_guard(settings: Settings) -> None:
    """Refuse to serve scores to other machines without authentication."""
    is_guarded = settings.rest_token is not None or settings.rest_client_cafile is not None
    if settings.rest_host not in LOCAL and not is_guarded:
        raise StartupError(
            f"expected a token or client certificates, as {PREFIX}REST_HOST={settings.rest_host}"
            f" serves other machines: set {PREFIX}REST_TOKEN, or {PREFIX}REST_CERTFILE and"
            f" {PREFIX}REST_CLIENT_CAFILE"
        )
