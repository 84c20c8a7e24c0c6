"""Evidence about a rate that stays valid however often it is checked (e-values).

An e-value is a mean of likelihood ratios of fixed alternatives against the rate that is assumed.
If the assumption is true, it is a martingale that begins with 1, so the probability that it ever
reaches 1/a is at most a (Ville's inequality). A p-value that is looked at every second would
reach any threshold in the end.

References
----------
J. Ville, "Étude critique de la notion de collectif", 1939; V. Vovk and R. Wang, "E-values:
Calibration, combination and applications", Annals of Statistics 49, 2021; M. Lindon and A. Malek,
"Anytime-valid inference for multinomial count data", NeurIPS 2022, for the test of a split.
"""

from __future__ import annotations

from math import inf, log, log1p

import numpy as np
from numpy.typing import NDArray

__all__ = ["excess", "imbalance", "trials_to_find"]

STEPS = np.geomspace(0.02, 6.0, 40)
"""Distances of the alternatives from the assumed rate, in log odds."""


def excess(hits: int, trials: int, rate: float) -> float:
    """Return the log of the e-value against "the rate is at most ``rate``".

    Parameters
    ----------
    hits, trials
        What was counted.
    rate
        Above 0 and below 1.

    Examples
    --------
    >>> excess(0, 100, 0.02) < 0 < excess(8, 100, 0.02)
    True
    """
    return _log_mean(hits, trials, rate, STEPS)


def imbalance(hits: int, trials: int, rate: float) -> float:
    """Return the log of the e-value against "the rate is exactly ``rate``".

    Parameters
    ----------
    hits, trials, rate
        As for ``excess``.
    """
    return _log_mean(hits, trials, rate, np.concatenate([-STEPS, STEPS]))


def trials_to_find(actual: float, rate: float, confidence: float) -> float:
    """Estimate how many trials distinguish an actual rate from an assumed one.

    Parameters
    ----------
    actual, rate
        Above 0 and below 1.
    confidence
        Such as 0.999: that of the verdict.

    Returns
    -------
    float
        The threshold's log over the divergence of Kullback and Leibler; infinite for equal rates.
    """
    divergence = actual * log(actual / rate) + (1 - actual) * log((1 - actual) / (1 - rate))
    return log(1 / (1 - confidence)) / divergence if divergence > 0 else inf


def _log_mean(hits: int, trials: int, rate: float, steps: NDArray[np.float64]) -> float:
    odds = log(rate) - log1p(-rate)
    others = 1 / (1 + np.exp(-(odds + steps)))
    logs = hits * np.log(others / rate) + (trials - hits) * np.log((1 - others) / (1 - rate))
    highest = logs.max()
    return float(highest + np.log(np.mean(np.exp(logs - highest))))
