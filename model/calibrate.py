"""Platt calibration: from margins of leads that a model has not seen to probabilities."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from model.metadata import Calibration

__all__ = ["LEAST_LABELS", "fit_calibration"]

LEAST_LABELS = 1_000
"""With fewer labels a fitted calibration is worse than none."""
STEPS = 100
CONVERGED = 1e-9
RIDGE = 1e-9
"""Keeps the curvature invertible where all margins are alike."""


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
    slope, intercept = _maximum_likelihood(margins.astype(np.float64), targets)
    if not slope > 0:
        return Calibration(), (
            "not calibrated: the trees' scores of unseen leads do not rise with success"
        )
    return Calibration(method="platt", slope=slope, intercept=intercept), None


def _maximum_likelihood(
    margins: NDArray[np.float64], targets: NDArray[np.float64]
) -> tuple[float, float]:
    """Find slope and intercept by Newton's method; a step that overshoots is halved."""
    columns = np.stack([margins, np.ones(len(margins))], axis=1)
    weights = np.zeros(2)
    loss = _loss(columns @ weights, targets)
    for _ in range(STEPS):
        logits = columns @ weights
        probability = np.exp(-np.logaddexp(0, -logits))
        curvature = (columns.T * (probability * (1 - probability))) @ columns
        step = np.linalg.solve(curvature + RIDGE * np.eye(2), columns.T @ (targets - probability))
        while (new_loss := _loss(columns @ (weights + step), targets)) > loss:
            step = step / 2
            if np.abs(step).max() < CONVERGED:
                return float(weights[0]), float(weights[1])
        weights, loss = weights + step, new_loss
        if np.abs(step).max() < CONVERGED:
            break
    return float(weights[0]), float(weights[1])


def _loss(logits: NDArray[np.float64], targets: NDArray[np.float64]) -> float:
    return float(np.logaddexp(0, logits).sum() - (targets * logits).sum())
