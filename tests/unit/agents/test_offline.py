"""A file's leads, scored without Kafka: the worker's scores to the bit, and why."""

from __future__ import annotations

import numpy as np
import orjson
import pytest

from agents.offline import ROWS_AT_ONCE, OfflineScorer
from features.matrix import Columns
from model.native import NativePredictor
from model.predictor import OnnxPredictor, Predictor
from stream.serving import scorer_of
from stream.settings import load_settings
from tests.unit.agents.test_scoring import records, score
from tests.unit.small_model import LEADS, SmallModel

SAID_OF_THE_SCORE = (
    "score",
    "category",
    "label",
    "confidence",
    "feature_coverage",
    "reasons",
)


@pytest.fixture(params=["onnx", "xgboost"], scope="module")
def predictor(request: pytest.FixtureRequest, model: SmallModel) -> Predictor:
    files = model.bundle.files
    if request.param == "onnx":
        return OnnxPredictor(files["model.onnx"])
    return NativePredictor(files["model.ubj"])


def test_what_is_said_of_a_lead_is_what_its_event_says_to_the_bit(
    model: SmallModel, predictor: Predictor
):
    settings = load_settings(output_format="json")
    worker = scorer_of(model.bundle, predictor, settings, topic="leads.created")
    events = [
        orjson.loads(value or b"") for _, value, _ in score(worker, records(model.values())).scored
    ]
    rows = list(OfflineScorer(model.bundle, predictor).score(model.columns, LEADS))
    assert rows == [{name: event[name] for name in SAID_OF_THE_SCORE} for event in events]


def test_many_leads_are_scored_in_parts_as_at_once(model: SmallModel, predictor: Predictor):
    times = ROWS_AT_ONCE // LEADS + 1
    columns: Columns = {
        name: np.tile(values, times) if isinstance(values, np.ndarray) else list(values) * times
        for name, values in model.columns.items()
    }
    scorer = OfflineScorer(model.bundle, predictor)
    rows = list(scorer.score(columns, LEADS * times))
    assert len(rows) > ROWS_AT_ONCE
    assert rows == list(scorer.score(model.columns, LEADS)) * times


def test_no_leads_no_scores(model: SmallModel, predictor: Predictor):
    none: Columns = {name: values[:0] for name, values in model.columns.items()}
    assert list(OfflineScorer(model.bundle, predictor).score(none, 0)) == []


def test_base_and_contributions_sum_up_to_the_logit(model: SmallModel, predictor: Predictor):
    scorer = OfflineScorer(model.bundle, predictor)
    calibration = model.bundle.metadata.calibration
    rows = list(scorer.score(model.columns, LEADS))
    bases = set()
    for at in range(0, LEADS, 40):
        lead: Columns = {name: values[at : at + 1] for name, values in model.columns.items()}
        explanation = scorer.explain(lead)
        assert explanation.score == rows[at]["score"]
        margin = explanation.base + sum(value for _, _, value in explanation.fields)
        logit = calibration.slope * margin + calibration.intercept
        assert 1 / (1 + np.exp(-logit)) == pytest.approx(explanation.score, abs=1e-6)
        bases.add(explanation.base)
    assert len(bases) == 1


def test_the_strongest_fields_come_first_and_are_the_reasons(
    model: SmallModel, predictor: Predictor
):
    scorer = OfflineScorer(model.bundle, predictor)
    explanation = scorer.explain(model.columns)
    assert [name for name, _, _ in explanation.fields] != list(model.columns)
    assert {name for name, _, _ in explanation.fields} == set(model.columns)
    strengths = [abs(value) for _, _, value in explanation.fields]
    assert strengths == sorted(strengths, reverse=True)
    [first, *_] = scorer.score(model.columns, LEADS)
    assert [(r["feature"], r["value"]) for r in first["reasons"]] == [
        (name, value) for name, value, _ in explanation.fields[:3]
    ]


class Certain:
    """An engine that is so sure that float32 can't tell the score from 1."""

    engine = "onnx"

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor
        self._calls = 0

    def predict(self, matrix: np.ndarray) -> object:
        self._calls += 1
        prediction = self._predictor.predict(matrix)
        if self._calls == 1:
            prediction.probability[:] = 1.0
        return prediction

    def contributions(self, matrix: np.ndarray) -> np.ndarray:
        return self._predictor.contributions(matrix)


def test_a_score_at_the_end_of_float32_has_a_finite_base(model: SmallModel, predictor: Predictor):
    certain = OfflineScorer(model.bundle, Certain(predictor))  # type: ignore[arg-type]
    explanation = certain.explain(model.columns)
    assert explanation.score == 1.0
    assert np.isfinite(explanation.base)
