"""Which changes count: those that the windowed statistics agree with.

A detector finds every change of a stream, also that from day to night, as it compares with the
latest past only. The windowed statistics compare with what the model learnt; but at night a window
of an hour differs from training data of whole days, too. So the leads' rhythm is taken out: a
horizon that spans a whole season is compared with the reference, and a shorter one also with itself
one season ago.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import NamedTuple

from monitoring.assessment import Assessment
from monitoring.detectors import Change
from monitoring.field_drift import FieldDrift

__all__ = ["DAY_MS", "Confirmation", "ConfirmedChange"]

DAY_MS = 86_400_000
NOTABLE_RISE = 0.1
"""PSI that a short horizon must have risen by since one season ago."""
DEVIATIONS = 3.0
"""Standard errors of the rise, on top."""


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


class _Stream(NamedTuple):
    name: str
    is_score: bool


class _Past(NamedTuple):
    """How far a stream was from the reference in a horizon: PSI above its noise, of so many."""

    excess: float
    leads: int


class Confirmation:
    """Waits for the windowed statistics to agree with what the detectors found.

    They agree when the stream *has drifted* (see ``DriftThresholds``) in a horizon that ends after
    the change was found, and within ``span_ms``. With a season there is more to it:

    - a horizon of at least a season counts once leads have come for a whole season;
    - a shorter one counts where its PSI is notably higher than that of the same horizon one season
      before, give or take its own length. So on the first day none does.

    Its memory, of one season, is rebuilt by telling it the assessments of that time again.

    Parameters
    ----------
    season_ms
        How long the leads' rhythm takes: a day, or a week where weekends differ. 0: they have none,
        every horizon counts at once.
    span_ms
        How long a change waits, in event time. A shift shows in a day's counts after hours.
    """

    def __init__(self, *, season_ms: int = DAY_MS, span_ms: int = DAY_MS) -> None:
        self._season_ms = season_ms
        self._span_ms = span_ms
        self._waiting: dict[tuple[_Stream, str], tuple[int, Change]] = {}
        self._past: defaultdict[str, dict[int, dict[_Stream, _Past]]] = defaultdict(dict)
        self._began: int | None = None

    def found(self, change: Change, at: int) -> None:
        """Take in what a detector found; of one stream and detector, the latest change waits.

        Parameters
        ----------
        change
            The change.
        at
            When it was found: event time, milliseconds since 1970.
        """
        self._waiting[_Stream(change.stream, change.is_score), change.detector] = at, change

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
        if not horizons:
            return []
        if self._began is None:
            self._began = horizons[0].start
        end = horizons[0].end
        self._remember(horizons)
        self._waiting = {
            key: (at, change)
            for key, (at, change) in self._waiting.items()
            if at >= end - self._span_ms
        }
        confirmed = []
        for key, (at, change) in list(self._waiting.items()):
            if at < end and (by := self._agreeing(key[0], horizons)) is not None:
                confirmed.append(ConfirmedChange(change, at, by))
                del self._waiting[key]
        return confirmed

    def _agreeing(self, stream: _Stream, horizons: Iterable[Assessment]) -> Assessment | None:
        for horizon in horizons:
            drift = _by_stream(horizon).get(stream)
            if drift and drift.is_drifted and self._is_out_of_season(stream, drift, horizon):
                return horizon
        return None

    def _is_out_of_season(self, stream: _Stream, drift: FieldDrift, horizon: Assessment) -> bool:
        if not self._season_ms:
            return True
        length = horizon.end - horizon.start
        if length >= self._season_ms:
            return self._began is not None and horizon.end - self._began >= self._season_ms
        then = horizon.end - self._season_ms
        past = [
            known[stream]
            for end, known in self._past[horizon.name].items()
            if abs(end - then) <= length and stream in known
        ]
        now = _past(drift, horizon.leads)
        return bool(past) and all(_is_notably_higher(now, known) for known in past)

    def _remember(self, horizons: Iterable[Assessment]) -> None:
        for horizon in horizons:
            length = horizon.end - horizon.start
            if length >= self._season_ms:
                continue
            known = self._past[horizon.name]
            known[horizon.end] = {
                stream: _past(drift, horizon.leads)
                for stream, drift in _by_stream(horizon).items()
                if drift.psi is not None
            }
            oldest = horizon.end - self._season_ms - length
            for end in [end for end in known if end < oldest]:
                del known[end]


def _by_stream(horizon: Assessment) -> dict[_Stream, FieldDrift]:
    return {_Stream(drift.name, drift.is_score): drift for drift in horizon.fields}


def _past(drift: FieldDrift, leads: int) -> _Past:
    return _Past((drift.psi or 0.0) - (drift.psi_noise or 0.0), leads)


def _is_notably_higher(now: _Past, past: _Past) -> bool:
    """Compare two PSI. That of n leads wavers by about 2 √(PSI / n), as its slope is twice √PSI."""
    wavers = (2 * sqrt(max(known.excess, 0.0) / known.leads) for known in (now, past))
    error = sqrt(sum(one**2 for one in wavers))
    return now.excess - past.excess > NOTABLE_RISE + DEVIATIONS * error
