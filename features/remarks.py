"""Remarks on how a column is read, where it may surprise."""

from __future__ import annotations

from datetime import date, timedelta

from features.number_decision import NumberDecision
from features.time_decision import TimeDecision
from schemas.number_reading import NumberReading
from schemas.readings import Reading
from schemas.time_reading import TimeReading, read_time

__all__ = ["differs", "remark_on"]

EPOCH = date(1970, 1, 1)
UNITS = {
    "s": "seconds since 1970",
    "ms": "milliseconds since 1970",
    "us": "microseconds since 1970",
    "ns": "nanoseconds since 1970",
    "days": "days since 1970",
    "excel": "Excel's days",
    "months": "months such as 202405, as their first day",
}
DAY_MS = 86_400_000
MARKS = {",": "a comma", ".": "a point", " ": "a space", "'": "an apostrophe"}


def remark_on(decision: NumberDecision | TimeDecision, options: bool = True) -> str | None:
    """Return a remark on a decision; None where the reading is the usual one.

    Parameters
    ----------
    decision
        On a column.
    options
        Whether to name the options of ``leadscore train`` that decide otherwise.
    """
    if isinstance(decision, NumberDecision):
        (found, remedy), also = _of_numbers(decision), decision.mixed
    else:
        (found, remedy), also = _of_times(decision), _short_years(decision, options)
    if found is not None and options and remedy:
        found = f"{found} ({remedy})"
    return "; ".join(filter(None, (found, also))) or None


def differs(reading: Reading, known: Reading | None) -> bool:
    """Return whether a column is written otherwise than a model's training data."""
    if isinstance(reading, NumberReading) and isinstance(known, NumberReading):
        return (reading.decimal, reading.grouping) != (known.decimal, known.grouping)
    if isinstance(reading, TimeReading) and isinstance(known, TimeReading):
        return reading.first != known.first
    return False


def _of_numbers(decision: NumberDecision) -> tuple[str | None, str | None]:
    reading = decision.reading
    if decision.is_open:
        mark = reading.grouping or reading.decimal
        use = "thousands" if reading.grouping else "decimals"
        return (
            f"its values leave open whether {MARKS[mark]} separates thousands or decimals: it was "
            f"read as separating {use}",
            "--decimal says which is the decimal separator",
        )
    scales = "letters that multiply (k, M, Mio., bn …)" if reading.scaled else ""
    thousands = f"{MARKS[reading.grouping]} between thousands" if reading.grouping else ""
    decimals = "a comma before decimals" if reading.decimal == "," else ""
    if not thousands and not decimals:
        return (f"read as numbers with {scales}", None) if scales else (None, None)
    found = f"read as numbers with {' and '.join(filter(None, (thousands, decimals, scales)))}"
    return found, "--decimal says which is the decimal separator, if not"


def _short_years(decision: TimeDecision, options: bool) -> str | None:
    """Return an example of dates whose years may be none."""
    if decision.example is None:
        return None
    at = read_time(decision.example, decision.reading)
    if at is None or at != at:
        return None
    day = f"{EPOCH + timedelta(days=at // DAY_MS):%Y-%m-%d}"
    remedy = "write years with four digits, or --as COLUMN=category if they are no dates"
    found = f"its last two digits were read as years: {decision.example} as {day}"
    return f"{found} ({remedy})" if options else found


def _of_times(decision: TimeDecision) -> tuple[str | None, str | None]:
    reading = decision.reading
    if decision.is_open:
        return (
            "its dates leave open whether the day or the month comes first: they were read with "
            f"the {reading.first} first",
            "--dates says which",
        )
    if reading.unit is not None:
        return (
            f"its numbers were read as times, in {UNITS[reading.unit]}",
            "--as COLUMN=number if not",
        )
    if reading.first is not None:
        other = "month" if reading.first == "day" else "day"
        return f"its dates were read with the {reading.first} first", f"--dates {other} if not"
    return None, None
