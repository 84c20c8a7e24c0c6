"""Known scores of the model of a snapshot, out of the reports on quality."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from agents.quality.reported_quality import ReportedQuality
from model.metadata import Thresholds
from schemas.errors import StartupError
from stream.settings import load_settings
from stream.snapshot import outcomes
from stream.snapshot.outcomes import known_scores, read_known_scores
from tests.unit.agents.quality.quality_reports import MODEL, OTHER, report


def bundle_of(model: Any = MODEL) -> Any:
    metadata = SimpleNamespace(thresholds=Thresholds(high=0.6))
    return SimpleNamespace(identity=model, metadata=metadata)


def reported(*weeks: int) -> ReportedQuality:
    found = ReportedQuality("leads.scored")
    for week in weeks:
        found.take(report(week=week, leads=10))
    found.take(report(week=max(weeks) + 1, leads=7, unknown=1.0))
    return found


def test_the_latest_four_weeks_with_outcomes_are_compared_with_those_before() -> None:
    found = known_scores(reported(0, 2, 3, 4, 5), bundle_of())
    assert found is not None
    assert (found.latest.known, found.before.known, found.high) == (40, 10, 0.6)
    assert found.latest_weeks == "2027-W02 to 2027-W05"
    assert found.before_weeks == "2026-W43 to 2027-W01"


def test_without_a_known_outcome_of_the_model_there_is_nothing() -> None:
    assert known_scores(reported(0), bundle_of(OTHER)) is None


@pytest.mark.parametrize("is_refused", [True, False])
async def test_a_snapshot_continues_without_reports(
    is_refused: bool,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def counts(*_: object) -> Mapping[str, int]:
        if is_refused:
            raise StartupError("expected the right Read")
        return {"leads.created": 2}

    monkeypatch.setattr(outcomes, "partition_counts", counts)
    assert await read_known_scores(load_settings(), bundle_of()) is None
    assert ("expected the right Read" in caplog.text) == is_refused
