"""The grade of a lead: fit A to D by what it is, engagement 1 to 4 by what it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agents.sales.rules import Condition, Points, Rules
from schemas.times import EARLIEST_MS, LATEST_MS, iso_ms

__all__ = ["ENGAGEMENTS", "FITS", "Grade", "grade_of", "time_ms"]

FITS, ENGAGEMENTS = "ABCD", "1234"
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Grade:
    """A lead's grade.

    Attributes
    ----------
    fit, engagement
        A to D and 1 to 4; empty if the rules have none.
    fit_points, engagement_points
        Their points, rounded to a hundredth.
    """

    fit: str = ""
    engagement: str = ""
    fit_points: float = 0.0
    engagement_points: float = 0.0

    def __str__(self) -> str:
        return self.fit + self.engagement


def grade_of(lead: Mapping[str, Any], rules: Rules, at_ms: int) -> Grade:
    """Return the grade of a lead.

    Parameters
    ----------
    lead
        Its fields, as JSON has their values.
    rules
        The rules.
    at_ms
        The time for which points decay, milliseconds since 1970: that of the lead's record, so that
        the grade does not depend on when it is computed.

    Examples
    --------
    >>> rules = Rules.model_validate(
    ...     {
    ...         "fit": {
    ...             "least": [60, 40, 20],
    ...             "points": [{"field": "employees", "at_least": 200, "points": 50}],
    ...         }
    ...     }
    ... )
    >>> str(grade_of({"employees": 900}, rules, at_ms=0))
    'B'
    """
    fit, fit_points = _level(lead, rules.fit, FITS, at_ms)
    engagement, engagement_points = _level(lead, rules.engagement, ENGAGEMENTS, at_ms)
    return Grade(fit, engagement, fit_points, engagement_points)


def _level(
    lead: Mapping[str, Any], rule: Points | None, names: str, at_ms: int
) -> tuple[str, float]:
    if rule is None:
        return "", 0.0
    total = round(sum(_points(lead, condition, at_ms) for condition in rule.points), 2)
    reached = [name for name, least in zip(names, rule.least, strict=False) if total >= least]
    return (reached or names[-1:])[0], total


def _points(lead: Mapping[str, Any], condition: Condition, at_ms: int) -> float:
    if not _holds(lead.get(condition.field), condition):
        return 0.0
    decay = condition.decay
    if decay is None:
        return condition.points
    since = time_ms(lead.get(decay.since))
    if since is None:  # it is not known how old they are
        return 0.0
    days = max(0.0, (at_ms - since) / DAY_MS)
    return float(condition.points * 0.5 ** (days / decay.half_life_days))


def _holds(value: Any, condition: Condition) -> bool:
    if condition.is_known is not None and condition.is_known is (value in (None, "")):
        return False
    if condition.one_of is not None and _folded(value) not in map(_folded, condition.one_of):
        return False
    if condition.at_least is None and condition.at_most is None:
        return True
    number = _number(value)
    if number is None:
        return False
    low, high = condition.at_least, condition.at_most
    return (low is None or number >= low) and (high is None or number <= high)


def _folded(value: Any) -> Any:
    if isinstance(value, str):
        return value.strip().casefold()
    return (type(value) is bool, value) if isinstance(value, bool | int | float) else None


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if number - number == 0 else None


def time_ms(value: Any) -> int | None:
    """Return a time, milliseconds since 1970 or ISO 8601, in milliseconds; None if it is none."""
    if isinstance(value, str):
        return iso_ms(value)
    number = _number(value)
    return int(number) if number is not None and EARLIEST_MS <= number < LATEST_MS else None
