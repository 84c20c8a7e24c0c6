"""Seconds that an HTTP server asks to wait, in the header Retry-After (RFC 9110, 10.2.3)."""

from __future__ import annotations

import math
from email.utils import parsedate_to_datetime

__all__ = ["LONGEST", "seconds_to_wait"]

LONGEST = 3600.0
"""Most seconds that are waited, whatever the server asks for."""


def seconds_to_wait(header: str | None, now: float) -> float | None:
    """Return the seconds to wait; None where the header is missing or says nothing.

    Parameters
    ----------
    header
        A number of seconds, or a date.
    now
        Seconds since 1970.
    """
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(header).timestamp() - now
        except (ValueError, OverflowError):
            return None
    return min(max(seconds, 0.0), LONGEST) if math.isfinite(seconds) else None
