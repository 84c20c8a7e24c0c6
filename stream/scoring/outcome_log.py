"""Logs the results of leads: dead letters, progress once a minute, totals at the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from mode import Service

from agents.scored_batch import ScoredBatch
from monitoring.telemetry.metrics import PartitionLag
from stream.scoring.progress import ProgressReporter
from stream.scoring.tally import DeadLetterLog, Tally

__all__ = ["OutcomeLog"]

LOOK = 1.0
"""Seconds between two looks for something to log."""


class OutcomeLog(Service):
    """A service that counts records and logs them.

    Parameters
    ----------
    lags
        Returns how far each partition is behind.
    is_for_people
        Whether to log progress as well, for people at a terminal.

    Attributes
    ----------
    tally
        Totals of the records that are done.
    """

    def __init__(self, lags: Callable[[], Sequence[PartitionLag]], *, is_for_people: bool) -> None:
        super().__init__()
        self.tally = Tally()
        self._lags = lags
        self._taken = 0
        self._dead_letters = DeadLetterLog()
        self._progress = ProgressReporter(time.monotonic()) if is_for_people else None

    def on_taken(self, records: int) -> None:
        """Count records that were read."""
        self._taken += records

    def on_done(self, outcome: ScoredBatch) -> None:
        """Count the records of a batch that is done."""
        self.tally = self.tally.plus(outcome)
        if outcome.dead_letters or outcome.dropped:
            self._dead_letters.note(outcome)

    @Service.task
    async def _log_regularly(self) -> None:
        while not self.should_stop:
            now = time.monotonic()
            self._dead_letters.log(now)
            if self._progress is not None:
                self._progress.report(now, self.tally, self._lags())
            await self.sleep(LOOK)

    async def on_stop(self) -> None:
        """Log what has not been logged, and the totals."""
        now = time.monotonic()
        self._dead_letters.log(now, all_of_it=True)
        if self._progress is not None:
            self._progress.report_totals(now, self.tally, taken=self._taken)
