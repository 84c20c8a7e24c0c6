"""Bins of scores: fine where probabilities are close to 0 or 1, and the same on every machine.

A bin is as wide as 1/128 of the power of two below its distance to the nearer end, as in an HDR
histogram: 1/512 at most, around 0.5, and 1/8192 around 0.02. A lead's code comes from the bits of
its float32, without a logarithm or a division: no processor rounds it otherwise.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["CODES", "EDGES", "MIDDLES", "codes_of"]

STEPS_BITS = 7
"""Bits of the mantissa that are kept: 128 bins per power of two."""
OCTAVES = 16
"""Powers of two below 0.5 that have bins of their own; scores below 2**-16 share one."""
STEPS = 2**STEPS_BITS
HALF = STEPS * (OCTAVES - 1) + 1
"""Bins below 0.5; there are as many above."""
CODES = 2 * HALF
"""Number of bins."""
MANTISSA_BITS, EXPONENT_BIAS = 23, 127
"""Format of a float32 (IEEE 754)."""
FIRST = (EXPONENT_BIAS - OCTAVES) << STEPS_BITS
"""The leading bits of 2**-16."""


def codes_of(scores: NDArray[np.floating]) -> NDArray[np.uint16]:
    """Return the bin of each score; a higher score never has a lower code.

    Parameters
    ----------
    scores
        Floats in 0 to 1, shape (n,), taken as float32.

    Returns
    -------
    ndarray of uint16, shape (n,)
        0 to ``CODES`` - 1.

    Raises
    ------
    ValueError
        A score is not in 0 to 1.
    """
    narrow = scores.astype(np.float32)
    if not ((narrow >= 0) & (narrow <= 1)).all():  # false for NaN
        raise ValueError("expected scores in 0 to 1, got others: they are no probabilities")
    is_high = narrow >= 0.5
    # Exact for a score of at least 0.5. Adding 0 makes -0 a 0, whose sign bit is not set.
    distance = np.where(is_high, np.float32(1) - narrow, narrow) + np.float32(0)
    bits = distance.view(np.uint32) >> np.uint32(MANTISSA_BITS - STEPS_BITS)
    low = np.clip(bits.astype(np.int64) - FIRST + 1, 0, HALF - 1)
    return np.where(is_high, CODES - 1 - low, low).astype(np.uint16)


def _edges() -> NDArray[np.float64]:
    """Return the edges of the bins, ascending, shape (CODES + 1,); all of them are exact."""
    octave = np.repeat(np.arange(OCTAVES - 1), STEPS)
    step = np.tile(np.arange(STEPS), OCTAVES - 1)
    below = np.concatenate(([0.0], (1 + step / STEPS) * 2.0 ** (octave - OCTAVES)))
    return np.concatenate((below, [0.5], (1 - below)[::-1]))


EDGES = _edges()
"""float64, shape (CODES + 1,): a score of bin c is between ``EDGES[c]`` and ``EDGES[c + 1]``."""
MIDDLES: NDArray[np.float64] = (EDGES[1:] + EDGES[:-1]) / 2
"""float64, shape (CODES,): no score is further from the middle of its bin than 1/1024."""
