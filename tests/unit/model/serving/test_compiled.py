"""The compiled engine: the bits of ONNX Runtime, for trees of any shape, or none."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.field_spec import CategoryField, DateField, NumberField
from features.spec import FeatureSpec
from model.metadata import Calibration
from model.serving import compiled, tree_layout
from model.serving.compiled import CompiledPredictor
from model.serving.drawn_rows import draw_rows
from model.serving.graph import check_graph
from model.serving.onnx_runtime import OnnxPredictor
from model.serving.prediction import NotCompiledError, Predictor
from tests.unit.drawn_trees import SHAPES, Shape, bits, drawn_model
from tests.unit.small_booster import Trained

_compiled = pytest.importorskip("model.serving._compiled", reason="there was no compiler")
BUSHY: list[Shape] = ["bushy"]
SIZES = (0, 1, 4, 8, 9, 16, 17, 130)
ASPECTS = FeatureSpec(
    fields=(
        NumberField(name="views"),
        DateField(name="created_at"),
        CategoryField(name="industry", encoding="one_hot", levels=("health", "retail")),
    )
)


def outputs(predictor: Predictor, matrix: Any) -> list[Any]:
    prediction, moved = predictor.predict(matrix), predictor.contributions(matrix)
    return bits(
        prediction.probability,
        prediction.reason_field,
        prediction.reason_value,
        prediction.aspects,
        moved.fields,
        moved.aspects,
    )


def rows_of(content: bytes, n: int) -> Any:
    checked = check_graph(content)
    return draw_rows(checked.trees, checked.metadata, n)


@given(
    st.integers(0, 2**32), st.lists(st.sampled_from(SHAPES), min_size=1, max_size=12), st.booleans()
)
@settings(max_examples=25, deadline=None)
def test_drawn_trees_of_any_shape_get_the_bits_of_onnx_runtime(
    seed: int, shapes: Sequence[Shape], has_aspects: bool
) -> None:
    content = drawn_model(seed, shapes, spec=ASPECTS if has_aspects else None)
    reference, found = OnnxPredictor(content), CompiledPredictor(content)
    rows = rows_of(content, 300)
    for n in (*SIZES, 300):
        assert outputs(found, rows[:n]) == outputs(reference, rows[:n])


@pytest.mark.parametrize("width", _compiled.widths())
def test_each_width_of_vector_registers_gets_the_bits_of_onnx_runtime(
    width: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = drawn_model(11, [*[*SHAPES] * 5, *BUSHY * 20, "leaf"], spec=ASPECTS)
    reference = OnnxPredictor(content)
    monkeypatch.setattr(_compiled, "Trees", partial(_compiled.Trees, width=width))
    found = CompiledPredictor(content)
    assert found._trees.width == width
    rows = rows_of(content, 300)
    for n in (*SIZES, 300):
        assert outputs(found, rows[:n]) == outputs(reference, rows[:n])


def test_every_processor_has_the_baseline_and_the_widest_is_the_default(trained: Trained) -> None:
    assert _compiled.widths()[0] == "baseline"
    assert CompiledPredictor(trained.onnx)._trees.width == _compiled.widths()[-1]


def test_a_width_that_the_processor_does_not_have_is_refused(
    trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_compiled, "Trees", partial(_compiled.Trees, width="widest"))
    with pytest.raises(ValueError, match="expected a width out of"):
        CompiledPredictor(trained.onnx)


def test_a_model_that_was_trained_gets_the_bits_of_onnx_runtime(trained: Trained) -> None:
    found, reference = CompiledPredictor(trained.onnx), OnnxPredictor(trained.onnx)
    assert outputs(found, trained.matrix) == outputs(reference, trained.matrix)


def test_without_reasons_the_scores_are_the_same_and_reasons_have_no_columns(
    trained: Trained,
) -> None:
    for n in SIZES:
        without = CompiledPredictor(trained.onnx, reasons=False).predict(trained.matrix[:n])
        expected = OnnxPredictor(trained.onnx, reasons=False).predict(trained.matrix[:n])
        assert bits(without.probability) == bits(expected.probability)
        assert without.reason_field.shape == without.reason_value.shape == (n, 0)


def test_a_wide_model_whose_rows_are_larger_than_the_cache_is_the_same() -> None:
    content = drawn_model(3, [*BUSHY * 30, "deep", "deep"], columns=400)
    rows = rows_of(content, 200)
    assert outputs(CompiledPredictor(content), rows) == outputs(OnnxPredictor(content), rows)


@pytest.mark.parametrize("intercept", [-12.0, -30.0, -800.0, 12.0, 40.0, 800.0])
def test_scores_near_0_and_1_whose_last_bit_is_uncertain_are_those_of_onnx_runtime(
    intercept: float,
) -> None:
    content = drawn_model(
        5,
        BUSHY * 9,
        calibration=Calibration(method="platt", slope=1.7, intercept=intercept),
    )
    rows = rows_of(content, 2000)
    found = CompiledPredictor(content)
    assert outputs(found, rows) == outputs(OnnxPredictor(content), rows)
    is_doubtful = found._trees.score(rows, False)[-1]
    assert (is_doubtful is not None) == (intercept < 0), "else the reference is never asked"


def test_threads_share_a_batch_and_give_the_same_bits(trained: Trained) -> None:
    found = CompiledPredictor(trained.onnx, threads=3)
    assert outputs(found, trained.matrix) == outputs(OnnxPredictor(trained.onnx), trained.matrix)


def test_a_matrix_of_another_width_is_refused(trained: Trained) -> None:
    with pytest.raises(ValueError, match="expected rows of 11 columns, got 10"):
        CompiledPredictor(trained.onnx).predict(np.ascontiguousarray(trained.matrix[:, :-1]))


@pytest.mark.parametrize("array", ["margin", "threshold", "change"])
def test_trees_that_differ_in_the_last_bit_are_found_before_the_engine_serves(
    trained: Trained, monkeypatch: pytest.MonkeyPatch, array: str
) -> None:
    lay_out = tree_layout.lay_out

    def wrong(*args: Any, **kwargs: Any) -> Any:
        layout = lay_out(*args, **kwargs)
        values = getattr(layout, array)
        np.nextafter(values, np.float32(np.inf), out=values)
        return layout

    monkeypatch.setattr(compiled, "lay_out", wrong)
    with pytest.raises(NotCompiledError, match="differ from those of ONNX Runtime"):
        CompiledPredictor(trained.onnx)


def test_without_a_compiler_it_says_so(trained: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "_compiled", None)
    with pytest.raises(NotCompiledError, match="without a C compiler"):
        CompiledPredictor(trained.onnx)


def test_where_its_speed_was_not_measured_it_serves_only_if_it_is_asked_for(
    trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_compiled, "is_measured", lambda: False)
    with pytest.raises(NotCompiledError, match="was not measured on"):
        CompiledPredictor(trained.onnx)
    assert CompiledPredictor(trained.onnx, anywhere=True).engine == "compiled"
