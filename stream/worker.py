"""The worker process: Faust's worker with LeadScore's start-up checks, exit codes and signals."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from typing import Any, NoReturn

import faust
from aiokafka.errors import KafkaError

from schemas.errors import FatalError, StartupError
from stream.crash_reason import crash_reason
from stream.kafka.unhandled_errors import log_unhandled
from stream.process.logging import set_up_logging

__all__ = ["EXIT_STARTUP", "Worker"]

log = logging.getLogger(__name__)

EXIT_CRASHED, EXIT_STARTUP = 1, 3
LAST_TURN = 0.1
"""Seconds for cancelled tasks to end before the event loop is closed."""


class Worker(faust.Worker):
    """Faust's worker, with checks before the start and an immediate stop on a second signal.

    Exit codes: 0 after a clean stop, 1 after a crash, 3 if a start-up check failed, 128 + signal
    after a second signal.
    """

    spinner = None
    crash_reason: BaseException | None

    def execute_from_commandline(self) -> NoReturn:
        """Run the start-up checks, then the worker until a signal or a crash."""
        self._setup_logging()
        try:
            self.loop.run_until_complete(self.app.verify())
        except FatalError as error:
            log.critical("not started: %s", error)
            raise SystemExit(EXIT_STARTUP) from None
        self.loop.set_exception_handler(log_unhandled)
        super().execute_from_commandline()
        raise SystemExit(0)

    def _shutdown_loop(self) -> None:
        """Close the loop; an error with a clear message ends the worker without a traceback."""
        # LeadScore may have logged the reason after a service of Faust had crashed.
        reason = self.app.stopped_for or self.crash_reason
        if isinstance(reason, KafkaError):  # from a service of Faust, which ends the worker itself
            reason = self.loop.run_until_complete(crash_reason(reason, self.app.settings))
            log.critical("stopped: %s", reason)
        if not isinstance(reason, FatalError):
            super()._shutdown_loop()
            return
        self.crash_reason = None  # else Faust would raise it
        super()._shutdown_loop()
        raise SystemExit(EXIT_STARTUP if isinstance(reason, StartupError) else EXIT_CRASHED)

    async def _sentinel_task(self) -> None:
        """Wait for cancelled tasks, without mode's pause of a second before the loop closes."""
        await asyncio.sleep(LAST_TURN)

    def _setup_logging(self) -> None:
        """Set up LeadScore's logging instead of Faust's."""
        self.spinner = None
        set_up_logging(self.app.settings)

    def _schedule_shutdown(self, signal: signal.Signals) -> Any:
        if self._signal_stop_time:
            log.warning("second signal: exiting now; batches in flight are scored again")
            logging.shutdown()
            os._exit(128 + signal)
        log.info("stopping", extra={"signal": signal.name})
        return super()._schedule_shutdown(signal)
