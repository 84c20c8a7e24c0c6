"""The Faust app of a worker, with LeadScore's settings and only the services that a role needs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import faust

from schemas.errors import FatalError
from stream.crash_reason import crash_reason
from stream.faust_transport import LenientTransport
from stream.fetch.silent_connections import limit_heartbeats
from stream.process.model_trial import Trials
from stream.schema_registry.opened import open_lookup
from stream.settings import Settings
from stream.worker import Worker

__all__ = ["App"]

log = logging.getLogger(__name__)


TOPIC_ROLES = ("drift", "all", "rollout", "trainer")
"""Roles with agents of stock Faust."""
Checks = Callable[["App"], Awaitable[None]]


class WithoutTopics(faust.App.BootStrategy):
    """A worker without topic agents: Faust's consumer, producer and web server are not started.

    `faust worker` would start the web server regardless of the app, and its port would be taken for
    a second worker on the same host.
    """

    enable_kafka_consumer = False
    enable_kafka_producer = False
    enable_web = False


class WithTopics(faust.App.BootStrategy):
    """A worker with agents on topics and with tables."""

    enable_web = False


class App(faust.App):
    """Faust's app, with LeadScore's settings and only the services that a role needs.

    Parameters
    ----------
    settings
        The worker's settings.
    checks
        Start-up checks; raise a FatalError with one sentence.
    options
        Further options of Faust's app.

    Attributes
    ----------
    schemas
        Looks up schema ids in the schema registry; None: the settings name none, or the role needs
        no schemas.
    stopped_for
        The logged error that ended the worker; None if there is none.
    """

    def __init__(self, settings: Settings, checks: Checks, **options: Any) -> None:
        self.settings = settings
        self._checks = checks
        self.trials = Trials()
        reads_schemas = settings.is_scorer or settings.role in ("sink", "rollout", "outcomes")
        self.schemas = open_lookup(settings) if reads_schemas else None
        self.stopped_for: FatalError | None = None
        self._crashing: asyncio.Future[None] | None = None
        limit_heartbeats(settings.session_timeout_ms / 1000)
        self.BootStrategy = WithTopics if settings.role in TOPIC_ROLES else WithoutTopics
        group = settings.role if settings.role in ("rollout", "trainer") else "drift"
        super().__init__(
            # Not the group of the batch source, which Faust does not join.
            f"{settings.group_id}-{group}",
            broker=[f"kafka://{server}" for server in settings.kafka_bootstrap_servers.split(",")],
            web_enabled=False,
            Worker=Worker,
            loghandlers=[],
            store="memory://",
            broker_credentials=_credentials(settings),
            broker_session_timeout=settings.session_timeout_ms / 1000,
            broker_heartbeat_interval=settings.session_timeout_ms / 1000 * 0.3,
            broker_commit_interval=settings.commit_interval_seconds,
            consumer_auto_offset_reset="earliest",
            producer_acks=-1,
            stream_recovery_delay=0.0,
            table_standby_replicas=0,
            topic_disable_leader=True,
            topic_allow_declare=False,  # a worker must not need the right to create topics
            **options,
        )

    def _new_transport(self) -> LenientTransport:
        """Return the transport of Faust, which reads the drift topics.

        It gets no event loop: it would be created here, before `run` sets the loop's type.
        """
        return LenientTransport(self.conf.broker_consumer, self)

    def _create_directories(self) -> None:
        """Create no directories: all state is in Kafka, and the file system may be read-only."""

    async def crash(self, reason: BaseException) -> None:
        """End the worker; the cause of the first error is determined and logged."""
        if self._crashing is None:
            self._crashing = asyncio.ensure_future(self._crash_for(reason))
        # Shielded, as a rebalance may cancel the caller meanwhile.
        await asyncio.shield(self._crashing)

    async def _crash_for(self, error: BaseException) -> None:
        reason = await crash_reason(error, self.settings)
        if isinstance(reason, FatalError):
            log.critical("stopped: %s", reason)
            self.stopped_for = reason
        try:
            raise reason  # mode logs the traceback of the exception being handled
        except BaseException:
            await super().crash(reason)

    async def _producer_flush(self, logger: Any) -> None:
        """Wait until Faust's producer has sent its buffer; after a crash, empty the buffer instead.

        A crash ends the buffer's task, and the buffer raises if it stops while it has records. They
        are written again: the offsets of their causes are committed only after a flush.
        """
        if not self.crashed:
            await super()._producer_flush(logger)
        elif self._producer is not None:
            pending = self._producer.buffer.pending
            while not pending.empty():
                pending.get_nowait()

    async def verify(self) -> None:
        """Run the start-up checks; raise a FatalError with one sentence."""
        await self._checks(self)


def _credentials(settings: Settings) -> Any:
    """Return the settings' credentials as Faust's type."""
    if settings.security_protocol == "PLAINTEXT":
        return None
    options = settings.kafka_client_options()
    if settings.security_protocol == "SSL":
        return faust.SSLCredentials(context=options["ssl_context"])
    return faust.SASLCredentials(
        username=options["sasl_plain_username"],
        password=options["sasl_plain_password"],
        ssl_context=options.get("ssl_context"),
        mechanism=settings.sasl_mechanism,
    )
