"""Seasonality filter: ignores drift that recurs every season.

A window of one hour at night always differs from training data of whole days, as it did the night
before. So a horizon of a whole season or more is compared with the reference alone, and a shorter
one also with the same horizon one season earlier.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import hypot, sqrt
from typing import NamedTuple

from monitoring.drift.assessment import Assessment
from monitoring.drift.field_drift import FieldDrift

__all__ = ["DAY_MS", "SeasonalityFilter", "Stream"]

DAY_MS = 86_400_000
NOTABLE_RISE = 0.1
"""Least rise of a short horizon's PSI against one season earlier."""
DEVIATIONS = 3.0
"""Standard errors of the rise that are added to it."""


class Stream(NamedTuple):
    """A field or the score; ``is_score`` distinguishes them, as a field may be named score."""

    name: str
    is_score: bool


class _Past(NamedTuple):
    """PSI minus noise of a stream in an earlier horizon, and the number of its leads."""

    excess: float
    leads: int


class SeasonalityFilter:
    """Finds the streams whose drift does not recur every season.

    A stream's drift (see ``DriftThresholds``) counts

    - in every horizon, if the leads have no seasonality;
    - in a horizon of at least a season, once there were leads for a whole season;
    - in a shorter horizon, if its PSI is notably higher than that of the same horizon one season
      earlier, plus or minus the length of the horizon. So none counts on the first day.

    The filter remembers one season. To restore it, pass the assessments of that time again.

    Parameters
    ----------
    length_ms
        Length of a season: a day, or a week if weekends differ. 0: the leads have no seasonality.
    """

    def __init__(self, length_ms: int = DAY_MS) -> None:
        self._length_ms = length_ms
        self._past: defaultdict[str, dict[int, dict[Stream, _Past]]] = defaultdict(dict)
        self._began: int | None = None

    def drifted(self, horizons: Sequence[Assessment]) -> Mapping[Stream, Assessment]:
        """Return the streams with unseasonal drift in a window that has closed.

        Parameters
        ----------
        horizons
            The horizons of the window, the shortest first, all with the same end. Windows must be
            passed in the order of event time.

        Returns
        -------
        mapping of Stream to Assessment
            The streams whose drift counts, and the shortest horizon in which it does.
        """
        if self._began is None and horizons:
            self._began = horizons[0].start
        drifted: dict[Stream, Assessment] = {}
        for horizon in horizons:
            for drift in horizon.fields:
                stream = Stream(drift.name, drift.is_score)
                if stream not in drifted and self._counts(stream, drift, horizon):
                    drifted[stream] = horizon
            self._remember(horizon)
        return drifted

    def _counts(self, stream: Stream, drift: FieldDrift, horizon: Assessment) -> bool:
        if not drift.is_drifted or not self._length_ms:
            return drift.is_drifted is True
        if self._is_whole(horizon):
            return self._began is not None and horizon.end - self._began >= self._length_ms
        length, then = horizon.end - horizon.start, horizon.end - self._length_ms
        past = [
            known[stream]
            for end, known in self._past[horizon.name].items()
            if abs(end - then) <= length and stream in known
        ]
        now = _past(drift, horizon.leads)
        return bool(past) and all(_is_notably_higher(now, known) for known in past)

    def _is_whole(self, horizon: Assessment) -> bool:
        return horizon.end - horizon.start >= self._length_ms

    def _remember(self, horizon: Assessment) -> None:
        if self._is_whole(horizon):
            return
        known = self._past[horizon.name]
        known[horizon.end] = {
            Stream(drift.name, drift.is_score): _past(drift, horizon.leads)
            for drift in horizon.fields
            if drift.psi is not None
        }
        oldest = horizon.start - self._length_ms
        for end in [end for end in known if end < oldest]:
            del known[end]


def _past(drift: FieldDrift, leads: int) -> _Past:
    return _Past((drift.psi or 0.0) - (drift.psi_noise or 0.0), leads)


def _is_notably_higher(now: _Past, past: _Past) -> bool:
    """Return whether a PSI is higher than a past one by more than noise.

    The standard error of the PSI of n leads is about 2 √(PSI / n).
    """
    error = hypot(*(2 * sqrt(max(known.excess, 0.0) / known.leads) for known in (now, past)))
    return now.excess - past.excess > NOTABLE_RISE + DEVIATIONS * error
