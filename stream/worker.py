"""The worker's process: Faust's worker with start-up checks, exit codes and signals of our own."""

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
from stream.process.logging import set_up_logging

__all__ = ["EXIT_STARTUP", "Worker"]

log = logging.getLogger(__name__)

EXIT_CRASHED, EXIT_STARTUP = 1, 3
LAST_TURN = 0.1
"""Seconds."""


class Worker(faust.Worker):
    """Faust's worker: checks its surroundings before it starts, and stops at once when told twice.

    Exit codes: 0 after a clean stop, 1 after a crash, 3 when the surroundings are not fit to work
    in, 128 + signal when a second signal came.
    """

    spinner = None
    crash_reason: BaseException | None

    def execute_from_commandline(self) -> NoReturn:
        """Check, then run until a signal or a crash."""
        self._setup_logging()
        try:
            self.loop.run_until_complete(self.app.verify())
        except FatalError as error:
            log.critical("not started: %s", error)
            raise SystemExit(EXIT_STARTUP) from None
        self.loop.set_exception_handler(_tell_unheard)
        super().execute_from_commandline()
        raise SystemExit(0)

    def _shutdown_loop(self) -> None:
        """Close the loop; an error that has a sentence ends the worker without a traceback."""
        # A part of ours may have logged the reason after a part of Faust's had crashed.
        reason = self.app.stopped_for or self.crash_reason
        if isinstance(reason, KafkaError):  # of a part of Faust's, which crashes by itself
            reason = self.loop.run_until_complete(crash_reason(reason, self.app.settings))
            log.critical("stopped: %s", reason)
        if not isinstance(reason, FatalError):
            super()._shutdown_loop()
            return
        self.crash_reason = None  # it would be raised
        super()._shutdown_loop()
        raise SystemExit(EXIT_STARTUP if isinstance(reason, StartupError) else EXIT_CRASHED)

    async def _sentinel_task(self) -> None:
        """Let cancelled tasks end, without mode's pause of a second before it closes the loop."""
        await asyncio.sleep(LAST_TURN)

    def _setup_logging(self) -> None:
        """Log as the settings say, instead of Faust's way."""
        self.spinner = None
        set_up_logging(self.app.settings)

    def _schedule_shutdown(self, signal: signal.Signals) -> Any:
        if self._signal_stop_time:
            log.warning("second signal: exiting now; batches in flight are scored again")
            logging.shutdown()
            os._exit(128 + signal)
        log.info("stopping", extra={"signal": signal.name})
        return super()._schedule_shutdown(signal)


def _tell_unheard(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Tell an error that nobody waits for; aiokafka's in a line, if it comes of what we gave up.

    aiokafka shields a commit from the time limit of who asks for it, so that its answer, when it
    comes at last, finds nobody; and a client that is given up while it starts forgets the
    connection that it is opening.
    """
    error = context.get("exception")
    if isinstance(error, KafkaError):
        log.warning("nobody waits for this answer any more: %r", error)
    elif context.get("message") == "Unclosed AIOKafkaConnection":
        log.warning("a connection that was given up while it was opened is closed")
    else:
        loop.default_exception_handler(context)
