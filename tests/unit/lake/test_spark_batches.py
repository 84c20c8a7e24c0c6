"""Batches from Spark: every row comes back, with a score or a reason why not."""

from __future__ import annotations

import pickle

import pyarrow as pa

from lake.batch_scorer import BatchScorer
from lake.spark_batches import SentModel, added_schema, with_scores
from tests.unit.lake.data_sets import RULES, expected_rows, leads_table
from tests.unit.small_model import SmallModel


def test_all_rows_and_columns_come_back_with_the_scores_of_leadscore_score(
    model: SmallModel,
) -> None:
    sent = SentModel.of(model.bundle, RULES)
    batches = leads_table(model.leads).to_batches(max_chunksize=90)
    made = [*with_scores(sent.open, batches)]
    assert [batch.num_rows for batch in made] == [90, 90, 90, 90, 40]
    table = pa.Table.from_batches(made)
    assert table.schema == pa.schema([*batches[0].schema, *added_schema()])
    assert table.select(batches[0].schema.names) == leads_table(model.leads)
    expected = [row | {"error_code": None, "error": None} for row in expected_rows(model)]
    assert table.select(["lead_id", *added_schema().names]).to_pylist() == expected


def test_a_row_that_is_no_lead_has_an_error_and_no_score(model: SmallModel) -> None:
    leads = [dict(lead) for lead in model.leads[:3]]
    leads[1]["created_at"] = 12
    sent = SentModel.of(model.bundle, RULES)
    [batch] = with_scores(sent.open, leads_table(leads).to_batches())
    good, bad, _ = batch.to_pylist()
    assert (bad["lead_id"], bad["score"], bad["reasons"], bad["error_code"]) == (
        "L-1",
        None,
        None,
        "TIME",
    )
    assert "created_at" in bad["error"]
    assert good["score"] is not None
    assert good["error"] is None


def test_a_task_opens_the_model_once(model: SmallModel) -> None:
    sent = SentModel.of(model.bundle, RULES)
    opened: list[BatchScorer] = []

    def open_scorer() -> BatchScorer:
        opened.append(sent.open())
        return opened[-1]

    batches = leads_table(model.leads).to_batches(max_chunksize=50)
    assert len([*with_scores(open_scorer, batches)]) == 8
    assert len(opened) == 1


def test_the_model_survives_the_way_to_a_task(model: SmallModel) -> None:
    """Spark itself pickles what a function refers to."""
    sent = pickle.loads(pickle.dumps(SentModel.of(model.bundle, RULES)))
    [batch] = with_scores(sent.open, leads_table(model.leads[:5]).to_batches())
    assert batch.column("score").null_count == 0
