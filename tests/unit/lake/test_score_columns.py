"""Scores in Arrow equal those of `leadscore score`, value by value."""

from __future__ import annotations

import numpy as np

from agents.offline import OfflineScorer
from lake.score_columns import ScoreColumns, score_schema
from model.serving.predictor import open_predictor
from schemas.scored_event import ScoreRule, Scores, scored_event
from tests.unit.small_model import LEADS, SmallModel

RULE = ScoreRule(high=0.5, medium=0.2, label=0.5, reason_texts=[("a", "x"), ("b", "y")])


def test_columns_are_the_rows_of_leadscore_score(model: SmallModel) -> None:
    scorer = OfflineScorer(model.bundle, open_predictor(model.bundle))
    [scores] = scorer.scores(model.columns, LEADS)
    batch = ScoreColumns(scorer.rule).of(scores)
    assert batch.to_pylist() == list(scorer.score(model.columns, LEADS))
    assert batch.schema == score_schema()


def test_a_reason_without_a_contribution_is_left_out() -> None:
    scores = Scores(
        probability=np.array([0.1, 0.7], np.float32),
        coverage=np.array([1.0, 0.5], np.float32),
        reason_code=np.array([[0, 1], [1, 0]], np.int32),
        reason_value=np.array([[0.25, 0.0], [0.0, 0.0]], np.float32),
    )
    rows = ScoreColumns(RULE).of(scores).to_pylist()
    assert rows == list(scored_event().of_scores(scores, RULE))
    assert [row["reasons"] for row in rows] == [
        [{"feature": "a", "value": "x", "contribution": 0.25}],
        [],
    ]


def test_no_leads_no_rows() -> None:
    none = np.empty(0, np.float32)
    reasons = np.empty((0, 3), np.float32)
    scores = Scores(
        probability=none,
        coverage=none,
        reason_code=reasons.astype(np.int32),
        reason_value=reasons,
    )
    assert ScoreColumns(RULE).of(scores).num_rows == 0
