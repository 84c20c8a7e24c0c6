"""Grades of leads in headers of their scored events: the grade goes where the score goes.

A worker grades a lead as it scores it, by the fields and the time of its record. So a grade is the
same whoever computes it, and the same as that of the sink `sql`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from agents.sales.grade import ENGAGEMENTS, FITS, grade_of
from agents.sales.rules import Rules
from schemas.errors import InvalidEventError
from schemas.headers import GRADE, Headers

__all__ = ["LeadGrades", "grade_in"]

GRADES = frozenset(fit + engagement for fit in ("", *FITS) for engagement in ("", *ENGAGEMENTS)) - {
    ""
}
"""Every grade: fit, engagement, or both."""


class LeadGrades:
    """Grades leads.

    Parameters
    ----------
    rules
        The rules, with fit or engagement.
    read
        Reads a record's value with all its fields; raises an InvalidEventError.
    """

    def __init__(self, rules: Rules, read: Callable[[bytes | None], Mapping[str, Any]]) -> None:
        self._rules = rules
        self._read = read

    def headers_of(
        self, values: Sequence[bytes | None], timestamps: Sequence[int]
    ) -> list[Headers]:
        """Return the headers of the scored events of leads.

        The header's value is empty if the record can't be read with all its fields.

        Parameters
        ----------
        values, timestamps
            The values of the leads' records, and their times in milliseconds since 1970.
        """
        return [
            [(GRADE, self._grade(value, at).encode())]
            for value, at in zip(values, timestamps, strict=True)
        ]

    def _grade(self, value: bytes | None, at_ms: int) -> str:
        try:
            return str(grade_of(self._read(value), self._rules, at_ms))
        except InvalidEventError:
            return ""


def grade_in(headers: Sequence[tuple[str, bytes | None]]) -> str | None:
    """Return the grade in the headers of a scored event; None if there is none.

    Examples
    --------
    >>> grade_in([("ce_type", b"x"), ("leadscore.grade", b"B2")])
    'B2'
    """
    for name, value in headers:
        if name == GRADE:
            grade = (value or b"").decode(errors="replace")
            return grade if grade in GRADES else None
    return None
