"""Times of leads: milliseconds since 1970, or ISO 8601 text."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["EARLIEST_MS", "LATEST_MS", "iso_ms"]

EARLIEST_MS = -62_135_596_800_000
"""Year 1: earlier times are invalid."""
LATEST_MS = 253_402_300_800_000
"""Year 10000: later times are invalid."""


def iso_ms(text: str) -> int | None:
    """Read an ISO 8601 time as milliseconds since 1970; UTC if it has no zone.

    Parameters
    ----------
    text
        The time.

    Returns
    -------
    int or None
        None if the text is not a time.

    Examples
    --------
    >>> iso_ms("1970-01-01T01:00:00.5+01:00")
    500
    >>> iso_ms("yesterday") is None
    True
    """
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return round(moment.timestamp() * 1000)
    except (ValueError, OverflowError):
        return None
