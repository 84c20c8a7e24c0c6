"""Bootstrap intervals of a figure of two scores of the same leads, and of its difference.

Both scores are measured on the same resample of the leads, so what the leads have in common cancels
in the difference [1]_. For figures without an influence of each lead (``intervals``), such as lift
and the calibration error.

References
----------
.. [1] B. Efron, R. Tibshirani, "An Introduction to the Bootstrap", 1993: the percentile interval.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.training.intervals import Estimate

__all__ = ["Figure", "PairedEstimate", "paired_bootstrap"]

LOW, HIGH = 0.025, 0.975

Figure = Callable[[NDArray[Any], NDArray[np.floating]], float]
"""Computes a figure of labels, shape (n,), and scores, floats, shape (n,)."""


@dataclass(frozen=True, slots=True)
class PairedEstimate:
    """A figure of both scores and its difference, each with its 95 % interval.

    Attributes
    ----------
    before, after
        The figure of each score.
    difference
        After minus before.
    """

    before: Estimate
    after: Estimate
    difference: Estimate

    @property
    def is_clear(self) -> bool:
        """Whether the interval of the difference excludes 0."""
        return self.difference.low > 0 or self.difference.high < 0

    def as_dict(self, name: str) -> dict[str, Any]:
        """Return the figures and their intervals by name, for JSON."""
        return {
            **self.before.as_dict(f"{name}_before"),
            **self.after.as_dict(f"{name}_after"),
            **self.difference.as_dict(f"{name}_difference"),
        }


def paired_bootstrap(
    labels: NDArray[Any],
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    figures: Mapping[str, Figure],
    *,
    draws: int,
    seed: int,
) -> dict[str, PairedEstimate]:
    """Compute figures of two scores with percentile intervals.

    Parameters
    ----------
    labels
        bool, or numbers such as amounts of money, shape (n,): some are 0, some are not.
    before, after
        float64, shape (n,): the scores.
    figures
        By name.
    draws
        Number of resamples. One without both kinds of labels is drawn again.
    seed
        Seed of the resamples.

    Returns
    -------
    dict of PairedEstimate
        By the figures' names.

    Raises
    ------
    ValueError
        There is only one kind of label.
    """
    if labels.all() or not labels.any():
        raise ValueError("expected labels of both kinds, got one")
    random = np.random.default_rng(seed)
    drawn = np.empty((draws, len(figures), 2))
    for draw in drawn:
        rows = _resample(labels, random)
        own = labels[rows]
        for row, figure in zip(draw, figures.values(), strict=True):
            row[:] = figure(own, before[rows]), figure(own, after[rows])
    return {
        name: PairedEstimate(
            before=_estimate(figure(labels, before), drawn[:, i, 0]),
            after=_estimate(figure(labels, after), drawn[:, i, 1]),
            difference=_estimate(
                figure(labels, after) - figure(labels, before), drawn[:, i, 1] - drawn[:, i, 0]
            ),
        )
        for i, (name, figure) in enumerate(figures.items())
    }


def _resample(labels: NDArray[Any], random: np.random.Generator) -> NDArray[np.int64]:
    while True:
        rows = random.integers(len(labels), size=len(labels))
        if 0 < np.count_nonzero(labels[rows]) < len(labels):
            return rows


def _estimate(value: float, drawn: NDArray[np.float64]) -> Estimate:
    low, high = np.quantile(drawn, (LOW, HIGH)).tolist()
    return Estimate(value, low, high)
