"""Leads that are too young for their outcome to be known."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

__all__ = ["immature", "immature_warning"]


def immature(times: NDArray[np.float64], matured: timedelta) -> NDArray[np.bool_]:
    """Return which leads are younger than a span at the latest time of all leads.

    The latest time stands for the day on which the file was written, which the file does not say.
    Young leads are left out whatever their outcome, final ones too: an early success is known
    before a late one, so young leads with an outcome are no fair sample. Keeping their successes
    alone would make young leads look too good, keeping them as failures too bad.

    Parameters
    ----------
    times
        float64, shape (n,): when each lead was created, in ms since 1970; NaN is missing. Leads
        without an outcome have a part in the latest time.
    matured
        The age from which on an outcome is known.

    Returns
    -------
    ndarray of bool, shape (n,)
        False where the time is missing.
    """
    known = times[~np.isnan(times)]
    if not len(known):
        return np.zeros(len(times), dtype=bool)
    return times > float(known.max()) - matured.total_seconds() * 1000


def immature_warning(left_out: int, times: NDArray[np.float64], matured: timedelta) -> str:
    """Return how many leads, one at least, were left out for their age, and from when it counts."""
    latest = np.datetime64(int(np.nanmax(times)), "ms")
    return (
        f"{left_out:,} rows were left out: their leads are younger than "
        f"{matured / timedelta(days=1):g} days at {np.datetime_as_string(latest, unit='m')} UTC, "
        "the latest time in the file."
    )
