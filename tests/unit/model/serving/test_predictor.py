import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from model.bundle import Artefacts
from model.metadata import BundleError
from model.registry import Registry
from model.serving import compiled
from model.serving.native import NativePredictor
from model.serving.onnx_runtime import OnnxPredictor
from model.serving.predictor import open_predictor, why_not_compiled
from tests.unit.small_booster import Trained


def arrays(predictor: Any, matrix: Any) -> Any:
    prediction, moved = predictor.predict(matrix), predictor.contributions(matrix)
    return (
        prediction.probability,
        prediction.reason_field,
        prediction.reason_value,
        prediction.aspects,
        moved.fields,
        moved.aspects,
    )


def test_shapes_and_types_are_those_of_a_prediction(trained: Trained) -> None:
    probability, field, value, aspects, *moved = arrays(
        OnnxPredictor(trained.onnx), trained.matrix[:5]
    )
    assert (probability.dtype, probability.shape) == (np.float32, (5,))
    assert (field.dtype, field.shape) == (np.int64, (5, 3))
    assert (value.dtype, value.shape) == (np.float32, (5, 3))
    assert [array.dtype for array in (aspects, *moved)] == [np.float32] * 3
    assert [array.shape for array in (aspects, *moved)] == [(5, 5), (5, 6), (5, 5)]


@pytest.mark.parametrize("engine", ["onnx", "ubj"])
def test_no_leads_give_no_scores(trained: Trained, engine: str) -> None:
    predictor = open_predictor(Artefacts(**{engine: getattr(trained, engine)}))
    shapes = [array.shape for array in arrays(predictor, trained.matrix[:0])]
    assert shapes == [(0,), (0, 3), (0, 3), (0, 5), (0, 6), (0, 5)]


def test_the_native_engine_gives_the_same_to_1e_6(trained: Trained) -> None:
    native, onnx_ = NativePredictor(trained.ubj), OnnxPredictor(trained.onnx)
    found, expected = arrays(native, trained.matrix), arrays(onnx_, trained.matrix)
    assert [array.dtype for array in found] == [array.dtype for array in expected]
    np.testing.assert_allclose(found[0], expected[0], rtol=0, atol=1e-6)
    for at in (3, 4, 5):
        np.testing.assert_allclose(found[at], expected[at], rtol=0, atol=2e-6)
    np.testing.assert_allclose(np.abs(found[2]), np.abs(expected[2]), rtol=0, atol=2e-6)
    np.testing.assert_array_equal(
        found[2], np.take_along_axis(found[4], found[1], axis=1), "a reason is its contribution"
    )


def test_both_engines_carry_the_metadata(trained: Trained) -> None:
    expected = trained.metadata.to_json()
    assert NativePredictor(trained.ubj).metadata.to_json() == expected
    assert OnnxPredictor(trained.onnx).metadata.to_json() == expected


def test_onnx_is_taken_where_there_are_both(artefacts: Artefacts) -> None:
    assert open_predictor(artefacts, choice="onnxruntime").engine == "onnx"


def test_compiled_trees_are_taken_where_they_give_the_same_bits(
    artefacts: Artefacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    predictor = open_predictor(artefacts)
    assert (predictor.engine, why_not_compiled(predictor)) == ("compiled", None)

    monkeypatch.setattr(compiled, "_compiled", None)
    predictor = open_predictor(artefacts)
    assert predictor.engine == "onnx"
    assert why_not_compiled(predictor) == "LeadScore was installed without a C compiler"


def test_compiled_trees_that_were_asked_for_and_can_not_score_are_an_error(
    artefacts: Artefacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled, "_compiled", None)
    with pytest.raises(BundleError, match=r"without a C compiler\. Set the engine to auto or"):
        open_predictor(artefacts, choice="compiled")


def test_a_model_of_xgboost_alone_opens_in_xgboost(artefacts: Artefacts) -> None:
    assert open_predictor(Artefacts(ubj=artefacts.ubj)).engine == "xgboost"


def test_without_onnx_runtime_xgboost_takes_over(
    artefacts: Artefacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert open_predictor(artefacts).engine == "xgboost"


def test_without_any_engine_the_error_says_what_to_install(
    artefacts: Artefacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(BundleError, match="install onnxruntime"):
        open_predictor(Artefacts(onnx=artefacts.onnx))
    monkeypatch.setitem(sys.modules, "xgboost", None)
    with pytest.raises(BundleError, match=r"install leadscore\[train\]"):
        open_predictor(artefacts)


def test_a_model_without_a_model_is_refused() -> None:
    with pytest.raises(BundleError, match="it has neither"):
        open_predictor(Artefacts(reference=b"rows"))


@pytest.mark.parametrize("content", [b"", b"garbage", b"\x00" * 1000, b"{" * 100_000])
@pytest.mark.parametrize("engine", ["onnx", "ubj"])
def test_garbage_is_refused_with_a_sentence(engine: str, content: Any) -> None:
    with pytest.raises(BundleError, match=rf"model\.{engine} .* again"):
        open_predictor(Artefacts(**{engine: content}))


def changed(content: Any, change: Any) -> Any:
    model = onnx.load_from_string(content)
    change(model)
    return model.SerializeToString()


def without_metadata(model: Any) -> None:
    del model.metadata_props[:]


def with_metadata(text: Any) -> Any:
    def change(model: Any) -> None:
        model.metadata_props[0].value = text

    return change


def narrower(model: Any) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 7


def renamed_input(model: Any) -> None:
    model.graph.input[0].name = "leads"
    for node in model.graph.node:
        node.input[:] = ["leads" if name == "features" else name for name in node.input]


def fewer_outputs(model: Any) -> None:
    del model.graph.output[-1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without_metadata, "no metadata 'leadscore'"),
        (with_metadata("{"), "metadata are not usable"),
        (with_metadata("[]"), "metadata are not usable"),
        (with_metadata('{"format_version": 1}'), "metadata are not usable: spec"),
        (with_metadata('{"format_version": 4}'), "formats 1 to 3, the model is of format 4"),
        (narrower, "another is its input 0, which should be features"),
        (renamed_input, "another is its operator 0, which should be IsNaN"),
        (fewer_outputs, "another is the number of its outputs, 4 instead of 5"),
    ],
)
def test_a_graph_that_is_no_model_of_ours_is_refused(
    trained: Trained, change: Any, message: str
) -> None:
    with pytest.raises(BundleError, match=message):
        OnnxPredictor(changed(trained.onnx, change))


def test_a_predictor_may_be_used_by_several_threads(trained: Trained) -> None:
    predictor = OnnxPredictor(trained.onnx)
    expected = predictor.predict(trained.matrix).probability
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(predictor.predict, [trained.matrix] * 16):
            np.testing.assert_array_equal(found.probability, expected)


def test_a_worker_loads_a_bundle_without_the_libraries_of_training(
    tmp_path: Path, artefacts: Artefacts
) -> None:
    registry = Registry(tmp_path)
    registry.publish("bank", artefacts)
    program = """
        import sys
        from model.bundle import load_bundle
        from model.serving.predictor import open_predictor

        bundle = load_bundle(sys.argv[1], None)
        scores = open_predictor(bundle).predict(bundle.metadata.golden.matrix)
        assert len(scores.probability) == 32
        heavy = {"xgboost", "onnx", "pandas", "pyarrow", "scipy", "sklearn"} & set(sys.modules)
        assert not heavy, heavy
    """
    command = [sys.executable, "-c", textwrap.dedent(program), registry.resolve("bank")]
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
