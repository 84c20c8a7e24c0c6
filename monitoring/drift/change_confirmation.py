"""Which changes count: those that the windowed statistics agree with.

A detector finds every change of a stream, also that from day to night, as it compares with the
latest past only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from monitoring.drift.assessment import Assessment
from monitoring.drift.detectors import Change
from monitoring.drift.seasonality import DAY_MS, Season, Stream

__all__ = ["Confirmation", "ConfirmedChange"]


@dataclass(frozen=True, slots=True)
class ConfirmedChange:
    """A change that the windowed statistics agree with.

    Attributes
    ----------
    change
        What a detector found.
    found_at
        When: event time, milliseconds since 1970.
    by
        What agrees: the shortest horizon that does.
    """

    change: Change
    found_at: int
    by: Assessment


class Confirmation:
    """Waits for the windowed statistics to agree with what the detectors found.

    They agree when the stream has drifted, out of season (``Season``), in a window that ends after
    the change was found, and within ``span_ms``.

    Parameters
    ----------
    season_ms
        How long the leads' rhythm takes: a day, or a week where weekends differ. 0: they have none.
    span_ms
        How long a change waits, in event time. A shift shows in a day's counts after hours.
    """

    def __init__(self, *, season_ms: int = DAY_MS, span_ms: int = DAY_MS) -> None:
        self._season = Season(season_ms)
        self._span_ms = span_ms
        self._drifted: Mapping[Stream, Assessment] = {}
        self._waiting: dict[tuple[Stream, str], tuple[int, Change]] = {}

    @property
    def drifted(self) -> Mapping[Stream, Assessment]:
        """Of the latest window, the streams that have drifted out of season, and what shows it."""
        return self._drifted

    def found(self, change: Change, at: int) -> None:
        """Take in what a detector found; of one stream and detector, the latest change waits.

        Parameters
        ----------
        change
            The change.
        at
            When it was found: event time, milliseconds since 1970.
        """
        self._waiting[_key(change)] = at, change

    def assessed(self, horizons: Sequence[Assessment]) -> list[ConfirmedChange]:
        """Take in the horizons of a window that has closed, the shortest first.

        Parameters
        ----------
        horizons
            All with the same end; windows come in the order of event time.

        Returns
        -------
        list of ConfirmedChange
            Those that waited for it. They no longer wait.
        """
        self._drifted = self._season.drifted(horizons)
        if not horizons:
            return []
        end = horizons[0].end
        self._waiting = {
            key: (at, change)
            for key, (at, change) in self._waiting.items()
            if at >= end - self._span_ms
        }
        confirmed = [
            ConfirmedChange(change, at, self._drifted[stream])
            for (stream, _), (at, change) in self._waiting.items()
            if at < end and stream in self._drifted
        ]
        for found in confirmed:
            del self._waiting[_key(found.change)]
        return confirmed


def _key(change: Change) -> tuple[Stream, str]:
    return Stream(change.stream, change.is_score), change.detector
