"""The parts of a change of score add up to it, whatever changed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.score_changes import Cause, Part, ScoredLead, log_odds, parts_of_change
from features.field_spec import CategoryField, DateField, DatePart, NumberField
from features.matrix import Columns
from features.spec import FeatureSpec

SPEC = FeatureSpec(
    fields=(
        NumberField(name="views"),
        CategoryField(name="industry", encoding="one_hot", levels=("retail", "software")),
        DateField(name="created_at"),
        DateField(name="last_touch", parts=(DatePart.AGE,)),
    )
)
HOUR = 3_600_000


def columns(views: float, industry: str | None, created: float, touch: float) -> Columns:
    return {
        "views": np.array([views]),
        "industry": [industry],
        "created_at": np.array([created]),
        "last_touch": np.array([touch]),
    }


def score(lead: Columns, shift: float = 0.0) -> float:
    """Return a score with interactions, in single precision as models give it."""
    value: Mapping[str, Any] = lead
    views = np.nan_to_num(value["views"][0])
    age = (value["created_at"][0] - value["last_touch"][0]) / HOUR
    logit = 0.1 * views * (2 if value["industry"][0] == "retail" else -1) - 0.01 * age + shift
    return float(np.float32(1 / (1 + math.exp(-max(min(logit, 300), -300)))))


leads = st.builds(
    columns,
    st.one_of(st.floats(-1000, 1000), st.just(math.nan)),
    st.sampled_from(["retail", "software", None]),
    st.integers(0, 10**12).map(float),
    st.integers(0, 10**12).map(float),
)
scores = st.floats(0, 1, width=32)


@given(leads, leads, st.floats(-5, 5), scores, scores, st.booleans(), st.booleans())
def test_the_parts_add_up_to_the_difference_exactly(
    before: Columns,
    after: Columns,
    shift: float,
    first: float,
    second: float,
    is_same_model: bool,
    is_read: bool,
) -> None:
    other = 0.0 if is_same_model else shift
    parts = parts_of_change(
        ScoredLead(first, score(before), before),
        ScoredLead(second, score(after, other), after),
        SPEC,
        after if is_read else None,
        score,
        is_same_model=is_same_model,
    )
    assert sum(part.log_odds for part in parts) == log_odds(second) - log_odds(first)


def parts(before: Columns, after: Columns, shift: float = 0.0) -> list[Part]:
    now = score(after, shift)
    return list(
        parts_of_change(
            ScoredLead(score(before), score(before), before),
            ScoredLead(now, now, after),
            SPEC,
            after,
            score,
            is_same_model=not shift,
        )
    )


OLD = columns(3.0, "retail", 1e12, 1e12 - HOUR)


def test_each_change_has_its_cause_and_its_values() -> None:
    new = columns(5.0, None, 1e12 + HOUR, 1e12 - HOUR)
    found = parts(OLD, new, 0.5)
    assert [(part.cause, part.field, part.before, part.after) for part in found] == [
        (Cause.LEAD, "views", 3, 5),
        (Cause.LEAD, "industry", "retail", None),
        (Cause.TIME, "created_at", "2001-09-09T01:46:40Z", "2001-09-09T02:46:40Z"),
        (Cause.MODEL, None, None, None),
    ]
    assert found[2].log_odds == pytest.approx(-0.01, abs=1e-6), "the age of last_touch grew"
    assert found[3].log_odds == pytest.approx(0.5, abs=1e-6)


def test_a_date_of_the_lead_is_no_time() -> None:
    [part] = parts(OLD, columns(3.0, "retail", 1e12, 1e12 - 2 * HOUR))
    assert (part.cause, part.field) == (Cause.LEAD, "last_touch")


def test_ages_at_another_time_are_a_part_of_their_own() -> None:
    def aged(lead: Columns) -> float:
        return score(dict(lead) | {"created_at": np.array([1e12 + 3 * HOUR])})

    new = columns(5.0, "retail", 1e12, 1e12 - HOUR)
    now = aged(new)
    before = ScoredLead(score(OLD), score(OLD), OLD)
    after = ScoredLead(now, now, new)
    found = parts_of_change(before, after, SPEC, new, score, is_same_model=True, aged=aged)
    assert [(part.cause, part.field) for part in found] == [
        (Cause.LEAD, "views"),
        (Cause.TIME, None),
    ]
    assert found[1].log_odds == pytest.approx(-0.03, abs=1e-6)
    assert sum(part.log_odds for part in found) == log_odds(now) - log_odds(score(OLD))


def test_the_same_lead_and_model_have_no_parts() -> None:
    assert parts(OLD, OLD) == []


def test_a_field_that_changes_nothing_is_named_all_the_same() -> None:
    found = parts(columns(0.0, "retail", 0.0, 0.0), columns(0.0, "software", 0.0, 0.0))
    assert [(part.field, part.log_odds) for part in found] == [("industry", 0.0)]


@pytest.mark.parametrize("value", [0.0, 1.0, 0.5, 1e-30])
def test_log_odds_are_finite_and_symmetric(value: float) -> None:
    assert math.isfinite(log_odds(value))
    if value in (0.5, 1.0):
        assert log_odds(value) >= 0
