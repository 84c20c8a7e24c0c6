"""Outcomes of leads from the topic of outcomes, joined as quality and verdicts join them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from agents.comparison.outcomes import Outcomes
from agents.verdict.known_outcomes import Horizon, known_outcomes
from stream.kafka.access import Use
from stream.outcomes.final_outcomes import FinalOutcomes, final_outcomes, key_of
from stream.settings import Settings
from stream.snapshot.record_sample import TimeRange, records_within

__all__ = ["join_outcomes", "notes_on", "read_outcomes"]

AHEAD_MS = 3_600_000
"""Clocks of a CRM and of Kafka may differ: outcomes up to this long before a lead are read."""
DAY_MS = 86_400_000
FOREVER_MS = 1 << 62


async def read_outcomes(
    settings: Settings, since_ms: float, on_read: Callable[[int], None] = lambda _: None
) -> FinalOutcomes:
    """Read the final outcomes of all leads, from a time to the end of the topic.

    Parameters
    ----------
    settings
        Kafka's address, the topic, and which outcomes are final.
    since_ms
        The time of the earliest lead, milliseconds since 1970.
    on_read
        Called with the number of records so far.

    Raises
    ------
    StartupError, FatalError
        See ``records_within``.
    """
    found, seen = final_outcomes(settings), 0
    within = TimeRange(max(round(since_ms) - AHEAD_MS, 0), FOREVER_MS)
    topic = settings.leads_outcomes
    async for records in records_within(settings, topic, within, Use.DIFF_OUTCOMES):
        found.add(records)
        seen += len(records)
        on_read(seen)
    return found


def join_outcomes(
    settings: Settings,
    found: FinalOutcomes,
    ids: Sequence[str],
    times: NDArray[np.float64],
    now_ms: int,
) -> Outcomes:
    """Return the outcomes of leads: known once the horizon after a lead has passed.

    A lead without a final outcome is then a failure, unless a later record of the lead supersedes
    it (``agents.verdict.known_outcomes``).

    Parameters
    ----------
    settings
        The horizon.
    found
        The final outcomes.
    ids
        The leads' ids.
    times
        float64, shape (n,): when they came, milliseconds since 1970; NaN: unknown, as is then the
        outcome.
    now_ms
        The time, milliseconds since 1970.
    """
    rows = np.flatnonzero(~np.isnan(times))
    horizon = Horizon(
        round(settings.outcome_horizon_days * DAY_MS), round(settings.outcome_late_days * DAY_MS)
    )
    leads = np.array([key_of(ids[row]) for row in rows.tolist()], dtype=np.uint64)
    joined = known_outcomes(leads, times[rows].astype(np.int64), found.rows, horizon, now_ms)
    known, positive = np.zeros(len(ids), dtype=bool), np.zeros(len(ids), dtype=bool)
    known[rows], positive[rows] = joined.known, joined.positive
    return Outcomes(known, positive)


def notes_on(settings: Settings, found: FinalOutcomes) -> list[str]:
    """Return by which rule the outcomes are known, and how many records are none."""
    days = f"{settings.outcome_horizon_days:g}"
    notes = [
        f"Outcomes are those of {settings.leads_outcomes}. A lead counts once {days} days have"
        " passed since it came (LEADSCORE_OUTCOME_HORIZON_DAYS); without a final outcome it is then"
        " a failure."
    ]
    if found.unreadable:
        notes.append(
            f"Records of {settings.leads_outcomes} that are no outcome: {found.unreadable:,}."
        )
    return notes
