"""Counts of scores by outcome, a set for each channel, model and week."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from agents.outcomes.kinds import OutcomeKind
from monitoring.quality.counts import QualityCounts
from monitoring.quality.scored_outcomes import NEGATIVE, POSITIVE, UNKNOWN, ScoredOutcomes
from schemas.model_identity import ModelIdentity

__all__ = ["CohortKey", "CohortLeads", "CohortRow", "CohortRows", "Cohorts", "Deltas"]

CODES = {None: UNKNOWN, OutcomeKind.NEGATIVE: NEGATIVE, OutcomeKind.POSITIVE: POSITIVE}


class CohortKey(NamedTuple):
    """The scores of a model in a week, or those of a segment.

    Attributes
    ----------
    channel
        0, the live topic; 1, the shadow's.
    model
        The model.
    week
        Start of the week, Monday 0:00 UTC, in milliseconds since 1970.
    segment
        Field and segment; None: all scores.
    """

    channel: int
    model: ModelIdentity
    week: int
    segment: tuple[str, str] | None = None


class CohortRow(NamedTuple):
    """A score that counts, as a set of counts sees it."""

    score: float
    kind: OutcomeKind | None
    band: str
    money: int = 0
    currency: str = ""


CohortRows = Counter[CohortRow]
"""How many of each row are added; negative: removed."""
Deltas = Mapping[CohortKey, CohortRows]


class CohortLeads(NamedTuple):
    """Leads of a cohort, by column, that are added (``sign`` 1) or removed (-1)."""

    key: CohortKey
    leads: ScoredOutcomes
    sign: int


class Cohorts:
    """Counts by cohort."""

    def __init__(self) -> None:
        self.counts: dict[CohortKey, QualityCounts] = {}

    def apply(self, deltas: Deltas, leads: Iterable[CohortLeads] = ()) -> set[CohortKey]:
        """Add and remove leads, by rows and by column; return the cohorts that changed.

        Raises
        ------
        ValueError
            A row was removed that had not been added.
        """
        changed = set()
        for key, rows in deltas.items():
            added = [row for row, n in rows.items() for _ in range(n)]
            removed = [row for row, n in rows.items() for _ in range(-n)]
            if added or removed:
                counts = self.counts.get(key, QualityCounts())
                self.counts[key] = counts + _counted(added) - _counted(removed)
                changed.add(key)
        for key, columns, sign in leads:
            counts, counted = self.counts.get(key, QualityCounts()), QualityCounts.count(columns)
            self.counts[key] = counts + counted if sign > 0 else counts - counted
            changed.add(key)
        return changed


def _counted(rows: Iterable[CohortRow]) -> QualityCounts:
    found = list(rows)
    if not found:
        return QualityCounts()
    scores, kinds, bands, money, currencies = zip(*found, strict=True)
    return QualityCounts.count(
        ScoredOutcomes(
            scores=np.array(scores, dtype=np.float64),
            outcomes=np.array([CODES[kind] for kind in kinds], dtype=np.int8),
            bands=bands,
            amounts=np.array(money, dtype=np.int64),
            currencies=currencies,
        )
    )
