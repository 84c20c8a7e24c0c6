"""The pairs of one partition: both results of each lead that live and shadow have reached."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.comparison.scored_pair import ScoredPair, Side
from agents.verdict.known_outcomes import Horizon, known_outcomes
from agents.verdict.score_columns import DEAD, SCORED

__all__ = ["PairCounts", "PartitionPairs", "pair_partition"]

Rows = NDArray[np.void]


@dataclass(slots=True)
class PairCounts:
    """Leads that both sides have reached, by what each made of them.

    Attributes
    ----------
    both
        Scored by both.
    only_live
        Scored live, a dead letter of the shadow.
    only_shadow
        A dead letter live, scored by the shadow.
    neither
        Dead letters of both.
    unmatched
        Only one side has a result: the other's has expired, or was scored by another model.
    """

    both: int = 0
    only_live: int = 0
    only_shadow: int = 0
    neither: int = 0
    unmatched: int = 0

    def add(self, other: PairCounts) -> None:
        """Add the counts of another partition."""
        self.both += other.both
        self.only_live += other.only_live
        self.only_shadow += other.only_shadow
        self.neither += other.neither
        self.unmatched += other.unmatched

    @property
    def reached(self) -> int:
        """Leads with a result of both sides."""
        return self.both + self.only_live + self.only_shadow + self.neither


@dataclass(frozen=True, slots=True)
class PartitionPairs:
    """Pairs of a partition, for a verdict.

    Attributes
    ----------
    counts
        Leads by what each side made of them.
    live, shadow
        ``ROW``, shape (n,): the results of the n leads that both have scored, in the order in
        which they were scored live.
    known, positive
        bool, shape (n,): whether the outcome is known, and whether it is a success.
    waiting
        Number of pairs whose horizon has not passed.
    next_known
        When the first of those is known, in milliseconds since 1970; None: there is none.
    """

    counts: PairCounts
    live: Rows
    shadow: Rows
    known: NDArray[np.bool_]
    positive: NDArray[np.bool_]
    waiting: int = 0
    next_known: int | None = None

    @property
    def pair(self) -> ScoredPair:
        """Both scores: live ones before, the shadow's after."""
        return ScoredPair(*(_side(rows) for rows in (self.live, self.shadow)))


def pair_partition(
    live: Rows, shadow: Rows, models: tuple[int, int], outcomes: Rows, horizon: Horizon
) -> PartitionPairs:
    """Pair the results of a partition, from the shadow's first to the last that both have reached.

    Parameters
    ----------
    live, shadow
        ``ROW``: all results, ascending by offset.
    models
        Numbers of the models that are compared.
    outcomes
        ``OUTCOME``: all final outcomes.
    horizon
        Which outcomes count.
    """
    live_scored = live[live["state"] == SCORED]
    watermark = int(live_scored["at"].max()) if len(live_scored) else 0
    known = known_outcomes(live_scored["lead"], live_scored["at"], outcomes, horizon, watermark)
    ours = shadow[(shadow["model"] == models[1]) | (shadow["state"] == DEAD)]
    first, last = _common(live, ours)
    mine, theirs = (_within(rows, first, last) for rows in (live, ours))
    mine = mine[(mine["model"] == models[0]) | (mine["state"] == DEAD)]
    _, a, b = np.intersect1d(
        mine["offset"], theirs["offset"], assume_unique=True, return_indices=True
    )
    counts = _counts(mine[a]["state"] == SCORED, theirs[b]["state"] == SCORED)
    counts.unmatched = len(mine) + len(theirs) - 2 * len(a)
    is_both = (mine[a]["state"] == SCORED) & (theirs[b]["state"] == SCORED)
    a, b = a[is_both], b[is_both]
    order = np.argsort(mine[a]["at"], kind="stable")
    a, b = a[order], b[order]
    place = np.searchsorted(live_scored["offset"], mine[a]["offset"])
    due = mine[a]["at"] + horizon.counts_ms
    later = due[due > watermark]
    return PartitionPairs(
        counts,
        mine[a],
        theirs[b],
        known.known[place],
        known.positive[place],
        len(later),
        int(later.min()) if len(later) else None,
    )


def _common(live: Rows, shadow: Rows) -> tuple[int, int]:
    """Return the first and the last offset that both sides have reached."""
    if not len(live) or not len(shadow):
        return 0, -1
    first = max(int(rows["offset"][0]) for rows in (live, shadow))
    return first, min(int(rows["offset"][-1]) for rows in (live, shadow))


def _within(rows: Rows, first: int, last: int) -> Rows:
    found: Rows = rows[(rows["offset"] >= first) & (rows["offset"] <= last)]
    return found


def _counts(live: NDArray[np.bool_], shadow: NDArray[np.bool_]) -> PairCounts:
    return PairCounts(
        *(int(np.count_nonzero(where)) for where in (live & shadow, live & ~shadow)),
        *(int(np.count_nonzero(where)) for where in (~live & shadow, ~live & ~shadow)),
    )


def _side(rows: Rows) -> Side:
    return Side(rows["score"].astype(np.float64), rows["band"])
