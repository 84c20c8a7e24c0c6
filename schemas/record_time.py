"""Which time stamps of Kafka records can be taken for times, and how old such records are.

A producer may stamp a record with anything: 0 or -1, seconds or microseconds in place of
milliseconds, the clock of a machine that lost its battery. One such record would put decades into
a sum of latencies. All that compares a record's time stamp with a clock does it here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["AHEAD_MS", "EARLIEST_MS", "age_ms", "are_plausible"]

EARLIEST_MS = 1_293_840_000_000
"""2011-01-01: no record is older than Kafka."""

AHEAD_MS = 3_600_000
"""An hour ahead of our clock: Kafka 4 accepts as much (``message.timestamp.after.max.ms``)."""


def are_plausible(timestamps: NDArray[np.int64], now_ms: float) -> NDArray[np.bool_]:
    """Return which time stamps can be times at which records were made.

    Parameters
    ----------
    timestamps
        int64, shape (n,): milliseconds since 1970, as the records bear them.
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
    """Return a record's age in milliseconds, at least 0; None where its time stamp is no time.

    Parameters
    ----------
    timestamp
        Milliseconds since 1970, as the record bears it.
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
