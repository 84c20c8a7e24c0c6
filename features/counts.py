"""Counts of leads by reference bin: what drift is measured on. They can be added in any order."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from features.reference import Bins, FieldReference, Reference

__all__ = ["SCORE_UNIT", "CountLayout", "LeadCounts"]

SCORE_UNIT = 1_000_000_000
"""Scores are summed in billionths, as whole numbers: their sum is the same in any order."""


@dataclass(frozen=True)
class CountLayout:
    """Where each field's bins are in a flat vector of counts; then those of further aspects.

    The score's are the last.

    Parameters
    ----------
    reference
        The fields' and the score's bins.
    """

    reference: Reference

    @property
    def fields(self) -> tuple[FieldReference, ...]:
        """The fields, in the order of the vector."""
        return self.reference.fields

    @cached_property
    def counted(self) -> tuple[FieldReference, ...]:
        """Return the bins that are counted besides the score, in the order of the vector."""
        return self.reference.counted

    @cached_property
    def starts(self) -> NDArray[np.intp]:
        """Where each of them begins, then the score, then the end: shape (counted + 2,)."""
        codes = [bins.codes for bins in (*self.counted, self.reference.score)]
        return np.concatenate(([0], np.cumsum(codes))).astype(np.intp)

    @property
    def size(self) -> int:
        """Length of the vector."""
        return int(self.starts[-1])

    @cached_property
    def reference_counts(self) -> NDArray[np.int64]:
        """The training data's own counts: int64, shape (size,)."""
        bins: tuple[Bins, ...] = (*self.counted, self.reference.score)
        return np.concatenate([np.asarray(b.counts, dtype=np.int64) for b in bins])

    def parts(self, counts: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """Split a vector into the counts by code of each field and aspect, then of the score."""
        return [counts[start:end] for start, end in pairwise(self.starts.tolist())]

    def count(
        self, bins: NDArray[np.int16], scores: NDArray[np.float32], *, label: float
    ) -> LeadCounts:
        """Count leads.

        Parameters
        ----------
        bins
            int16, shape (n, counted): each value's code.
        scores
            float32, shape (n,): calibrated scores, 0 to 1.
        label
            Score above which a lead counts as engaged.
        """
        flat = np.empty((len(bins), len(self.counted) + 1), dtype=np.intp)
        np.add(bins, self.starts[:-2], out=flat[:, :-1])
        flat[:, -1] = self.reference.score.codes_of(scores.astype(np.float64)) + self.starts[-2]
        missing = self.reference.missing_codes
        units = np.rint(scores.astype(np.float64) * SCORE_UNIT)
        return LeadCounts(
            counts=np.bincount(flat.ravel(), minlength=self.size).astype(np.int64, copy=False),
            leads=len(bins),
            present=int(np.count_nonzero(bins[:, : len(self.fields)] != missing)),
            score_sum=int(units.astype(np.int64).sum()),
            engaged=int(np.count_nonzero(scores > np.float32(label))),
        )

    def none(self) -> LeadCounts:
        """Return the counts of no lead."""
        return LeadCounts(np.zeros(self.size, dtype=np.int64), 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class LeadCounts:
    """Counts of a set of leads.

    Attributes
    ----------
    counts
        int64, shape (layout.size,).
    leads
        How many they are.
    present
        How many of their fields were there, summed over the leads.
    score_sum
        Sum of the scores, in billionths.
    engaged
        How many have a score above the model's label threshold.
    """

    counts: NDArray[np.int64]
    leads: int
    present: int
    score_sum: int
    engaged: int

    def __add__(self, other: LeadCounts) -> LeadCounts:
        return LeadCounts(
            self.counts + other.counts,
            self.leads + other.leads,
            self.present + other.present,
            self.score_sum + other.score_sum,
            self.engaged + other.engaged,
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, LeadCounts):
            return NotImplemented
        mine, theirs = self._numbers, other._numbers
        return mine == theirs and bool(np.array_equal(self.counts, other.counts))

    __hash__ = None  # type: ignore[assignment]

    @property
    def _numbers(self) -> tuple[int, ...]:
        return self.leads, self.present, self.score_sum, self.engaged

    @property
    def mean_score(self) -> float:
        """Mean of the scores; NaN of no lead."""
        return self.score_sum / SCORE_UNIT / self.leads if self.leads else float("nan")

    @property
    def engagement(self) -> float:
        """Share of the leads that are engaged; NaN of no lead."""
        return self.engaged / self.leads if self.leads else float("nan")

    def coverage(self, fields: int) -> float:
        """Return the mean number of fields that were there, as a share of a typical lead's.

        Parameters
        ----------
        fields
            How many a typical lead has.

        Returns
        -------
        float
            0 to 1; NaN of no lead.
        """
        return min(1.0, self.present / (self.leads * fields)) if self.leads else float("nan")
