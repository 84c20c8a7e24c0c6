"""Monitoring of a worker in any role: one HTTP port for health and metrics."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mode import Service
from prometheus_client import CollectorRegistry

from monitoring.telemetry.health import Condition, Health
from monitoring.telemetry.http import MonitoringServer, monitoring_app
from monitoring.telemetry.metrics import worker_registry
from schemas.errors import StartupError
from stream.kafka.probe import BrokerProbe
from stream.process.heartbeat import HEARTBEAT
from stream.settings import PREFIX, Settings

__all__ = ["STALL_LIMIT", "Monitor", "verify_port_file"]

log = logging.getLogger(__name__)

PROBE_INTERVAL = 5.0
"""Seconds between two probes of Kafka."""
STALL_LIMIT = 120.0
"""Seconds without progress, despite work, after which a worker exits."""


def verify_port_file(file: Path) -> None:
    """Check that the port file can be written, without changing it.

    Raises
    ------
    StartupError
        It can't be written.
    """
    with _refused_file(file):
        exists = file.exists()
        with file.open("a"):
            pass
        if not exists:
            file.unlink()


@contextmanager
def _refused_file(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StartupError(
            f"expected to write the port of health and metrics to {file}, but"
            f" {error.strerror or error}: set {PREFIX}HTTP_PORT_FILE to a file in a folder that is"
            " there and can be written"
        ) from error


def _no_model() -> None:
    return None


class Monitor(Service):
    """Health, metrics and the HTTP port of a worker.

    Parameters
    ----------
    settings
        Address to listen on, and Kafka's address.
    conditions
        Conditions of readiness.

    Attributes
    ----------
    registry, health
        Updated by the worker's roles.
    model_info
        Returns the description of the loaded model.
    """

    def __init__(self, settings: Settings, conditions: Collection[Condition]) -> None:
        super().__init__()
        self.settings = settings
        self.registry: CollectorRegistry = worker_registry(
            "shadow" if settings.role == "shadow" else None
        )
        self.health = Health(
            time.monotonic(),
            conditions=(*conditions, Condition.BROKER_REACHED),
            stall_limit=STALL_LIMIT,
        )
        self.model_info: Callable[[], Mapping[str, Any] | None] = _no_model
        self._server = MonitoringServer(
            monitoring_app(
                registry=self.registry,
                health=self.health,
                model_info=lambda: self.model_info(),
                clock=time.monotonic,
            ),
            host=settings.http_host,
            port=settings.http_port,
        )
        self._started_at = time.monotonic()
        self._was_ready = False
        self._probe = BrokerProbe(settings.kafka_client_options())

    async def on_start(self) -> None:
        """Open the HTTP port, and write its number to the file that the settings name."""
        await self._server.start()
        if (file := self.settings.http_port_file) is not None:
            with _refused_file(file):
                file.write_text(f"{self._server.port}\n")
        log.info("listening", extra={"host": self.settings.http_host, "port": self._server.port})

    async def on_stop(self) -> None:
        """Close the HTTP port."""
        await self._probe.close()
        await self._server.stop()

    @Service.task
    async def _beat(self) -> None:
        """Send heartbeats of the event loop to the health state."""
        while not self.should_stop:
            self.health.heartbeat(time.monotonic())
            self._log_readiness()
            await self.sleep(HEARTBEAT)

    def _log_readiness(self) -> None:
        """Log changes of readiness."""
        is_ready, detail = self.health.ready()
        if is_ready is self._was_ready:
            return
        self._was_ready = is_ready
        if is_ready:
            log.info("ready", extra={"seconds": round(time.monotonic() - self._started_at, 1)})
        else:
            reasons = [at["reason"] for at in detail["conditions"].values() if not at["met"]]
            log.warning("not ready", extra={"reasons": reasons})

    @Service.task
    async def _probe_broker(self) -> None:
        """Probe Kafka, and update the health state."""
        while not self.should_stop:
            reason = await self._probe.ask()
            if reason is None:
                self.health.meet(Condition.BROKER_REACHED)
            else:
                log.warning(reason)
                self.health.miss(Condition.BROKER_REACHED, reason)
            await self.sleep(PROBE_INTERVAL)
