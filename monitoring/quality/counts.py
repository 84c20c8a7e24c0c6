"""Counts of scored leads by outcome: what the quality of a model is measured on.

They add in any order, and subtract: when the outcome of a lead becomes known, or is corrected, the
counts of the lead as it was are subtracted and those of the lead as it is are added.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitoring.quality.band_counts import (
    KINDS,
    BandCounts,
    Money,
    added_bands,
    added_money,
    bands_of,
    money_of,
)
from monitoring.quality.score_bins import CODES, codes_of
from monitoring.quality.scored_outcomes import POSITIVE, UNKNOWN, ScoredOutcomes
from schemas.record_codec import RecordCodec

__all__ = ["SUM_UNIT", "QualityCounts"]

CODEC = RecordCodec("quality_counts")
SUM_UNIT = 1_000_000_000
"""Scores and losses are summed in billionths, as whole numbers: their sum is the same in any
order."""
SMALLEST = 1e-15
"""Likelihood of an outcome that the score excludes, so that its logarithm is finite."""
BOUND = 2**48
"""Upper bound of counts in a record: sums of many of them fit in 64 bits."""

Sums = tuple[int, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class QualityCounts:
    """Counts of a set of leads, exact for their scores by bin.

    Attributes
    ----------
    codes
        uint16, shape (k,), ascending: bins of scores with a lead (``score_bins``).
    table
        int64, shape (k, 3): positives, negatives and unknown of each of these bins.
    score_sum, squared_error_sum, log_loss_sum
        Sums over the leads with a known outcome, in billionths: of the scores themselves, not of
        their bins.
    bands
        Leads by band, in the order of the bands' names.
    money
        Amounts by band and currency, in this order.
    """

    codes: NDArray[np.uint16] = field(default_factory=lambda: np.zeros(0, dtype=np.uint16))
    table: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 3), dtype=np.int64))
    score_sum: int = 0
    squared_error_sum: int = 0
    log_loss_sum: int = 0
    bands: tuple[BandCounts, ...] = ()
    money: tuple[Money, ...] = ()

    @classmethod
    def count(cls, leads: ScoredOutcomes) -> QualityCounts:
        """Count leads.

        Raises
        ------
        ValueError
            A score is not in 0 to 1.
        """
        codes, places = np.unique(codes_of(leads.scores), return_inverse=True)
        table = [
            np.bincount(places[leads.outcomes == kind], minlength=len(codes)) for kind in KINDS
        ]
        score_sum, squared_error_sum, log_loss_sum = _sums(leads)
        return cls(
            codes,
            np.stack(table, axis=1).astype(np.int64),
            score_sum,
            squared_error_sum,
            log_loss_sum,
            bands_of(leads),
            money_of(leads),
        )

    @property
    def positives(self) -> int:
        """Number of leads that converted."""
        return int(self.table[:, 0].sum())

    @property
    def negatives(self) -> int:
        """Number of leads that did not convert within the horizon."""
        return int(self.table[:, 1].sum())

    @property
    def unknown(self) -> int:
        """Number of leads whose outcome is not known yet."""
        return int(self.table[:, 2].sum())

    @property
    def known(self) -> int:
        """Number of leads with a known outcome."""
        return self.positives + self.negatives

    @property
    def leads(self) -> int:
        """Number of leads."""
        return self.known + self.unknown

    @property
    def mean_score(self) -> float | None:
        """Mean score of the leads with a known outcome; None where there are none."""
        return self.score_sum / SUM_UNIT / self.known if self.known else None

    def __add__(self, other: QualityCounts) -> QualityCounts:
        return self._combined(other, 1)

    def __sub__(self, other: QualityCounts) -> QualityCounts:
        """Remove leads that were counted.

        Raises
        ------
        ValueError
            Some of them were not.
        """
        found = self._combined(other, -1)
        counts = [found.table.min(initial=0), *(part.leads for part in found.money)]
        counts += [n for band in found.bands for n in (band.positives, band.negatives)]
        counts += [band.unknown for band in found.bands]
        if min(counts) < 0:
            raise ValueError("expected to subtract counted leads, but some were not counted")
        return found

    def __eq__(self, other: object) -> bool:
        return isinstance(other, QualityCounts) and self.record() == other.record()

    __hash__ = None  # type: ignore[assignment]

    @classmethod
    def sum(cls, parts: Iterable[QualityCounts]) -> QualityCounts:
        """Add counts; those of no lead where there are none."""
        total = cls()
        for part in parts:
            total = total + part
        return total

    def record(self) -> dict[str, Any]:
        """Return the record ``quality_counts`` of the Avro schemas."""
        positives, negatives, unknown = self.table.T.tolist()
        return {
            "codes": self.codes.tolist(),
            "positives": positives,
            "negatives": negatives,
            "unknown": unknown,
            "score_sum": self.score_sum,
            "squared_error_sum": self.squared_error_sum,
            "log_loss_sum": self.log_loss_sum,
            "bands": [asdict(band) for band in self.bands],
            "money": [asdict(part) for part in self.money],
        }

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> QualityCounts:
        """Return the counts of a record ``quality_counts``.

        Raises
        ------
        ValueError
            Its parts don't fit.
        """
        codes = np.array(record["codes"], dtype=np.int64)
        columns = [record[name] for name in ("positives", "negatives", "unknown")]
        _check(codes, columns)
        return cls(
            codes.astype(np.uint16),
            np.array(columns, dtype=np.int64).T.reshape(len(codes), 3),
            record["score_sum"],
            record["squared_error_sum"],
            record["log_loss_sum"],
            tuple(BandCounts(**band) for band in record["bands"]),
            tuple(Money(**part) for part in record["money"]),
        )

    def to_bytes(self) -> bytes:
        """Write as Avro single-object encoding: 2 to 5 bytes for each bin with a lead."""
        return CODEC.encode(self.record())

    @classmethod
    def of_bytes(cls, value: bytes | None) -> QualityCounts:
        """Read what ``to_bytes`` wrote.

        Raises
        ------
        ValueError
            The bytes are no counts.
        """
        return cls.of_record(CODEC.decode(value))

    def _combined(self, other: QualityCounts, sign: int) -> QualityCounts:
        codes, places = np.unique(np.concatenate((self.codes, other.codes)), return_inverse=True)
        table = np.zeros((len(codes), len(KINDS)), dtype=np.int64)
        table[places[: len(self.codes)]] = self.table
        table[places[len(self.codes) :]] += sign * other.table
        occupied = table.any(axis=1)
        return QualityCounts(
            codes[occupied],
            table[occupied],
            self.score_sum + sign * other.score_sum,
            self.squared_error_sum + sign * other.squared_error_sum,
            self.log_loss_sum + sign * other.log_loss_sum,
            added_bands(self.bands, other.bands, sign),
            added_money(self.money, other.money, sign),
        )


def _sums(leads: ScoredOutcomes) -> Sums:
    """Return the sums of scores, squared errors and log losses, in billionths."""
    known = leads.outcomes != UNKNOWN
    scores = leads.scores[known].astype(np.float64)
    is_positive = leads.outcomes[known] == POSITIVE
    likelihood = np.where(is_positive, scores, 1 - scores)
    figures = (scores, (scores - is_positive) ** 2, -np.log(np.maximum(likelihood, SMALLEST)))
    first, second, third = (int(np.rint(f * SUM_UNIT).astype(np.int64).sum()) for f in figures)
    return first, second, third


def _check(codes: NDArray[np.int64], columns: list[list[int]]) -> None:
    """Raise a ValueError if the table of a record is not one of counts."""
    if any(len(column) != len(codes) for column in columns):
        raise ValueError("expected three counts for each code, their numbers differ")
    if len(codes) and not (codes[0] >= 0 and codes[-1] < CODES and (np.diff(codes) > 0).all()):
        raise ValueError("expected codes of bins that ascend, got others")
    numbers = [number for column in columns for number in column]
    if numbers and not 0 <= min(numbers) <= max(numbers) < BOUND:
        raise ValueError("expected counts of at least 0, got others")
