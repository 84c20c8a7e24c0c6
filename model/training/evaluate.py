"""Measure scores: ranking, probabilities, calibration. Plain NumPy, ties handled."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Quality",
    "average_precision",
    "brier",
    "calibration_error",
    "calibration_noise",
    "evaluate",
    "fold_aucs",
    "lift",
    "log_loss",
    "log_losses",
    "roc_auc",
]

CALIBRATION_BINS = 10
NOISE_DRAWS = 200
NOISE_SEED = 20_080_501
SMALLEST = 1e-15

Labels = NDArray[np.bool_]
Scores = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Quality:
    """Quality of scores on labelled leads that the model has not seen."""

    rows: int
    positives: int
    mean_score: float
    """Compare with the share of positives."""
    auc: float
    """How often a positive scores higher than a negative; a tie counts half."""
    average_precision: float
    brier: float
    """Mean squared difference of score and label."""
    log_loss: float
    calibration_error: float
    """Mean difference of score and share of positives, over ten bins of equal size."""
    calibration_noise: float
    """Expected calibration error if every score were right: sampling noise."""
    lift: float
    """How many times the average share of positives the best tenth has."""

    @property
    def rate(self) -> float:
        """Share of positives."""
        return self.positives / self.rows

    @property
    def brier_skill(self) -> float:
        """1 minus the Brier score over that of giving every lead the share of positives.

        1 is perfect, 0 is no better, below 0 is worse.
        """
        return 1 - self.brier / (self.rate * (1 - self.rate))

    def as_dict(self) -> dict[str, float]:
        """Return the figures by name, for JSON."""
        return {**asdict(self), "brier_skill": self.brier_skill}


def evaluate(labels: Labels, scores: Scores) -> Quality:
    """Compute all measures of quality.

    Parameters
    ----------
    labels
        bool, shape (n,); of both kinds.
    scores
        Floats in 0 to 1, shape (n,).
    """
    labels = labels.astype(bool)
    scores = scores.astype(np.float64)
    return Quality(
        rows=len(labels),
        positives=int(labels.sum()),
        mean_score=float(scores.mean()),
        auc=roc_auc(labels, scores),
        average_precision=average_precision(labels, scores),
        brier=brier(labels, scores),
        log_loss=log_loss(labels, scores),
        calibration_error=calibration_error(labels, scores),
        calibration_noise=calibration_noise(scores),
        lift=lift(labels, scores),
    )


def roc_auc(labels: Labels, scores: Scores) -> float:
    """Compute the area under the ROC curve; 0.5 where there is only one kind of label."""
    positives = int(labels.sum())
    negatives = len(labels) - positives
    if not positives or not negatives:
        return 0.5
    _, tied, counts = np.unique(scores, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(counts) - (counts - 1) / 2
    ranks = float(mean_rank[tied[labels]].sum())
    return (ranks - positives * (positives + 1) / 2) / (positives * negatives)


def average_precision(labels: Labels, scores: Scores) -> float:
    """Compute the mean precision over the positives, leads with tied scores taken together."""
    positives = int(labels.sum())
    if not positives:
        return 0.0
    order = np.argsort(-scores, kind="stable")
    last_of_tie = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    hits = np.cumsum(labels[order])[last_of_tie]
    precision = hits / (last_of_tie + 1)
    return float((np.diff(hits, prepend=0) * precision).sum() / positives)


def brier(labels: Labels, scores: Scores) -> float:
    """Compute the mean squared difference of score and label."""
    return float(np.mean((scores - labels) ** 2))


def fold_aucs(labels: Labels, scores: Scores, folds: NDArray[np.integer]) -> tuple[float, ...]:
    """Compute the area under the ROC curve of each fold, in the order of their numbers."""
    own = [folds == fold for fold in np.unique(folds)]
    return tuple(roc_auc(labels[rows], scores[rows]) for rows in own)


def log_losses(labels: Labels, scores: Scores) -> NDArray[np.float64]:
    """Compute the negative log-likelihood of each lead, in nats; shape (n,)."""
    likelihood = np.where(labels, scores, 1 - scores.astype(np.float64))
    losses: NDArray[np.float64] = -np.log(np.maximum(likelihood, SMALLEST))
    return losses


def log_loss(labels: Labels, scores: Scores) -> float:
    """Compute the mean negative log-likelihood, in nats."""
    return float(log_losses(labels, scores).mean())


def calibration_error(labels: Labels, scores: Scores, bins: int = CALIBRATION_BINS) -> float:
    """Compute the expected calibration error over bins of equal size, by score.

    References
    ----------
    .. [1] M. Naeini, G. Cooper, M. Hauskrecht, "Obtaining well calibrated probabilities using
       Bayesian binning", AAAI 2015.
    """
    order = np.argsort(scores, kind="stable")
    return _error(labels[order].astype(np.float64), scores[order], bins)


def calibration_noise(scores: Scores, bins: int = CALIBRATION_BINS) -> float:
    """Estimate the calibration error that right scores would show by chance.

    Labels are drawn from the scores themselves, with a fixed seed: the mean error over the draws
    is the floor below which a measured error means nothing.
    """
    ordered = np.sort(scores.astype(np.float64))
    rng = np.random.default_rng(NOISE_SEED)
    draws = [
        _error((rng.random(len(ordered)) < ordered).astype(np.float64), ordered, bins)
        for _ in range(NOISE_DRAWS)
    ]
    return float(np.mean(draws))


def _error(labels: NDArray[np.float64], scores: Scores, bins: int) -> float:
    """Compute the calibration error of labels and scores that are sorted by score."""
    bounds = np.unique(np.linspace(0, len(labels), min(bins, len(labels)) + 1).astype(int))[:-1]
    gaps = np.add.reduceat(scores - labels, bounds)
    return float(np.abs(gaps).sum() / len(labels))


def lift(labels: Labels, scores: Scores, share: float = 0.1) -> float:
    """Compute how many times the average share of positives the best-scored leads have."""
    if not labels.any():
        return 0.0
    best = np.argsort(-scores, kind="stable")[: max(1, round(len(labels) * share))]
    return float(labels[best].mean() / labels.mean())
