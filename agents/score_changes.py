"""Attribution of the difference of two scores of a lead: to its fields, to time, to the model.

The difference is taken in log odds and split by an order: from the earlier lead, the changed fields
are replaced by those of the later one, one after the other in the order of the model's fields; then
the time of creation, with everything that is counted from it, and the time at which dates have
their age, if a rescore gave one of the scores; then the model. Each step's change is
a part. With interactions, another order would give other parts; this one always gives the same.

Log odds are rounded to a multiple of 2⁻⁴⁰, so that parts add up to the difference exactly, in
floating-point numbers, too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from features.lead_values import lead_value
from features.matrix import Columns
from features.spec import CREATED_AT, FeatureSpec

__all__ = ["Cause", "Part", "Score", "ScoredLead", "log_odds", "parts_of_change"]

Score = Callable[[Columns], float]
"""Returns a model's score of the one lead of the columns."""

STEP = 2.0**-40
SMALLEST, LARGEST = 2.0**-149, 1.0 - 2.0**-24
"""The least score in single precision above 0, and the greatest below 1."""


class Cause(StrEnum):
    """Cause of a part of a change."""

    LEAD = "lead"
    """A field of the lead has another value."""
    TIME = "time"
    """The lead was created at another time: hours, weekdays and months of it, and ages of dates; or
    without a field: ages of dates are counted to another time (`leadscore rescore`)."""
    MODEL = "model"
    """Another model scored it."""
    LEAD_AND_MODEL = "lead_and_model"
    """Both, where the earlier model can't read the later lead."""
    UNKNOWN = "unknown"
    """A record is not there any more, so nothing can be computed again."""
    REST = "rest"
    """The emitted scores differ from those that are computed again."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the difference of two scores.

    Attributes
    ----------
    cause
        What changed.
    log_odds
        The later score's less the earlier one's.
    field
        The field that changed, as people name it; None where it is no single field.
    before, after
        Its values; None: missing, or no single field.
    """

    cause: Cause
    log_odds: float
    field: str | None = None
    before: str | float | None = None
    after: str | float | None = None


@dataclass(frozen=True, slots=True)
class ScoredLead:
    """A lead with its emitted score, and what computes scores of it again.

    Attributes
    ----------
    emitted
        The score of its event.
    score
        The score that its own model gives now.
    columns
        The lead as its own model reads it.
    """

    emitted: float
    score: float
    columns: Columns


def log_odds(score: float) -> float:
    """Return the log odds of a score, rounded to a multiple of 2⁻⁴⁰; finite for 0 and 1, too.

    Examples
    --------
    >>> log_odds(0.5), round(log_odds(0.9), 3), log_odds(1.0) < 17
    (0.0, 2.197, True)
    """
    p = min(max(score, SMALLEST), LARGEST)
    return round(math.log(p / (1.0 - p)) / STEP) * STEP


def parts_of_change(
    before: ScoredLead,
    after: ScoredLead,
    spec: FeatureSpec,
    read: Columns | None,
    score: Score,
    *,
    is_same_model: bool,
    aged: Score | None = None,
) -> tuple[Part, ...]:
    """Split the difference of two emitted scores.

    Parameters
    ----------
    before, after
        The two scores, each with the lead as its own model reads it.
    spec
        The fields of the earlier model.
    read
        The later lead as the earlier model reads it; None: it can't.
    score
        The earlier model.
    is_same_model
        Whether one model gave both.
    aged
        The earlier model with ages at the time of the later score; None: they are counted alike.

    Returns
    -------
    tuple of Part
        They add up to the difference exactly. A field or time of the lead that differs is in it
        even if it moved nothing; the time of ages, the model and the rest only if they moved the
        score.
    """
    start, end = log_odds(before.score), log_odds(after.score)
    parts: list[Part] = []
    at = start
    if read is None:
        parts.append(Part(Cause.LEAD_AND_MODEL, end - start))
    else:
        for part in _parts_of_lead(before.columns, read, spec, score, start):
            parts.append(part)
            at += part.log_odds
        if aged is not None:
            now = log_odds(aged(read))
            if now != at:
                parts.append(Part(Cause.TIME, now - at))
            at = now
        if is_same_model:  # the same lead and model have the same score: `at` is the end
            end = at
        elif end != at:
            parts.append(Part(Cause.MODEL, end - at))
    total = log_odds(after.emitted) - log_odds(before.emitted)
    if rest := total - (end - start):
        parts.append(Part(Cause.REST, rest))
    return tuple(parts)


def _parts_of_lead(
    before: Columns, after: Columns, spec: FeatureSpec, score: Score, at: float
) -> Sequence[Part]:
    parts: list[Part] = []
    lead: dict[str, Any] = dict(before)
    ordered = sorted(zip(spec.fields, spec.shown_names, strict=True), key=_is_time)
    for field, name in ordered:
        values = lead_value(field, before[field.name]), lead_value(field, after[field.name])
        if values[0] == values[1]:
            continue
        lead[field.name] = after[field.name]
        now = log_odds(score(lead))
        is_time = field.name == CREATED_AT
        parts.append(Part(Cause.TIME if is_time else Cause.LEAD, now - at, name, *values))
        at = now
    return parts


def _is_time(named: tuple[Any, str]) -> bool:
    return bool(named[0].name == CREATED_AT)
