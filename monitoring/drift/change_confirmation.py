"""Confirmation of detected changes by the windowed statistics.

A detector compares a stream with its recent past only, so it also finds the change from day to
night. A change counts once the windowed statistics confirm it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from monitoring.drift.assessment import Assessment
from monitoring.drift.detectors import Change
from monitoring.drift.seasonality import DAY_MS, SeasonalityFilter, Stream

__all__ = ["ChangeConfirmation", "ConfirmedChange"]


@dataclass(frozen=True, slots=True)
class ConfirmedChange:
    """A change that the windowed statistics confirm.

    Attributes
    ----------
    change
        The change that a detector found.
    found_at
        Event time of the detection, milliseconds since 1970.
    by
        The shortest horizon that confirms it.
    """

    change: Change
    found_at: int
    by: Assessment


class ChangeConfirmation:
    """Keeps detected changes until the windowed statistics confirm them.

    A change is confirmed when its stream has unseasonal drift (``SeasonalityFilter``) in a window
    that ends after the detection, within ``span_ms``.

    Parameters
    ----------
    season_ms
        Length of a season: a day, or a week if weekends differ. 0: the leads have no seasonality.
    span_ms
        How long a change waits for confirmation, in event time. A shift takes hours to show in the
        counts of a day.
    """

    def __init__(self, *, season_ms: int = DAY_MS, span_ms: int = DAY_MS) -> None:
        self._season = SeasonalityFilter(season_ms)
        self._span_ms = span_ms
        self._drifted: Mapping[Stream, Assessment] = {}
        self._waiting: dict[tuple[Stream, str], tuple[int, Change]] = {}

    @property
    def drifted(self) -> Mapping[Stream, Assessment]:
        """Streams with unseasonal drift in the latest window, and the horizon that shows it."""
        return self._drifted

    def found(self, change: Change, at: int) -> None:
        """Add a change to be confirmed, in place of one of the same stream and detector.

        Parameters
        ----------
        change
            The change.
        at
            Event time of the detection, milliseconds since 1970.
        """
        self._waiting[_key(change)] = at, change

    def assessed(self, horizons: Sequence[Assessment]) -> list[ConfirmedChange]:
        """Return the waiting changes that a closed window confirms; they no longer wait.

        Parameters
        ----------
        horizons
            The horizons of the window, the shortest first, all with the same end. Windows must be
            passed in the order of event time.

        Returns
        -------
        list of ConfirmedChange
            The confirmed changes.
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
