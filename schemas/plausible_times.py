"""Plausible times of leads: others were read in the wrong unit, or never set.

Seconds that are read as milliseconds are in January 1970. As times of creation they would put all
leads into one drift window and make all of them late.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.errors import ErrorCode, InvalidEventError
from schemas.readings import Reading
from schemas.record_time import EARLIEST_MS as KAFKA_EARLIEST_MS
from schemas.time_reading import FIRST_MS, UNTIL_MS, TimeReading, plausible_span

__all__ = ["PlausibleTimes"]

DAY_MS = 86_400_000.0


class PlausibleTimes:
    """Checks that the times of leads are in a plausible range, which ends shortly after they came.

    Parameters
    ----------
    readings
        How the model's fields are written. The range of a date extends to those of the training
        data; a date without any in the training data is not checked.
    earliest_ms
        Milliseconds since 1970.
    ahead_ms
        Latest plausible time after the lead came, in milliseconds.
    """

    def __init__(
        self,
        readings: Mapping[str, Reading],
        earliest_ms: float = FIRST_MS,
        ahead_ms: float = DAY_MS,
    ) -> None:
        self._earliest = earliest_ms
        self._ahead = ahead_ms
        self._spans = {
            name: plausible_span(reading, earliest_ms)
            for name, reading in readings.items()
            if isinstance(reading, TimeReading)
        }

    def verdicts(
        self,
        columns: Mapping[str, Any],
        came_at: NDArray[np.int64],
        created_at: NDArray[np.int64] | NDArray[np.float64] | None = None,
    ) -> dict[int, InvalidEventError]:
        """Return the errors of leads with an implausible time, by their index among the leads.

        Parameters
        ----------
        columns
            Columns of n leads.
        came_at
            int64, shape (n,): when each lead came, milliseconds since 1970; by its record, so that
            the verdict is the same whenever the record is read. What is no time of a record counts
            as 2100.
        created_at
            int64 or float64, shape (n,): milliseconds since 1970, NaN where not known. None: not
            known of any lead.
        """
        until = np.where(came_at >= KAFKA_EARLIEST_MS, came_at + self._ahead, UNTIL_MS)
        wrong = {}
        if created_at is not None:
            wrong["created_at"] = (created_at < self._earliest) | (created_at > until)
        for name, (first, last) in self._spans.items():
            values = np.asarray(columns[name], dtype=np.float64)
            wrong[name] = (values < first) | (values > np.maximum(until, last))
        return {
            row: self._verdict(name)
            for name, is_wrong in reversed(wrong.items())
            if is_wrong.any()
            for row in np.flatnonzero(is_wrong).tolist()
        }

    def _verdict(self, name: str) -> InvalidEventError:
        first, _ = self._spans.get(name, (self._earliest, None))
        year = np.datetime64(int(first), "ms").astype("datetime64[Y]")
        days = self._ahead / DAY_MS
        ahead = f"{days:g} day{'' if days == 1 else 's'}"
        return InvalidEventError(
            ErrorCode.TIME,
            f"field {name}: expected a time from {year} on, at most {ahead} after the lead came,"
            " got another: send milliseconds since 1970 or ISO 8601;"
            " LEADSCORE_EARLIEST_YEAR and LEADSCORE_TIMES_AHEAD_DAYS widen what is plausible",
        )
