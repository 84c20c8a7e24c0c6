"""Times of day: parsing and writing."""

from __future__ import annotations

import re

__all__ = ["read_clock", "written_clock"]

CLOCK_TIME = re.compile(
    r"(?P<hour>\d{1,2})(?:[:.](?P<minute>\d{2})(?:[:.](?P<second>\d{2}(?:[.,]\d+)?))?)?"
    r" *(?P<half>[AaPp]\.?[Mm]\.?)|"
    r"(?P<hour2>\d{1,2}):(?P<minute2>\d{2})(?::(?P<second2>\d{2}(?:[.,]\d+)?))?"
    r" *(?:Z|UTC|GMT|[+-]00:?00)?"
)


def read_clock(text: str) -> float | None:
    """Parse a time of day as milliseconds since midnight.

    Hours and minutes, with or without seconds and their fraction, of 24 hours or with AM and PM.
    No zone but UTC is read: with another, the time of day would depend on the date.

    Parameters
    ----------
    text
        The text.

    Returns
    -------
    float or None
        0 to below 86,400,000, as Avro's ``time-millis``; None if it is not a time of day.

    Examples
    --------
    >>> read_clock("14:30") == read_clock("14:30:00") == read_clock("2:30 PM") == 52_200_000
    True
    >>> read_clock("12:05 am"), read_clock("25:00"), read_clock("14.30")
    (300000.0, None, None)
    """
    match = CLOCK_TIME.fullmatch(text.strip())
    if match is None:
        return None
    half = match["half"]
    hour, minute, second = (
        match[part] or match[f"{part}2"] or "0" for part in ("hour", "minute", "second")
    )
    hours, minutes, seconds = int(hour), int(minute), float(second.replace(",", "."))
    if hours >= 24 or minutes >= 60 or seconds >= 60 or (half and not 1 <= hours <= 12):
        return None
    if half:
        hours = hours % 12 + (12 if half[0] in "pP" else 0)
    return 3_600_000.0 * hours + 60_000.0 * minutes + round(1e6 * seconds) / 1e3


def written_clock(ms: float) -> str:
    """Format milliseconds since midnight as HH:MM, or HH:MM:SS if there are seconds.

    Examples
    --------
    >>> written_clock(52_200_000.0), written_clock(52_201_000.0)
    ('14:30', '14:30:01')
    """
    minutes, seconds = divmod(int(ms // 1000), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}" + (f":{seconds:02}" if seconds else "")
