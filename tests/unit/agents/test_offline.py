"""A file's leads, scored without Kafka: the worker's scores to the bit, and why."""

from __future__ import annotations

import numpy as np
import orjson
import pytest

from agents.offline import ROWS_AT_ONCE, OfflineScorer
from features.matrix import Columns
from model.serving.native import NativePredictor
from model.serving.onnx_runtime import OnnxPredictor
from model.serving.prediction import Predictor
from stream.scoring.bundle_scorer import scorer_of
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


def test_an_offline_score_equals_the_event_to_the_bit(
    model: SmallModel, predictor: Predictor
) -> None:
    settings = load_settings(output_format="json")
    worker = scorer_of(model.bundle, predictor, settings, topic="leads.created")
    events = [
        orjson.loads(value or b"") for _, value, _ in score(worker, records(model.values())).scored
    ]
    rows = list(OfflineScorer(model.bundle, predictor).score(model.columns, LEADS))
    assert rows == [{name: event[name] for name in SAID_OF_THE_SCORE} for event in events]


def test_many_leads_are_scored_in_parts_as_at_once(model: SmallModel, predictor: Predictor) -> None:
    times = ROWS_AT_ONCE // LEADS + 1
    columns: Columns = {
        name: np.tile(values, times) if isinstance(values, np.ndarray) else list(values) * times
        for name, values in model.columns.items()
    }
    scorer = OfflineScorer(model.bundle, predictor)
    rows = list(scorer.score(columns, LEADS * times))
    assert len(rows) > ROWS_AT_ONCE
    assert rows == list(scorer.score(model.columns, LEADS)) * times


def test_no_leads_no_scores(model: SmallModel, predictor: Predictor) -> None:
    none: Columns = {name: values[:0] for name, values in model.columns.items()}
    assert list(OfflineScorer(model.bundle, predictor).score(none, 0)) == []


def test_base_fields_and_calibration_add_up_to_the_score_s_logit(
    model: SmallModel, predictor: Predictor
) -> None:
    scorer = OfflineScorer(model.bundle, predictor)
    rows = list(scorer.score(model.columns, LEADS))
    bases = set()
    for at in range(0, LEADS, 40):
        lead: Columns = {name: values[at : at + 1] for name, values in model.columns.items()}
        explanation = scorer.explain(lead)
        assert explanation.score == rows[at]["score"]
        parts = sum(field.contribution for field in explanation.fields)
        logit = explanation.base + parts + explanation.calibration
        assert logit == pytest.approx(explanation.logit, abs=1e-12)
        assert 1 / (1 + np.exp(-logit)) == pytest.approx(explanation.score, abs=1e-6)
        bases.add(explanation.base)
    assert len(bases) == 1


def test_the_aspects_of_a_field_add_up_to_the_field(
    model: SmallModel, predictor: Predictor
) -> None:
    scorer = OfflineScorer(model.bundle, predictor)
    with_aspects = set()
    for at in range(0, LEADS, 40):
        lead: Columns = {name: values[at : at + 1] for name, values in model.columns.items()}
        for field in scorer.explain(lead).fields:
            if field.aspects:
                with_aspects.add(field.name)
                total = sum(aspect.contribution for aspect in field.aspects)
                assert total == pytest.approx(field.contribution, abs=1e-5)
    assert with_aspects == {"summary", "created_at"}


def test_the_strongest_fields_come_first_and_are_the_reasons(
    model: SmallModel, predictor: Predictor
) -> None:
    scorer = OfflineScorer(model.bundle, predictor)
    explanation = scorer.explain(model.columns)
    assert [field.name for field in explanation.fields] != list(model.columns)
    assert {field.name for field in explanation.fields} == set(model.columns)
    strengths = [abs(field.contribution) for field in explanation.fields]
    assert strengths == sorted(strengths, reverse=True)
    [first, *_] = scorer.score(model.columns, LEADS)
    assert [(r["feature"], r["value"]) for r in first["reasons"]] == [
        (field.name, field.value) for field in explanation.fields[:3]
    ]


def test_a_reason_says_the_aspect_that_contributed_most(
    model: SmallModel, predictor: Predictor
) -> None:
    """In the field's direction; keywords count together, here there is one."""
    scorer = OfflineScorer(model.bundle, predictor)
    for at in range(0, LEADS, 10):
        lead: Columns = {name: values[at : at + 1] for name, values in model.columns.items()}
        for field in scorer.explain(lead).fields:
            if field.aspects and field.value != "missing":
                sign = 1 if field.contribution > 0 else -1
                strongest = max(field.aspects, key=lambda aspect: sign * aspect.contribution)
                assert field.value == strongest.value
