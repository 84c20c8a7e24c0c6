from __future__ import annotations

from model.bundle import Artefacts
from model.registry import Registry
from stream.engine_speed.engine_process import lines
from stream.engine_speed.measurement import SIZES
from tests.unit.small_model import SmallModel


def test_an_engine_answers_with_its_times_and_then_its_memory(model: SmallModel) -> None:
    *times, memory = lines(model.bundle.location, "onnx", 0.001)
    assert [line["leads"] for line in times] == [*SIZES]
    assert all(0 < line["lead_us"] <= line["mean_us"] <= line["p99_us"] * 5 for line in times)
    assert {line["engine"] for line in (*times, memory)} == {"onnx"}
    assert memory["memory_mb"] >= 0


def test_an_engine_that_can_not_score_the_model_answers_with_the_reason(
    model: SmallModel, tmp_path: object
) -> None:
    registry = Registry(f"{tmp_path}/models")
    registry.publish("native", Artefacts(ubj=model.bundle.files["model.ubj"]))
    [line] = lines(registry.resolve("native"), "compiled", 0.001)
    assert line == {"engine": "compiled", "why_not": "the model has no model.onnx"}
