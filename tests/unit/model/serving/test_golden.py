"""A model is verified by its scores of the golden rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from model.bundle import Artefacts
from model.metadata import BundleError, Golden
from model.serving.golden import verify
from model.serving.onnx_runtime import OnnxPredictor
from tests.unit.small_booster import Trained


@pytest.mark.parametrize("form", ["onnx", "ubj"])
def test_a_sound_model_is_verified_in_either_engine(trained: Trained, form: str) -> None:
    metadata = verify(Artefacts(**{form: getattr(trained, form)}))
    assert metadata.to_json() == trained.metadata.to_json()


@pytest.mark.parametrize("form", ["onnx", "ubj"])
def test_golden_rows_that_score_otherwise_are_refused(trained: Trained, form: str) -> None:
    golden = trained.metadata.golden
    scores = np.array(golden.scores)
    scores[5] += 2e-6
    metadata = trained.metadata.model_copy(update={"golden": Golden.of(golden.matrix, scores)})
    with pytest.raises(BundleError, match="of 32 rows 1 differ by more than 1e-06; row 5 should"):
        verify(Artefacts(**{form: getattr(replace(trained, metadata=metadata), form)}))


def test_a_golden_score_of_nan_is_refused(trained: Trained) -> None:
    golden = trained.metadata.golden.model_copy(update={"scores": (float("nan"),) * 32})
    metadata = trained.metadata.model_copy(update={"golden": golden})
    with pytest.raises(BundleError):
        verify(Artefacts(onnx=replace(trained, metadata=metadata).onnx))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda p: replace(p, probability=p.probability[:0]), "32 golden rows a score, 3 re"),
        (lambda p: replace(p, reason_field=p.reason_field[:, :2]), "32 golden rows a score, 3 re"),
        (lambda p: replace(p, aspects=p.aspects[:, :2]), "3 reasons and 5 contributions of"),
        (lambda p: replace(p, reason_field=p.reason_field + 6), "reasons should be of its 6"),
    ],
    ids=["no scores", "two reasons", "two aspects", "reasons of no field"],
)
def test_a_graph_that_gives_other_arrays_than_a_score_and_reasons_is_refused(
    artefacts: Artefacts, monkeypatch: pytest.MonkeyPatch, change: Any, says: str
) -> None:
    predict = OnnxPredictor.predict
    monkeypatch.setattr(OnnxPredictor, "predict", lambda *given: change(predict(*given)))
    with pytest.raises(BundleError, match=says):
        verify(artefacts)


def test_an_engine_that_fails_on_the_golden_rows_is_named_with_the_cause(
    artefacts: Artefacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("bad node")

    monkeypatch.setattr(OnnxPredictor, "predict", fail)
    with pytest.raises(BundleError, match=r"can't score its own golden rows \(bad node\)"):
        verify(artefacts)
