"""What is told of how a column is read, where it may surprise."""

from __future__ import annotations

from features.decide import NumberDecision, TimeDecision
from schemas.readings import NumberReading, Reading, TimeReading

__all__ = ["differs", "remark_on"]

UNITS = {
    "s": "seconds since 1970",
    "ms": "milliseconds since 1970",
    "us": "microseconds since 1970",
    "ns": "nanoseconds since 1970",
    "days": "days since 1970",
    "excel": "Excel's days",
}
MARKS = {",": "a comma", ".": "a point", " ": "a space", "'": "an apostrophe"}


def remark_on(decision: NumberDecision | TimeDecision, options: bool = True) -> str | None:
    """Return what to tell of a decision; None where it is what everybody expects.

    Parameters
    ----------
    decision
        On a column.
    options
        Whether to name the options of ``leadscore train`` that decide otherwise.
    """
    if isinstance(decision, NumberDecision):
        found, remedy = _of_numbers(decision)
    else:
        found, remedy = _of_times(decision)
    if found is None:
        return None
    return f"{found} ({remedy})" if options and remedy else found


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
    thousands = f"{MARKS[reading.grouping]} between thousands" if reading.grouping else ""
    decimals = "a comma before decimals" if reading.decimal == "," else ""
    if not thousands and not decimals:
        return None, None
    found = f"read as numbers with {' and '.join(filter(None, (thousands, decimals)))}"
    return found, "--decimal says which is the decimal separator, if not"


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
