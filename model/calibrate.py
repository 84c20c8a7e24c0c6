"""Platt calibration: from margins of leads that a model has not seen to probabilities."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from model.metadata import Calibration

__all__ = ["LEAST_LABELS", "fit_calibration"]

LEAST_LABELS = 1_000
"""With fewer labels a fitted calibration is worse than none."""
STEPS = 50
CONVERGED = 1e-10


def fit_calibration(
    margins: NDArray[np.floating], labels: NDArray[np.bool_]
) -> tuple[Calibration, str | None]:
    """Fit slope and intercept of the logit by maximum likelihood.

    Parameters
    ----------
    margins
        Floats, shape (n,): each from trees that were trained without the lead.
    labels
        bool, shape (n,), of both kinds.

    Returns
    -------
    Calibration
        Method ``none`` where it would do no good.
    str or None
        Why there is none.

    References
    ----------
    .. [1] J. Platt, "Probabilistic outputs for support vector machines and comparisons to
       regularized likelihood methods", 1999: the targets are drawn in from 0 and 1.
    .. [2] H.-T. Lin, C.-J. Lin, R. Weng, "A note on Platt's probabilistic outputs for support
       vector machines", Machine Learning 68, 2007: Newton's method.
    """
    if len(labels) < LEAST_LABELS:
        return Calibration(), (
            f"not calibrated: {len(labels):,} labels are too few to do good "
            f"(from {LEAST_LABELS:,} on)"
        )
    positives = int(labels.sum())
    negatives = len(labels) - positives
    targets = np.where(labels, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    columns = np.stack([margins.astype(np.float64), np.ones(len(labels))], axis=1)
    weights = np.array([1.0, 0.0])
    for _ in range(STEPS):
        probability = 1 / (1 + np.exp(-np.clip(columns @ weights, -500, 500)))
        gradient = columns.T @ (targets - probability)
        curvature = (columns.T * (probability * (1 - probability))) @ columns
        step = np.linalg.solve(curvature + 1e-9 * np.eye(2), gradient)
        weights = weights + step
        if np.abs(step).max() < CONVERGED:
            break
    slope, intercept = weights.tolist()
    if not (np.isfinite(weights).all() and slope > 0):
        return Calibration(), (
            "not calibrated: the trees' scores of unseen leads do not rise with success"
        )
    return Calibration(method="platt", slope=slope, intercept=intercept), None
