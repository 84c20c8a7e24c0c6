"""Intervals of figures of quality, from what each lead adds to the figure (its influence).

A figure is, to first order, its true value plus a sum over the leads; the sum of the squares is
its variance [1]_. Differences of two figures on the same leads are paired: their influences are
subtracted. Leads that depend on each other (of one group) are summed before they are squared.

References
----------
.. [1] E. LeDell, M. Petersen, M. van der Laan, "Computationally efficient confidence intervals for
   cross-validated area under the ROC curve estimates", Electronic Journal of Statistics 9, 2015.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.training.evaluate import roc_auc

__all__ = [
    "CROSS_VALIDATED",
    "DIGITS",
    "HELD_OUT",
    "Estimate",
    "Influence",
    "auc_influence",
    "auc_margin_of_noise",
    "estimate",
    "fold_auc_influence",
    "mean_influence",
]

NORMAL_95 = 1.96
"""Standard deviations of a normal distribution, to each side, that hold 95 %."""
CROSS_VALIDATED = 1.5
"""Factor of the standard error over five folds: sqrt(1 + 5/4), since the folds' trees learn from
the same leads (C. Nadeau, Y. Bengio, "Inference for the generalization error", Machine Learning
52, 2003)."""
HELD_OUT = math.sqrt(1.25)
"""Factor of the standard error on one held-out fifth: sqrt(1 + 1/4)."""

DIGITS = 6
"""Digits of the figures that the model keeps; the last ones of a float depend on the processor."""

Influence = NDArray[np.float64]
"""Influence of each lead on a figure, shape (n,); they sum to 0."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float

    def within(self, low: float, high: float) -> Estimate:
        """Return the same with the interval cut to the range that the figure can have."""
        return Estimate(self.value, max(self.low, low), min(self.high, high))

    def as_dict(self, name: str) -> dict[str, Any]:
        """Return the figure under a name, and its interval under one of its own, for JSON."""
        bounds = [round(self.low, DIGITS), round(self.high, DIGITS)]
        return {name: round(self.value, DIGITS), f"{name}_interval": bounds}


def estimate(
    value: float, influence: Influence, *, widened: float, groups: NDArray[np.integer] | None = None
) -> Estimate:
    """Return a figure with the interval that its influences give.

    Parameters
    ----------
    value
        The figure.
    influence
        The influence of each lead.
    widened
        Factor of the standard error, `CROSS_VALIDATED` or `HELD_OUT`; 1 for influences that
        contain it.
    groups
        Integers from 0 on, shape (n,): leads with the same one depend on each other. None: none
        do.
    """
    summed = influence if groups is None else np.bincount(groups, weights=influence)
    error = NORMAL_95 * widened * math.sqrt(float(np.square(summed).sum()))
    return Estimate(value, value - error, value + error)


def auc_influence(labels: NDArray[np.bool_], scores: NDArray[np.floating]) -> Influence:
    """Compute the influence of each lead on the area under the ROC curve.

    Returns
    -------
    ndarray of float64, shape (n,)
        0 where there is only one kind of label.

    References
    ----------
    .. [1] E. DeLong, D. DeLong, D. Clarke-Pearson, "Comparing the areas under two or more
       correlated receiver operating characteristic curves", Biometrics 44, 1988.
    """
    positives = int(labels.sum())
    negatives = len(labels) - positives
    if not positives or not negatives:
        return np.zeros(len(labels))
    auc = roc_auc(labels, scores)
    # For a positive the share of negatives below it, for a negative that of positives above it.
    of_negatives = _share_below(np.sort(scores[~labels]), scores)
    of_positives = 1 - _share_below(np.sort(scores[labels]), scores)
    return np.where(labels, (of_negatives - auc) / positives, (of_positives - auc) / negatives)


def fold_auc_influence(
    labels: NDArray[np.bool_], scores: NDArray[np.floating], folds: NDArray[np.integer]
) -> Influence:
    """Compute the influence of each lead on the mean AUC of the folds."""
    influence = np.zeros(len(labels))
    names = np.unique(folds)
    for fold in names:
        own = folds == fold
        influence[own] = auc_influence(labels[own], scores[own]) / len(names)
    return influence


def mean_influence(values: NDArray[np.floating]) -> Influence:
    """Compute the influence of each lead on the mean of a value that each lead has."""
    influence: Influence = (values - values.mean()) / len(values)
    return influence


def _share_below(
    ordered: NDArray[np.floating], scores: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Return the share of values below each score, ties half."""
    below = np.searchsorted(ordered, scores, side="left")
    not_above = np.searchsorted(ordered, scores, side="right")
    share: NDArray[np.float64] = (below + not_above) / (2 * len(ordered))
    return share


def auc_margin_of_noise(positives: int, negatives: int) -> float:
    """Return half of the 95 % interval around 0.5 that the cross-validated AUC of noise has.

    It needs no scores: for models of which only the AUC was kept.

    Parameters
    ----------
    positives, negatives
        Number of leads of each kind, one or more.

    References
    ----------
    .. [1] H. Mann, D. Whitney, "On a test of whether one of two random variables is stochastically
       larger than the other", Annals of Mathematical Statistics 18, 1947.
    """
    error = math.sqrt((positives + negatives + 1) / (12 * positives * negatives))
    return NORMAL_95 * CROSS_VALIDATED * error
