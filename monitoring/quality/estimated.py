"""AUC and conversion estimated from scores alone, before any outcome is known.

**They assume that calibration holds**: that of leads with a score of 0.3, three in ten convert. A
change of the leads alone (covariate drift) keeps that, and the estimate shows what it does to the
AUC. A change of what makes leads convert (concept drift) breaks it, and the estimate does not see
it: once outcomes are known, an AUC far below the estimate is a sign of it.

References
----------
J. Białek, W. Kuberski, N. Perrakis, A. Bifet, "Estimating model performance under covariate shift
without labels", 2024: confidence-based performance estimation (CBPE), as in NannyML.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from monitoring.quality.counts import QualityCounts
from monitoring.quality.figure import Figure
from monitoring.quality.ranking import area, auc_error
from monitoring.quality.score_bins import MIDDLES

__all__ = ["EstimatedQuality", "estimated_quality"]


@dataclass(frozen=True, slots=True)
class EstimatedQuality:
    """Quality that the scores promise of all leads, with a known outcome or without.

    Attributes
    ----------
    leads
        Number of these leads.
    auc
        Expected AUC, with the interval for the AUC of this number of leads.
    conversion
        Expected share of positives: the mean score; its interval likewise.
    brier
        Expected Brier score.
    """

    leads: int
    auc: Figure
    conversion: Figure
    brier: float


def estimated_quality(counts: QualityCounts) -> EstimatedQuality | None:
    """Estimate the quality of scores from the scores alone (CBPE).

    Returns
    -------
    EstimatedQuality or None
        None where there is no lead.
    """
    if not counts.leads:
        return None
    scores, leads = MIDDLES[counts.codes], counts.table.sum(axis=1)
    positives, negatives = leads * scores, leads * (1 - scores)
    mean = float(positives.sum()) / counts.leads
    variance = float((leads * scores * (1 - scores)).sum())
    return EstimatedQuality(
        leads=counts.leads,
        auc=Figure.of_error(area(positives, negatives), auc_error(positives, negatives), high=1.0),
        conversion=Figure.of_error(mean, math.sqrt(variance) / counts.leads, high=1.0),
        brier=variance / counts.leads,
    )
