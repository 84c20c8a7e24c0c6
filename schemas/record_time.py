"""Plausible time stamps of Kafka records, and the age of records.

A producer can set any time stamp: 0 or -1, seconds or microseconds instead of milliseconds, the
time of a wrong clock. One such record would add decades to a sum of latencies. Every comparison of
a record's time stamp with a clock is in this module.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["AHEAD_MS", "EARLIEST_MS", "age_ms", "are_plausible"]

EARLIEST_MS = 1_293_840_000_000
"""2011-01-01: before it, there was no Kafka."""

AHEAD_MS = 3_600_000
"""One hour: Kafka 4's limit for time stamps in the future (``message.timestamp.after.max.ms``)."""


def are_plausible(timestamps: NDArray[np.int64], now_ms: float) -> NDArray[np.bool_]:
    """Return which time stamps are plausible times of records.

    Parameters
    ----------
    timestamps
        int64, shape (n,): milliseconds since 1970, of the records.
    now_ms
        Milliseconds since 1970.

    Examples
    --------
    >>> now = 1_760_000_000_000
    >>> are_plausible(np.array([-1, 0, now // 1000, now - 5, now + 5, now * 1000]), now).tolist()
    [False, False, False, True, True, False]
    """
    found: NDArray[np.bool_] = (timestamps >= EARLIEST_MS) & (timestamps <= now_ms + AHEAD_MS)
    return found


def age_ms(timestamp: int, now_ms: float) -> float | None:
    """Return a record's age in milliseconds, at least 0; None if its time stamp is implausible.

    Parameters
    ----------
    timestamp
        Milliseconds since 1970, of the record.
    now_ms
        Milliseconds since 1970.

    Examples
    --------
    >>> age_ms(1_760_000_000_000, 1_760_000_000_250.0)
    250.0
    >>> age_ms(0, 1_760_000_000_000.0) is None
    True
    """
    if not EARLIEST_MS <= timestamp <= now_ms + AHEAD_MS:
        return None
    return max(0.0, now_ms - timestamp)
