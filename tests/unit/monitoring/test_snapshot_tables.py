"""Texts and tables of a snapshot, as people read them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from monitoring.drift.assessment import Assessment, Assessor
from monitoring.drift.correlations import CorrelationChange
from monitoring.drift.field_drift import DriftThresholds
from monitoring.lead_sample import Subject
from monitoring.snapshot_tables import (
    correlation_rows,
    excess_psi,
    field_rows,
    key_figures,
    verdict_text,
)
from tests.unit.agents.drift_log import LAYOUT, leads

SUBJECT = Subject(
    model="leads/3",
    topic="leads",
    start=datetime(2026, 5, 1, 9, tzinfo=UTC),
    end=datetime(2026, 5, 1, 10, tzinfo=UTC),
    found=400,
)


def assessed(**thresholds: Any) -> Assessment:
    """Return the assessment of 400 leads."""
    some = leads(400)
    counts = LAYOUT.count(some.bins, some.scores, label=0.5)
    assessor = Assessor(
        LAYOUT, importance={}, engagement=(0.1, 0.9), thresholds=DriftThresholds(**thresholds)
    )
    return assessor.assess(counts, name="range", start=0, end=1)


@pytest.fixture(scope="module")
def enough() -> Assessment:
    return assessed(min_leads=50, exact_below=0)


@pytest.fixture(scope="module")
def too_few() -> Assessment:
    return assessed(min_leads=1000)


def test_too_few_leads_have_no_figure_and_no_decision(too_few: Assessment) -> None:
    assert set(key_figures(too_few).values()) == {"-"}
    rows = field_rows(too_few)
    assert {row["drifted"] for row in rows} == {"-"}
    assert {row["state"] for row in rows} == {"too few"}


def test_figures_are_shares_and_decisions(enough: Assessment) -> None:
    figures = key_figures(enough)
    assert figures["drifted fields"] == f"{enough.drifted_share:.1%}"
    assert figures["mean score"] == f"{enough.engagement:.1%}"
    assert figures["prediction drift"] == ("yes" if enough.is_prediction_drift else "no")


def test_the_score_is_first_and_the_fields_follow_by_drift(enough: Assessment) -> None:
    first, *rest = field_rows(enough)
    assert first["field"] == enough.score.name
    by_name = {field.name: excess_psi(field) or 0.0 for field in enough.fields}
    drifts = [by_name[row["field"]] for row in rest]
    assert drifts == sorted(drifts, reverse=True)
    assert len(rest) == len(enough.fields) - 1


def test_psi_below_its_noise_is_no_drift(enough: Assessment) -> None:
    field = enough.fields[0]
    assert excess_psi(replace(field, psi=0.1, psi_noise=0.3)) == 0
    assert excess_psi(replace(field, psi=0.3, psi_noise=0.1)) == pytest.approx(0.2)
    assert excess_psi(replace(field, psi=None)) is None


def test_the_text_says_how_many_leads_were_compared_and_that_they_are_a_sample(
    enough: Assessment,
) -> None:
    text = verdict_text(SUBJECT, enough)
    assert text.startswith(f"# {SUBJECT.title}\n")
    assert "All 400 leads, compared with the training data" in text
    drawn = verdict_text(replace(SUBJECT, found=123_456), enough)
    assert "A random sample of 400 of 123,456 leads" in drawn


def test_ten_pairs_are_shown_and_their_names_are_escaped() -> None:
    changes = [CorrelationChange(f"<{i}>", "size", 0.62, -0.1, 1234, 1e-9) for i in range(12)]
    rows = correlation_rows(changes)
    assert len(rows) == 10
    assert [*rows[0].values()] == [
        *("‹0›", "size", "yes", "+0.62", "-0.10", "-0.72", "1,234", "< 0.0001")
    ]
