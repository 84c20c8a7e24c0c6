"""A figure with its standard error and its 95 % interval."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["NORMAL_95", "Figure", "proportion"]

NORMAL_95 = 1.959964
"""Standard deviations of a normal distribution, to each side, that hold 95 %."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of quality.

    Attributes
    ----------
    value
        The figure.
    low, high
        Its 95 % interval.
    """

    value: float
    low: float
    high: float

    @classmethod
    def of_error(
        cls, value: float, error: float, *, low: float = 0.0, high: float = math.inf
    ) -> Figure:
        """Return a figure with the interval of a normal distribution.

        Parameters
        ----------
        value
            The figure.
        error
            Its standard error.
        low, high
            The range that the figure can have, to which the interval is cut.
        """
        margin = NORMAL_95 * error
        return cls(value, max(low, value - margin), min(high, value + margin))


def proportion(hits: float, trials: float) -> Figure | None:
    """Return a share with Wilson's interval; None of no trials.

    References
    ----------
    E. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of
    the American Statistical Association 22, 1927.

    Examples
    --------
    >>> share = proportion(8, 80)
    >>> round(share.value, 3), round(share.low, 3), round(share.high, 3)
    (0.1, 0.052, 0.185)
    """
    if not trials:
        return None
    share, square = hits / trials, NORMAL_95**2
    centre = (share + square / (2 * trials)) / (1 + square / trials)
    margin = NORMAL_95 * math.sqrt(share * (1 - share) / trials + square / (4 * trials**2))
    margin /= 1 + square / trials
    return Figure(share, max(0.0, centre - margin), min(1.0, centre + margin))
