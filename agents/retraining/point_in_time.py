"""Point-in-time labels: leads as they were when they were scored, and what was known by a cut.

A label may use nothing from the future: no outcome that became known after the cut, no version of
a lead from after its outcome, and no lead that is too young for its outcome to be known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Cut", "KnownOutcome", "LabelCounts", "LabelledRows", "label_leads"]


@dataclass(frozen=True, slots=True)
class KnownOutcome:
    """A final outcome of a lead; steps on the way are none.

    Attributes
    ----------
    occurred_at
        When it happened, milliseconds since 1970.
    known_at
        When it became known, that is, when its record was written; milliseconds since 1970.
    is_success
        Whether it is a success; else it is a failure.
    amount
        What it brought, in units of the currency; None: not known.
    currency
        Three letters (ISO 4217); None: not known.
    """

    occurred_at: int
    known_at: int
    is_success: bool
    amount: float | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class Cut:
    """The moment of a data set, and the spans that count from it.

    Attributes
    ----------
    at
        Milliseconds since 1970: whatever happened or became known later is not used.
    horizon_ms
        Time in which a lead converts or counts as not converted.
    late_ms
        Time after the horizon in which an outcome that occurred within it may still become known.
    window_ms
        Length of the data set, up to the latest lead whose outcome is known.
    """

    at: int
    horizon_ms: int
    window_ms: int
    late_ms: int = 0

    @property
    def first(self) -> int:
        """Time of the earliest lead."""
        return self.last - self.window_ms

    @property
    def last(self) -> int:
        """Time of the latest lead whose outcome is known at the cut."""
        return self.at - self.horizon_ms - self.late_ms


@dataclass(slots=True)
class LabelCounts:
    """Number of records and outcomes by their use in the data set.

    Attributes
    ----------
    records
        Records of leads.
    too_old, immature
        Records before the window, and records whose horizon had not passed at the cut.
    superseded
        Records of leads of which another record was taken: a lead is one row.
    after_outcome
        Records of leads that have none from before their outcome.
    outcomes, outcomes_after_cut
        Final outcomes, and those of them that happened or became known after the cut.
    """

    records: int = 0
    too_old: int = 0
    immature: int = 0
    superseded: int = 0
    after_outcome: int = 0
    outcomes: int = 0
    outcomes_after_cut: int = 0

    def as_dict(self) -> dict[str, int]:
        """Return the counts by name, for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class LabelledRows:
    """The rows of a data set, n of them, by ascending time.

    Attributes
    ----------
    rows
        int64, shape (n,): index of each among the records.
    converted
        bool, shape (n,).
    counts
        Number of the others, by the reason why they are no rows.
    successes
        The outcome of each row that converted; None for the others.
    """

    rows: NDArray[np.int64]
    converted: NDArray[np.bool_]
    counts: LabelCounts
    successes: tuple[KnownOutcome | None, ...]


def label_leads(
    lead_ids: Sequence[bytes],
    times: NDArray[np.int64],
    outcomes: Mapping[bytes, Sequence[KnownOutcome]],
    cut: Cut,
) -> LabelledRows:
    """Choose one record of each lead, and label it with what was known at the cut.

    It is the last record that an outcome followed within the horizon; of several outcomes the last
    decides. Without such a record, it is the last one before any outcome, and a failure. Of records
    of the same time the first is taken: nobody knows whether the others came before the outcome.

    Parameters
    ----------
    lead_ids
        The lead of each of m records, in the order in which a lead's records were written.
    times
        int64, shape (m,): when each record was scored, milliseconds since 1970.
    outcomes
        By lead, in any order.
    cut
        The moment of the data set.
    """
    counts = LabelCounts(records=len(times), outcomes=sum(map(len, outcomes.values())))
    is_old, is_young = times < cut.first, times > cut.last
    counts.too_old, counts.immature = int(is_old.sum()), int((is_young & ~is_old).sum())
    versions: dict[bytes, dict[int, int]] = {}
    within = np.flatnonzero(~is_old & ~is_young)
    for row, at in zip(within.tolist(), times[within].tolist(), strict=True):
        versions.setdefault(lead_ids[row], {}).setdefault(at, row)
    rows: list[int] = []
    successes: list[KnownOutcome | None] = []
    for lead_id, row_at in versions.items():
        known = _known(outcomes.get(lead_id, ()), cut)
        counts.outcomes_after_cut += len(outcomes.get(lead_id, ())) - len(known)
        chosen = _chosen(sorted(row_at, reverse=True), known, cut.horizon_ms)
        if chosen is None:
            counts.after_outcome += 1
            continue
        at, success = chosen
        rows.append(row_at[at])
        successes.append(success)
    counts.superseded = len(within) - len(rows) - counts.after_outcome
    found = np.array(rows, dtype=np.int64)
    order = np.argsort(times[found], kind="stable")
    ordered = tuple(successes[place] for place in order.tolist())
    converted = np.array([success is not None for success in ordered], dtype=bool)
    return LabelledRows(found[order], converted, counts, ordered)


def _known(outcomes: Sequence[KnownOutcome], cut: Cut) -> list[KnownOutcome]:
    """Return the outcomes that were known at the cut, the last one first."""
    known = [o for o in outcomes if o.known_at <= cut.at and o.occurred_at <= cut.at]
    return sorted(known, key=lambda outcome: outcome.occurred_at, reverse=True)


def _chosen(
    times: Sequence[int], known: Sequence[KnownOutcome], horizon_ms: int
) -> tuple[int, KnownOutcome | None] | None:
    """Return the time of the record to take and its success; both sequences have the last first."""
    for at in times:
        for outcome in known:
            if at <= outcome.occurred_at <= at + horizon_ms:
                return at, outcome if outcome.is_success else None
    first = known[-1].occurred_at if known else None
    return next(((at, None) for at in times if first is None or at <= first), None)
