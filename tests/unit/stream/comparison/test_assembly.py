"""Notes on the leads that are in no figure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import orjson
import pytest

from agents.comparison.outcomes import Outcomes
from agents.comparison.report import Comparison
from agents.comparison.segments import SegmentedField
from schemas.errors import FatalError
from stream.comparison.assembly import ComparedLeads, assemble, whole_days
from stream.comparison.models import ModelScores
from stream.comparison.request import Request
from stream.comparison.score_values import ScoredSide
from tests.unit.two_models import TwoModels

DAY_MS = 86_400_000


def side(name: str, scores: list[float | None]) -> ScoredSide:
    event = {"category": "Low", "reasons": []}
    return ScoredSide(
        name, [s if s is None else orjson.dumps(event | {"score": s}) for s in scores]
    )


def compared(
    two: TwoModels, before: list[float | None], after: list[float | None], **given: Any
) -> Comparison:
    n = len(after)
    bins = np.zeros((n, len(two.after.metadata.reference.counted)), dtype=np.int16)
    leads = ComparedLeads(
        where="leads of a test",
        found=n,
        sampled=n,
        days=None,
        place=lambda row: f"row {row + 1}",
        lead_id=lambda row: f"L-{row}",
        field=lambda name, rows: SegmentedField(name, np.zeros(len(rows), int), ["x"]),
    )
    request = Request(before=given.pop("model", two.before), after=two.after, sample=n)
    request = replace(request, **given.pop("request", {}))
    return assemble(
        request, replace(leads, **given), side("a", before), ModelScores(side("b", after), bins)
    )


def test_a_lead_with_one_score_is_in_no_figure_but_in_a_note(two: TwoModels) -> None:
    comparison = compared(two, [0.1, 0.2, None, None], [0.1, None, 0.3, None])
    assert comparison.counts.compared == 1
    assert [": 1" in note for note in comparison.notes] == [True, True, True]
    assert "would be dead letters" in comparison.notes[0]
    assert "are dead letters now" in comparison.notes[1]
    assert "without a score on either side" in comparison.notes[2]


def test_a_lead_without_a_live_score_may_just_be_late(two: TwoModels) -> None:
    comparison = compared(two, [0.1, None], [0.1, 0.3], model=None)
    assert len(comparison.notes) == 1
    assert comparison.notes[0].startswith("Leads without a live score: 1 (not scored yet")


def test_no_lead_with_both_scores_is_an_error(two: TwoModels) -> None:
    with pytest.raises(FatalError, match="both a and b score, but of 2 leads of a test"):
        compared(two, [None, 0.1], [0.1, None])


def test_a_mover_has_its_id_only_if_asked_for(two: TwoModels) -> None:
    [mover] = compared(two, [0.1, 0.2], [0.1, 0.4]).movers
    assert (mover.place, mover.lead_id) == ("row 2", None)
    [mover] = compared(two, [0.1, 0.2], [0.1, 0.4], request={"has_ids": True}).movers
    assert mover.lead_id == "L-1"


def test_a_field_that_is_not_the_candidates_is_read_from_the_leads(two: TwoModels) -> None:
    fields = ("industry", "owner")
    found = compared(two, [0.1, 0.2], [0.1, 0.4], request={"fields": fields}).segments
    assert [segments.field for segments in found] == ["industry", "owner"]


@pytest.mark.parametrize("sha256", [None, "0" * 64])
def test_outcomes_of_training_data_are_pointed_out(two: TwoModels, sha256: str | None) -> None:
    known = Outcomes(np.array([True, True]), np.array([True, False]))
    comparison = compared(
        two, [0.1, 0.2], [0.1, 0.4], outcomes=lambda rows: known.take(rows), sha256=sha256
    )
    said = "Trained on this very file: leads/1, leads/2." if sha256 else "make that model look"
    assert said in comparison.notes[-1]
    assert comparison.quality is not None


def test_outcomes_of_one_kind_give_no_quality(two: TwoModels) -> None:
    won = Outcomes(np.array([True, True]), np.array([True, True]))
    comparison = compared(two, [0.1, 0.2], [0.1, 0.4], outcomes=lambda rows: won.take(rows))
    assert comparison.quality is None
    assert "not of both kinds" in comparison.notes[0]


def test_days_are_known_from_one_day_on() -> None:
    assert whole_days(0, 3 * DAY_MS) == 3
    assert whole_days(0, DAY_MS - 1) is None
