"""The Faust app of a worker: LeadScore's settings, and nothing started that no role needs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import faust

from schemas.errors import FatalError
from stream.crash_reason import crash_reason
from stream.faust_transport import LenientTransport
from stream.process.model_trial import Trials
from stream.settings import Settings
from stream.worker import Worker

__all__ = ["App"]

log = logging.getLogger(__name__)


Checks = Callable[["App"], Awaitable[None]]


class ScoreOnly(faust.App.BootStrategy):
    """A worker without topic agents: neither Faust's consumer nor its producer is started.

    Nor its web server: `faust worker` would, whatever the app says, and a second worker of a host
    would find the port taken.
    """

    enable_kafka_consumer = False
    enable_kafka_producer = False
    enable_web = False


class WithTopics(faust.App.BootStrategy):
    """A worker with agents on topics and with tables."""

    enable_web = False


class App(faust.App):
    """Faust's app with LeadScore's settings, and with nothing started that no role needs.

    Parameters
    ----------
    settings
        The worker's settings.
    checks
        Checks the surroundings before the start; raises FatalError with one sentence.
    options
        Further options of Faust's app.

    Attributes
    ----------
    stopped_for
        The error that ended it, as it was logged; None where none was.
    """

    def __init__(self, settings: Settings, checks: Checks, **options: Any) -> None:
        self.settings = settings
        self._checks = checks
        self.trials = Trials()
        self.stopped_for: FatalError | None = None
        self._crashing: asyncio.Future[None] | None = None
        self.BootStrategy = ScoreOnly if settings.role == "score" else WithTopics
        super().__init__(
            # Not the group of the batch source, which is no group of Faust's.
            f"{settings.group_id}-drift",
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
            topic_allow_declare=False,  # `leadscore topics create` does: a worker needs no right to
            **options,
        )

    def _new_transport(self) -> LenientTransport:
        """Return the way to Kafka of what Faust reads: the drift topics.

        It is given no loop: asking for one here would make it before `run` says of which kind.
        """
        return LenientTransport(self.conf.broker_consumer, self)

    def _create_directories(self) -> None:
        """Make none: what is kept is kept in Kafka, and where a worker runs may be read-only."""

    async def crash(self, reason: BaseException) -> None:
        """End the worker; the first reason is looked into, and is the one that is logged."""
        if self._crashing is None:
            self._crashing = asyncio.ensure_future(self._crash_for(reason))
        # Shielded: whoever saw the error may be cancelled meanwhile, as by a rebalance.
        await asyncio.shield(self._crashing)

    async def _crash_for(self, error: BaseException) -> None:
        reason = await crash_reason(error, self.settings)
        if isinstance(reason, FatalError):
            log.critical("stopped: %s", reason)
            self.stopped_for = reason
        try:
            raise reason  # mode logs the traceback of the error that is being handled
        except BaseException:
            await super().crash(reason)

    async def verify(self) -> None:
        """Check the surroundings; raises FatalError with one sentence."""
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
