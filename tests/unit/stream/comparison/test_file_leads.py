"""The comparison over a file: rows, samples and live scores by id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import orjson
import pytest
from numpy.typing import NDArray

from agents.comparison.outcomes import Outcomes
from agents.offline import FileLeads
from features.table_file import parse_table
from stream.comparison.file_leads import FileSource, JoinedOutcomes, compare_file, wanted_by_id
from stream.comparison.live_scores import LiveScores, by_lead_id
from stream.comparison.request import Request
from tests.unit.small_model import LEADS
from tests.unit.stream.comparison.lead_records import LeadRecord
from tests.unit.two_models import TwoModels

TABLE = parse_table(b"lead_id,owner\nL-0,Ann\n", "leads.csv")


@pytest.fixture
def leads(two: TwoModels) -> FileLeads:
    """All leads of the small model; the first row of the file is no lead."""
    return FileLeads(
        ids=[str(lead["lead_id"]) for lead in two.small.leads],
        rows=np.arange(1, LEADS + 1),
        columns=two.small.columns,
        created_at=np.arange(LEADS, dtype=np.float64) * 3_600_000,
        wrong=["row 1: TYPE: broken"],
        total=LEADS + 1,
    )


def test_rows_that_are_no_lead_are_in_no_figure(two: TwoModels, leads: FileLeads) -> None:
    request = Request(before=two.before, after=two.after, sample=1000, has_ids=True)
    found = compare_file(request, FileSource(TABLE, None, leads, leads))
    assert (found.counts.found, found.counts.compared, found.counts.neither) == (401, 400, 1)
    assert found.population.days == pytest.approx(399 / 24)
    for mover in found.movers:
        assert mover.lead_id == f"L-{int(mover.place.removeprefix('row ')) - 2}"


def test_a_sample_has_the_scores_of_its_rows(two: TwoModels, leads: FileLeads) -> None:
    request = Request(before=two.before, after=two.after, sample=1000, movers=1000, has_ids=True)
    source = FileSource(TABLE, None, leads, leads)
    whole = {mover.lead_id: mover for mover in compare_file(request, source).movers}
    drawn = compare_file(replace(request, sample=50), source)
    assert drawn.counts.sampled == 50
    assert drawn.counts.compared >= 49
    assert all(mover == whole[mover.lead_id] for mover in drawn.movers)


def test_live_scores_are_joined_by_the_id(two: TwoModels, leads: FileLeads) -> None:
    live = LiveScores(wanted_by_id(leads), leads.total, by_lead_id)
    event = {"score": 0.5, "category": "Low", "reasons": [], "model_id": "m", "model_version": "1"}
    live.add([LeadRecord(orjson.dumps(event | {"lead_id": f"L-{i}"})) for i in (3, 5)])
    request = Request(before=None, after=two.after, sample=1000)
    found = compare_file(request, FileSource(TABLE, None, None, leads), live)
    assert found.counts.compared == 2
    assert {mover.place for mover in found.movers} == {"row 5", "row 7"}
    assert "without a live score: 398" in found.notes[0]


def test_outcomes_of_the_topic_are_joined_by_id_and_creation(
    two: TwoModels, leads: FileLeads
) -> None:
    asked: list[tuple[str, float]] = []

    def join(ids: Sequence[str], times: NDArray[np.float64]) -> Outcomes:
        asked.extend(zip(ids, times.tolist(), strict=True))
        return Outcomes(np.ones(len(ids), bool), np.arange(len(ids)) % 2 == 0)

    request = Request(two.before, two.after, sample=50)
    joined = JoinedOutcomes(join, ["a note"])
    found = compare_file(request, FileSource(TABLE, None, leads, leads), joined=joined)
    assert found.quality is not None
    assert found.quality.before.rows == len(asked) >= 49
    assert all(at == int(lead.removeprefix("L-")) * 3_600_000 for lead, at in asked)
    assert "a note" in found.notes


def test_a_repeated_id_wants_the_event_for_every_row(leads: FileLeads) -> None:
    twice = replace(leads, ids=["a", "b", "a"], rows=np.array([0, 1, 4]))
    assert wanted_by_id(twice) == {"a": [0, 4], "b": [1]}
