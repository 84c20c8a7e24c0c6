"""Logs the progress of scoring once a minute, and totals at the end, for people at a terminal."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from monitoring.telemetry.metrics import PartitionLag
from stream.scoring.tally import Tally

__all__ = ["ProgressReporter"]

log = logging.getLogger(__name__)

MINUTE = 60.0


class ProgressReporter:
    """Logs totals once a minute.

    Parameters
    ----------
    now
        When the worker started: seconds of a monotonic clock.
    """

    def __init__(self, now: float) -> None:
        self._started = self._reported = now
        self._before = Tally()

    def report(self, now: float, tally: Tally, lags: Sequence[PartitionLag]) -> None:
        """Log the records since the last line, once a minute.

        Parameters
        ----------
        now
            As at the start.
        tally
            Totals since the start.
        lags
            Lag of each assigned partition.
        """
        seconds = now - self._reported
        if seconds < MINUTE:
            return
        new = tally.minus(self._before)
        fields = {
            "records_per_second": new.records / seconds,
            "lag_records": sum(lag.records for lag in lags),
            "lag_seconds": max((lag.seconds for lag in lags), default=0.0),
            **new.as_fields(),
        }
        log.info("progress", extra=fields)
        self._reported, self._before = now, tally

    def report_totals(self, now: float, tally: Tally, *, taken: int) -> None:
        """Log the totals of all records.

        Parameters
        ----------
        now, tally
            As above.
        taken
            How many records were read.
        """
        fields = {
            "seconds": now - self._started,
            "records": taken,
            "unfinished": taken - tally.records,
            **tally.as_fields(),
        }
        log.info("totals", extra=fields)
