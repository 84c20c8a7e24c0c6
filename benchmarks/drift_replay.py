"""Replay of the drift role's processing, in one process without Kafka."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.drift import SAMPLE_EVERY
from features.counts import CountLayout, LeadCounts
from monitoring.drift.assessment import Assessment, Assessor
from monitoring.drift.change_confirmation import ChangeConfirmation, ConfirmedChange
from monitoring.drift.detectors import Change, RollingDetectors
from monitoring.drift.seasonality import DAY_MS, Stream

__all__ = ["HORIZONS", "MINUTE_MS", "WINDOW_MS", "Leads", "Seen", "replay"]

MINUTE_MS = 60_000
WINDOW_MS = 5 * MINUTE_MS
HORIZONS = {"5m": 1, "1h": 12, "24h": 288}
"""Number of windows by name of the horizon."""
AT_ONCE = 512
"""Leads per update of the detectors: about as many as a partial has."""


class Leads(NamedTuple):
    """Leads in the order of event time.

    Attributes
    ----------
    events
        int64, shape (n,): milliseconds since 1970.
    scores
        float32, shape (n,).
    codes
        int16, shape (n, fields).
    """

    events: NDArray[np.int64]
    scores: NDArray[np.float32]
    codes: NDArray[np.int16]

    def take(self, rows: slice) -> Leads:
        """Return a slice of the leads."""
        return Leads(self.events[rows], self.scores[rows], self.codes[rows])


@dataclass
class Seen:
    """Results of a replay, each with the number of leads read until then."""

    changes: list[tuple[int, Change]] = field(default_factory=list)
    drifted: list[tuple[int, str, str]] = field(default_factory=list)
    """Drifted streams at the end of each window, with the horizon."""
    out_of_season: list[tuple[int, Stream]] = field(default_factory=list)
    """Streams with unseasonal drift at the end of each window."""
    confirmed: list[tuple[int, ConfirmedChange]] = field(default_factory=list)


def replay(
    leads: Leads,
    layout: CountLayout,
    *,
    season_ms: int = DAY_MS,
    page_hinkley: bool = False,
) -> Seen:
    """Count leads in windows, assess the horizons, run the detectors and confirm their changes."""
    seen = Seen()
    detectors = RollingDetectors(layout, page_hinkley=page_hinkley)
    confirmation = ChangeConfirmation(season_ms=season_ms)
    assessor = Assessor(layout, importance={}, engagement=(0.0, 1.0))
    latest: deque[LeadCounts] = deque(maxlen=max(HORIZONS.values()))
    for start, rows in _windows(leads.events):
        for first in range(rows.start, rows.stop, AT_ONCE):
            last = min(first + AT_ONCE, rows.stop)
            sampled = slice(first + -first % SAMPLE_EVERY, last, SAMPLE_EVERY)
            codes = leads.codes[sampled, : len(layout.fields)]
            changes = detectors.update(leads.scores[sampled], codes)
            seen.changes += [(last, change) for change in changes]
            for change in changes:
                confirmation.found(change, start)
        window = leads.take(rows)
        latest.append(layout.count(window.codes, window.scores, label=0.5))
        end = start + WINDOW_MS
        assessed = [
            _assess(assessor, latest, name, windows, end) for name, windows in HORIZONS.items()
        ]
        seen.drifted += [
            (rows.stop, drift.name, horizon.name)
            for horizon in assessed
            for drift in horizon.fields
            if drift.is_drifted
        ]
        seen.confirmed += [(rows.stop, found) for found in confirmation.assessed(assessed)]
        seen.out_of_season += [(rows.stop, stream) for stream in confirmation.drifted]
    return seen


def _windows(events: NDArray[np.int64]) -> Iterator[tuple[int, slice]]:
    """Yield the start and the leads of every window, including empty ones."""
    first, last = int(events[0]) // WINDOW_MS, int(events[-1]) // WINDOW_MS
    starts = np.arange(first, last + 2) * WINDOW_MS
    rows = events.searchsorted(starts).tolist()
    for start, begin, end in zip(starts.tolist(), rows, rows[1:], strict=False):
        yield start, slice(begin, end)


def _assess(
    assessor: Assessor, latest: deque[LeadCounts], name: str, windows: int, end: int
) -> Assessment:
    counts = reduce(add, [latest[i] for i in range(max(len(latest) - windows, 0), len(latest))])
    return assessor.assess(counts, name=name, start=end - windows * WINDOW_MS, end=end)
