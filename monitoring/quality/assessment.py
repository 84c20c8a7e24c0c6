"""All figures of quality of a set of leads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from monitoring.quality.calibration import Calibration, calibration
from monitoring.quality.counts import QualityCounts
from monitoring.quality.estimated import EstimatedQuality, estimated_quality
from monitoring.quality.figure import Figure, proportion
from monitoring.quality.losses import brier, log_loss
from monitoring.quality.ranking import Tenth, auc, average_precision, lift, tenths
from monitoring.quality.score_bins import MIDDLES
from monitoring.quality.scored_outcomes import MONEY_UNIT

__all__ = ["BandFigures", "QualityFigures", "assess"]

BEST_FIRST = ("High", "Medium", "Low")
"""Order of the bands; bands of other names follow."""


@dataclass(frozen=True, slots=True)
class BandFigures:
    """Figures of a band.

    Attributes
    ----------
    band
        Its name.
    leads
        Number of its leads with a known outcome.
    positives
        How many of them converted.
    unknown
        Number of its leads whose outcome is not known yet.
    conversion
        The share that converted; None where no outcome is known.
    money
        Sum of the amounts by currency, in units of the currency.
    """

    band: str
    leads: int
    positives: int
    unknown: int
    conversion: Figure | None
    money: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class QualityFigures:
    """Quality of the scores of a set of leads.

    Attributes
    ----------
    leads
        Number of leads with a known outcome: all figures but ``estimated`` are of them.
    positives
        How many of them converted.
    unknown
        Number of leads whose outcome is not known yet.
    conversion
        The share that converted.
    mean_score
        Mean score: the conversion that the scores promised.
    auc, average_precision, lift
        How well scores rank (``monitoring.quality.ranking``).
    brier, log_loss
        Proper scoring rules, of the scores themselves.
    calibration
        Whether the scores are right as probabilities.
    tenths
        Tenths of the leads, the best-scored first.
    bands
        Figures by band, High first.
    estimated
        What the scores promise of all leads; it assumes that calibration holds.

    Figures are None where no outcome, or only one kind, is known.
    """

    leads: int
    positives: int
    unknown: int
    conversion: Figure | None
    mean_score: float | None
    auc: Figure | None
    average_precision: Figure | None
    lift: Figure | None
    brier: Figure | None
    log_loss: Figure | None
    calibration: Calibration | None
    tenths: tuple[Tenth, ...]
    bands: tuple[BandFigures, ...]
    estimated: EstimatedQuality | None

    def as_dict(self) -> dict[str, Any]:
        """Return the figures by name, for JSON."""
        return asdict(self)


def assess(counts: QualityCounts) -> QualityFigures:
    """Compute all figures of a set of leads."""
    positives, negatives = counts.table[:, 0], counts.table[:, 1]
    scores, known = MIDDLES[counts.codes], counts.known
    return QualityFigures(
        leads=known,
        positives=counts.positives,
        unknown=counts.unknown,
        conversion=proportion(counts.positives, known),
        mean_score=counts.mean_score,
        auc=auc(positives, negatives),
        average_precision=average_precision(positives, negatives),
        lift=lift(positives, negatives),
        brier=brier(counts),
        log_loss=log_loss(counts),
        calibration=calibration(positives, negatives, scores),
        tenths=tenths(positives, negatives, scores),
        bands=_bands(counts),
        estimated=estimated_quality(counts),
    )


def _bands(counts: QualityCounts) -> tuple[BandFigures, ...]:
    def place(band: str) -> tuple[int, str]:
        return (BEST_FIRST.index(band) if band in BEST_FIRST else len(BEST_FIRST)), band

    return tuple(
        BandFigures(
            band=part.band,
            leads=part.positives + part.negatives,
            positives=part.positives,
            unknown=part.unknown,
            conversion=proportion(part.positives, part.positives + part.negatives),
            money={
                money.currency: money.amount / MONEY_UNIT
                for money in counts.money
                if money.band == part.band
            },
        )
        for part in sorted(counts.bands, key=lambda part: place(part.band))
    )
