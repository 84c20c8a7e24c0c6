"""How well scores rank leads, from counts by bin of score: AUC, average precision, lift.

Leads of one bin count as tied. A figure is exact for the scores rounded to bins; the AUC of the
scores themselves is at most half the share of pairs of a positive and a negative in one bin away
(``auc_bound``).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitoring.quality.figure import Figure, proportion

__all__ = [
    "Tenth",
    "area",
    "auc",
    "auc_bound",
    "auc_error",
    "average_precision",
    "divided",
    "lift",
    "lift_of_best",
    "mean_precision",
    "tenths",
]

TENTHS = 10
DRAWS = 200
SEED = 20_080_501
LOW, HIGH = 0.025, 0.975

Counts = NDArray[np.int64]
"""Leads by bin of score, ascending, shape (k,)."""
Numbers = NDArray[np.int64] | NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Tenth:
    """A tenth of the leads, by score.

    Attributes
    ----------
    leads, positives
        Their number, and how many converted. Leads of a bin that is in two tenths are divided in
        proportion: neither need be whole.
    mean_score
        Their mean score, by the middles of the bins.
    rate
        The share that converted, with its interval.
    """

    leads: float
    positives: float
    mean_score: float
    rate: Figure


def auc(positives: Counts, negatives: Counts) -> Figure | None:
    """Compute the area under the ROC curve; a tie counts half.

    Returns
    -------
    Figure or None
        With DeLong's interval; None where there is only one kind of outcome.

    References
    ----------
    E. DeLong, D. DeLong, D. Clarke-Pearson, "Comparing the areas under two or more correlated
    receiver operating characteristic curves", Biometrics 44, 1988.
    """
    if not positives.sum() or not negatives.sum():
        return None
    return Figure.of_error(area(positives, negatives), auc_error(positives, negatives), high=1.0)


def auc_error(positives: Numbers, negatives: Numbers) -> float:
    """Compute DeLong's standard error of the AUC; infinite with a single lead of a kind."""
    of_positives, of_negatives = float(positives.sum()), float(negatives.sum())
    if min(of_positives, of_negatives) <= 1:
        return math.inf
    found = area(positives, negatives)
    below = (np.cumsum(negatives) - negatives / 2) / of_negatives
    above = 1 - (np.cumsum(positives) - positives / 2) / of_positives
    variance = float((positives * (below - found) ** 2).sum()) / (of_positives - 1) / of_positives
    variance += float((negatives * (above - found) ** 2).sum()) / (of_negatives - 1) / of_negatives
    return math.sqrt(variance)


def auc_bound(positives: Counts, negatives: Counts) -> float:
    """Compute how far the AUC by bin can be from that of the scores: half the share of ties."""
    pairs = int(positives.sum()) * int(negatives.sum())
    return float((positives * negatives).sum()) / pairs / 2 if pairs else 0.0


def average_precision(positives: Counts, negatives: Counts) -> Figure | None:
    """Compute the mean precision over the positives, leads of a bin taken together.

    Returns
    -------
    Figure or None
        With a bootstrap interval; None where there is no positive.
    """
    if not positives.sum():
        return None
    return _bootstrapped(mean_precision, positives, negatives)


def lift(positives: Counts, negatives: Counts) -> Figure | None:
    """Compute how many times the average share of positives the best-scored tenth has.

    Returns
    -------
    Figure or None
        With a bootstrap interval; None where there is no positive.
    """
    if not positives.sum():
        return None
    return _bootstrapped(lift_of_best, positives, negatives)


def tenths(positives: Counts, negatives: Counts, scores: NDArray[np.float64]) -> tuple[Tenth, ...]:
    """Divide the leads into tenths by score, the best first.

    Parameters
    ----------
    positives, negatives
        int64, shape (k,).
    scores
        float64, shape (k,): the score of each bin.

    Returns
    -------
    tuple of Tenth
        Empty where there is no lead.
    """
    leads = positives + negatives
    if not leads.sum():
        return ()
    columns: tuple[Numbers, ...] = leads, positives, leads * scores
    parts = np.array([divided(column, leads) for column in columns]).T[::-1]
    return tuple(
        Tenth(number, hits, total / number, rate)
        for number, hits, total in parts.tolist()
        if (rate := proportion(hits, number)) is not None
    )


def area(positives: Numbers, negatives: Numbers) -> float:
    """Compute the AUC alone; both kinds must be there. Numbers of leads need not be whole."""
    below = np.cumsum(negatives) - negatives / 2
    return float((positives * below).sum() / positives.sum() / negatives.sum())


def mean_precision(positives: Numbers, negatives: Numbers) -> NDArray[np.float64]:
    """Return average precisions, without intervals; bins are the last axis."""
    own = positives[..., ::-1]
    hits, leads = np.cumsum(own, axis=-1), np.cumsum((positives + negatives)[..., ::-1], axis=-1)
    found: NDArray[np.float64] = (own * hits / np.maximum(leads, 1)).sum(axis=-1) / hits[..., -1]
    return found


def lift_of_best(positives: Numbers, negatives: Numbers) -> NDArray[np.float64]:
    """Return lifts of the best tenth, without intervals; bins are the last axis."""
    leads = (positives + negatives)[..., ::-1]
    wanted = leads.sum(axis=-1, keepdims=True) / TENTHS
    before = np.cumsum(leads, axis=-1) - leads
    shares = np.clip((wanted - before) / np.maximum(leads, 1), 0, 1)
    best = (shares * positives[..., ::-1]).sum(axis=-1)
    found: NDArray[np.float64] = best / positives.sum(axis=-1) * TENTHS
    return found


def _bootstrapped(
    figure: Callable[[Numbers, Numbers], NDArray[np.float64]], positives: Counts, negatives: Counts
) -> Figure:
    """Return a figure with the percentile interval of a Poisson bootstrap of the counts.

    Each count is drawn from a Poisson distribution around it: for counts, that is resampling leads
    (N. Chamandy et al., "Estimating uncertainty for massive data streams", Google, 2012).
    """
    random = np.random.default_rng(SEED)
    shape = (DRAWS, len(positives))
    drawn = random.poisson(positives, shape), random.poisson(negatives, shape)
    usable = drawn[0].sum(axis=1) > 0
    found = figure(drawn[0][usable], drawn[1][usable])
    value = float(figure(positives, negatives))
    low, high = np.quantile(found, (LOW, HIGH)).tolist()
    return Figure(value, min(low, value), max(high, value))


def divided(column: Numbers, leads: Counts) -> NDArray[np.float64]:
    """Divide a sum by bin into tenths of the leads, ascending; bins in two in proportion."""
    places = np.linspace(0, leads.sum(), TENTHS + 1)
    reached = np.concatenate(([0], np.cumsum(leads)))
    sums = np.concatenate(([0.0], np.cumsum(column)))
    return np.diff(np.interp(places, reached, sums))
