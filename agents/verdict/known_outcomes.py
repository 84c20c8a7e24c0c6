"""Which of the scores of a partition have a known outcome, by columns.

The rule is that of ``agents.outcomes.lead_state.examples``; a test compares them. Here it runs over
all scores of a partition at once, without an object for each lead.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.comparison.outcomes import Outcomes

__all__ = ["OUTCOME", "Horizon", "known_outcomes"]

OUTCOME = np.dtype(
    [("lead", "u8"), ("at", "i8"), ("arrived", "i8"), ("offset", "i8"), ("is_positive", "?")]
)
"""A final outcome: hash of the lead's id; when it occurred and when it arrived, in milliseconds
since 1970; offset of its record; whether it is a success."""

Times = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Horizon:
    """Which outcomes count for a score, in milliseconds.

    Attributes
    ----------
    counts_ms
        Time after a score in which an outcome may occur.
    late_ms
        Time after that in which it may still arrive.
    """

    counts_ms: int
    late_ms: int


def known_outcomes(
    leads: NDArray[np.uint64],
    at: Times,
    outcomes: NDArray[np.void],
    horizon: Horizon,
    watermark: int,
) -> Outcomes:
    """Join outcomes to the scores that were the last before them.

    Of several outcomes of a score the last counts. A score is known when its horizon has passed;
    without an outcome it is then a failure, unless a later score of the lead within its horizon
    supersedes it: that one has the lead's outcome.

    Parameters
    ----------
    leads, at
        uint64 and int64, shape (n,): all scores of a partition, in the order of their offsets.
    outcomes
        ``OUTCOME``, shape (m,): final outcomes, of these and other leads.
    horizon
        Which outcomes count.
    watermark
        Latest time of a score, in milliseconds since 1970.
    """
    order = np.lexsort((np.arange(len(leads)), at, leads))
    leads, at = leads[order], at[order]
    success = np.full(len(leads), -1, dtype=np.int8)
    owner, given = _owners(leads, at, outcomes, horizon)
    success[owner] = given["is_positive"]  # of several, the last one stays
    is_superseded = np.zeros(len(leads), dtype=bool)
    is_superseded[:-1] = (leads[1:] == leads[:-1]) & (at[1:] <= at[:-1] + horizon.counts_ms)
    known = (at + horizon.counts_ms <= watermark) & ((success >= 0) | ~is_superseded)
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    return Outcomes(known[back], (known & (success == 1))[back])


def _owners(
    leads: NDArray[np.uint64], at: Times, outcomes: NDArray[np.void], horizon: Horizon
) -> tuple[NDArray[np.int64], NDArray[np.void]]:
    """Return the score that each outcome belongs to, and these outcomes, in order of time."""
    mine = outcomes[np.isin(outcomes["lead"], leads)]
    mine = mine[np.lexsort((mine["offset"], mine["at"], mine["lead"]))]
    n = len(leads)
    is_outcome = np.repeat([False, True], [n, len(mine)])
    both = np.lexsort(
        (
            is_outcome,
            np.concatenate((at, mine["at"])),
            np.concatenate((leads, mine["lead"])),
        )
    )
    scores_before = np.maximum.accumulate(np.where(is_outcome[both], -1, both))
    owner = scores_before[is_outcome[both]]
    last = np.where(owner >= 0, at[owner], 0) + horizon.counts_ms
    counts = (
        (owner >= 0)
        & (leads[owner] == mine["lead"])
        & (mine["at"] <= last)
        & (mine["arrived"] <= last + horizon.late_ms)
    )
    return owner[counts], mine[counts]
