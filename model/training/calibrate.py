"""Platt calibration: from margins of leads that a model has not seen to probabilities."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from model.metadata import Calibration
from model.training.evaluate import log_loss

__all__ = ["choose_calibration", "fit_platt"]

STEPS = 100
CONVERGED = 1e-9
RIDGE = 1e-9
"""Keeps the curvature invertible where all margins are alike."""


def choose_calibration(
    margins: NDArray[np.floating], labels: NDArray[np.bool_], folds: NDArray[np.integer]
) -> Calibration:
    """Return Platt's calibration where it lowers the log loss of leads that it was not fitted to.

    The comparison is cross-fitted: each fold is scored by a calibration of the other folds, so it
    holds for few leads, too.

    Parameters
    ----------
    margins
        Floats, shape (n,): each from trees that were trained without the lead.
    labels
        bool, shape (n,), of both kinds.
    folds
        Integers, shape (n,): the fold of each lead, two or more.

    Returns
    -------
    Calibration
        Fitted to all leads, or method ``none``. A constant (slope 0) where the margins do not rise
        with success: raw margins would then be wrong in the ranking as well as in the level.
    """
    platt = fit_platt(margins, labels)
    if platt.slope == 0:
        return platt
    crossed = np.empty(len(labels), dtype=np.float64)
    for fold in np.unique(folds):
        own = folds == fold
        crossed[own] = fit_platt(margins[~own], labels[~own]).probability(margins[own])
    raw = Calibration()
    is_better = log_loss(labels, crossed) < log_loss(labels, raw.probability(margins))
    return platt if is_better else raw


def fit_platt(margins: NDArray[np.floating], labels: NDArray[np.bool_]) -> Calibration:
    """Fit slope and intercept of the logit by maximum likelihood.

    Parameters
    ----------
    margins
        Floats, shape (n,).
    labels
        bool, shape (n,).

    Returns
    -------
    Calibration
        A calibration of method ``platt``. Where the slope would not be above 0, it is 0 and every
        lead gets the share of positives.

    References
    ----------
    .. [1] J. Platt, "Probabilistic outputs for support vector machines and comparisons to
       regularized likelihood methods", 1999: the targets are drawn in from 0 and 1.
    .. [2] H.-T. Lin, C.-J. Lin, R. Weng, "A note on Platt's probabilistic outputs for support
       vector machines", Machine Learning 68, 2007: Newton's method.
    """
    positives = int(labels.sum())
    negatives = len(labels) - positives
    targets = np.where(labels, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    slope, intercept = _maximum_likelihood(margins.astype(np.float64), targets)
    if not slope > 0:
        # At least half a lead of each kind keeps the logit finite where there is one kind only.
        odds = max(positives, 0.5) / max(negatives, 0.5)
        return Calibration(method="platt", slope=0.0, intercept=math.log(odds))
    return Calibration(method="platt", slope=slope, intercept=intercept)


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
