"""The Faust app. Runs as `leadscore worker` or as `faust -A stream.app worker -l info`."""

from __future__ import annotations

import asyncio
import gc
import logging
from typing import Any, NoReturn

import faust

from schemas.errors import FatalError
from stream.consume.missing_commits import warn_of_missing_commits
from stream.crash_reason import crash_reason
from stream.drift.window_table import DriftTable
from stream.faust_transport import LenientTransport
from stream.process.exit_codes import exit_codes
from stream.process.model_trial import Trials
from stream.settings import Settings, load_settings, unknown_variables
from stream.startup_checks import verify
from stream.topology import wire
from stream.worker import Worker

__all__ = ["App", "create_app", "run"]

log = logging.getLogger(__name__)

GARBAGE_THRESHOLD = 100_000
"""Objects made, less those freed, between two looks for cycles; Python's own is 700."""


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

    Attributes
    ----------
    stopped_for
        The error that ended it, as it was logged; None where none was.
    """

    def __init__(self, settings: Settings, **options: Any) -> None:
        self.settings = settings
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
            Table=DriftTable,
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
        """Check the surroundings; raises StartupError with one sentence."""
        log.info("settings", extra={"settings": self.settings.masked()})
        for variable in unknown_variables():
            log.warning("%s (docs/settings.md)", variable)
        await verify(self.settings, self.trials)
        if self.settings.role != "drift":
            await warn_of_missing_commits(self.settings)


def create_app(settings: Settings) -> App:
    """Build the app and wire what flows where (stream/topology.py)."""
    app = App(settings)
    wire(app)
    return app


def _credentials(settings: Settings) -> Any:
    """Say it in Faust's words."""
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


with exit_codes():  # both commands that run this are click's: a sentence, no traceback
    app = create_app(load_settings())


def run() -> NoReturn:
    """Run the worker in the foreground until a signal or a crash."""
    if app.settings.uvloop:
        _use_uvloop()
    _collect_seldom()
    app.finalize()
    Worker(app, redirect_stdouts=False, quiet=True).execute_from_commandline()


def _use_uvloop() -> None:
    try:
        from stream.process.event_loop import EventLoopPolicy
    except ImportError:  # uvloop is not there on Windows
        return
    asyncio.set_event_loop_policy(EventLoopPolicy())


def _collect_seldom() -> None:
    """Look for cycles of garbage seldom: a batch makes thousands of objects, and none in cycles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_THRESHOLD)
