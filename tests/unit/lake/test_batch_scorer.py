"""A batch in Arrow: scored or rejected row by row, whatever the batch."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from lake.batch_scorer import BatchScorer
from tests.unit.lake.data_sets import RULES, expected_rows, leads_table
from tests.unit.small_model import SmallModel


@pytest.fixture(scope="module")
def scorer(model: SmallModel) -> BatchScorer:
    return BatchScorer(model.bundle, RULES, "the leads")


def rows_of(scorer: BatchScorer, table: Any) -> list[dict[str, Any]]:
    scores: list[dict[str, Any]] = scorer.score(scorer.table(table)).scores.to_pylist()
    return scores


def test_the_scores_are_those_of_leadscore_score_in_any_batch(
    model: SmallModel, scorer: BatchScorer
) -> None:
    table = leads_table(model.leads)
    expected = [
        {name: value for name, value in row.items() if name != "lead_id"}
        for row in expected_rows(model)
    ]
    assert rows_of(scorer, table) == expected
    parts = [rows_of(scorer, table.slice(at, 7)) for at in range(0, table.num_rows, 7)]
    assert [row for part in parts for row in part] == expected


def test_a_row_that_is_no_lead_is_rejected_and_its_neighbours_are_scored(
    model: SmallModel, scorer: BatchScorer
) -> None:
    leads = [dict(lead) for lead in model.leads[:5]]
    leads[1]["created_at"] = 1_700_000_000  # seconds
    leads[3]["created_at"] = RULES.now_ms + 2 * 86_400_000
    found = scorer.score(scorer.table(leads_table(leads)))
    assert {row: error.code for row, error in found.rejected.items()} == {1: "TIME", 3: "TIME"}
    assert found.rows.tolist() == [0, 2, 4]
    assert found.scores.num_rows == 3


def test_an_empty_batch_has_no_scores(scorer: BatchScorer, model: SmallModel) -> None:
    found = scorer.score(scorer.table(leads_table(model.leads[:1]).slice(0, 0)))
    assert (len(found.rows), found.scores.num_rows, found.rejected) == (0, 0, {})


def test_dictionaries_and_large_strings_are_text(model: SmallModel, scorer: BatchScorer) -> None:
    table = leads_table(model.leads[:50])
    expected = rows_of(scorer, table)
    at = table.schema.get_field_index("industry")
    column = table.column("industry")
    for other in (column.dictionary_encode(), column.cast(pa.large_string())):
        assert rows_of(scorer, table.set_column(at, "industry", other)) == expected
