"""Cohorts: leads of the same week."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

__all__ = ["WEEK_MS", "cohort_weeks", "week_name"]

WEEK_MS = 7 * 86_400_000
MONDAY_MS = 4 * 86_400_000
"""1970-01-05 was the first Monday."""


def cohort_weeks(times: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the start of the week that each time is in: Monday, 00:00 UTC.

    Parameters
    ----------
    times
        int64, shape (n,): milliseconds since 1970.

    Returns
    -------
    ndarray of int64, shape (n,)
        Milliseconds since 1970.
    """
    return (times - MONDAY_MS) // WEEK_MS * WEEK_MS + MONDAY_MS


def week_name(start_ms: int) -> str:
    """Return the name of a week by ISO 8601.

    Examples
    --------
    >>> week_name(1_798_416_000_000)
    '2026-W53'
    """
    return f"{datetime.fromtimestamp(start_ms / 1000, UTC):%G-W%V}"
