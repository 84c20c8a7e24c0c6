"""Point-in-time labels: leads as they were when they were scored, and what was known by a cut.

A label may use nothing from the future: no outcome that became known after the cut, no version of
a lead from after its outcome, and no lead that is too young for its outcome to be known.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "KEY_BYTES",
    "Cut",
    "KnownOutcome",
    "LabelCounts",
    "LabelledRows",
    "label_leads",
    "lead_key",
]

KEY_BYTES = 16
"""Two of a billion leads have the same key with a probability below 1e-20."""


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


def lead_key(lead_id: bytes) -> bytes:
    """Return the 16 bytes that stand for a lead, however long its id is."""
    return hashlib.blake2b(lead_id, digest_size=KEY_BYTES).digest()


def label_leads(
    leads: NDArray[np.uint8],
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
    leads
        uint8, shape (m, 16): the ``lead_key`` of each record's lead, in the order in which a
        lead's records were written.
    times
        int64, shape (m,): when each record was scored, milliseconds since 1970.
    outcomes
        By ``lead_key``; those of a lead in any order.
    cut
        The moment of the data set.
    """
    counts = LabelCounts(records=len(times), outcomes=sum(map(len, outcomes.values())))
    is_old, is_young = times < cut.first, times > cut.last
    counts.too_old, counts.immature = int(is_old.sum()), int((is_young & ~is_old).sum())
    records, starts = _by_lead(leads, times, np.flatnonzero(~is_old & ~is_young))
    rows = np.empty(len(starts), dtype=np.int64)
    successes: list[KnownOutcome | None] = []
    for start, end in pairwise([*starts.tolist(), len(records)]):
        own = records[start:end]
        found = outcomes.get(leads[own[0]].tobytes(), ())
        known = _known(found, cut)
        counts.outcomes_after_cut += len(found) - len(known)
        at, first = np.unique(times[own], return_index=True)  # of each time the first record
        chosen = _chosen(at[::-1].tolist(), known, cut.horizon_ms)
        if chosen is None:
            counts.after_outcome += 1
            continue
        rows[len(successes)] = own[first[np.searchsorted(at, chosen[0])]]
        successes.append(chosen[1])
    rows = rows[: len(successes)]
    counts.superseded = len(records) - len(rows) - counts.after_outcome
    order = np.lexsort((rows, times[rows]))
    ordered = tuple(successes[place] for place in order.tolist())
    converted = np.array([success is not None for success in ordered], dtype=bool)
    return LabelledRows(rows[order], converted, counts, ordered)


def _by_lead(
    leads: NDArray[np.uint8], times: NDArray[np.int64], records: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return records lead by lead, each lead's by time, and where each lead's begin."""
    high, low = np.ascontiguousarray(leads).view(">u8").T
    ordered = records[np.lexsort((times[records], low[records], high[records]))]
    is_other = (np.diff(high[ordered]) != 0) | (np.diff(low[ordered]) != 0)
    starts = np.flatnonzero(np.concatenate([np.ones(min(1, len(ordered)), bool), is_other]))
    return ordered, starts


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
