"""Which drifts count: those that are no rhythm of the leads.

The windowed statistics compare with what the model learnt; but at night a window of an hour differs
from training data of whole days, as it did the night before. So a horizon that spans a whole season
is compared with the reference alone, and a shorter one also with itself one season before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import hypot, sqrt
from typing import NamedTuple

from monitoring.drift.assessment import Assessment
from monitoring.drift.field_drift import FieldDrift

__all__ = ["DAY_MS", "Season", "Stream"]

DAY_MS = 86_400_000
NOTABLE_RISE = 0.1
"""PSI that a short horizon must have risen by since one season ago."""
DEVIATIONS = 3.0
"""Standard errors of the rise, on top."""


class Stream(NamedTuple):
    """A field, or the score; a field may be called score, too."""

    name: str
    is_score: bool


class _Past(NamedTuple):
    """How far a stream was from the reference in a horizon: PSI above its noise, of so many."""

    excess: float
    leads: int


class Season:
    """Tells which streams have drifted out of season.

    A stream's drift (see ``DriftThresholds``) counts

    - without a season, in every horizon;
    - else in a horizon of at least a season, once leads have come for a whole season;
    - and in a shorter one where its PSI is notably higher than that of the same horizon one season
      before, give or take the horizon's length. So on the first day none does.

    The memory is of one season: it is rebuilt by telling the assessments of that time again.

    Parameters
    ----------
    length_ms
        How long the leads' rhythm takes: a day, or a week where weekends differ. 0: they have none.
    """

    def __init__(self, length_ms: int = DAY_MS) -> None:
        self._length_ms = length_ms
        self._past: defaultdict[str, dict[int, dict[Stream, _Past]]] = defaultdict(dict)
        self._began: int | None = None

    def drifted(self, horizons: Sequence[Assessment]) -> Mapping[Stream, Assessment]:
        """Take in the horizons of a window that has closed, the shortest first.

        Parameters
        ----------
        horizons
            All with the same end; windows come in the order of event time.

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
            return drift.is_drifted
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
    """Compare two PSI. That of n leads wavers by about 2 √(PSI / n), as its slope is twice √PSI."""
    error = hypot(*(2 * sqrt(max(known.excess, 0.0) / known.leads) for known in (now, past)))
    return now.excess - past.excess > NOTABLE_RISE + DEVIATIONS * error
