"""Recognise values in another unit than in training: nearly all are beyond an outermost edge."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.reference import FieldReference

__all__ = ["unit_remark"]

ENOUGH_VALUES = 20
"""Fewer values may all be small or large by chance."""
NEARLY_ALL = 0.9
"""Share of the values beyond the edge."""
FEW_IN_TRAINING = 0.25
"""Largest share of the training values beyond it: a quantile of 5 %, or a frequent value."""


def unit_remark(bins: FieldReference, values: NDArray[np.float64]) -> str | None:
    """Return a remark if nearly all values are in the first or last bin, unlike in training.

    That is the sign of another unit: a fraction for a percentage, thousands, cents.

    Parameters
    ----------
    bins
        The field's, by quantile.
    values
        float64, shape (n,): NaN where missing.
    """
    known = values[~np.isnan(values)]
    trained = sum(bins.counts[: bins.size])
    if len(known) < ENOUGH_VALUES or not bins.edges or not trained:
        return None
    codes = bins.codes_of(known)
    for code, side, edge in (
        (0, "below", bins.edges[0]),
        (bins.size - 1, "at least", bins.edges[-1]),
    ):
        share, usual = float((codes == code).mean()), bins.counts[code] / trained
        if share >= NEARLY_ALL and usual <= FEW_IN_TRAINING:
            return (
                f"{share:.0%} of its values are {side} {edge:.4g}, and {usual:.0%} of the training"
                " data's: are they in another unit, such as 0.12 for 12 %, or in thousands?"
            )
    return None
