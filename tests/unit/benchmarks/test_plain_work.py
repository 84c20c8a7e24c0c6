from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import onnxruntime
import pytest

from benchmarks.plain_model import without_contributions
from benchmarks.plain_work import Position, Work, WorkOrder
from benchmarks.workload import artefacts, events, leads
from features.matrix import FeatureEncoder
from model.serving.onnx_runtime import OnnxPredictor
from model.serving.predictor import open_predictor
from schemas.decode import LeadDecoder
from schemas.single_object import HEADER_BYTES
from schemas.store import SchemaStore
from testing.schemas import packaged_schema

COUNT = 300
SCORED = packaged_schema("lead_scored")
POSITIONS = [Position(3, 70 + i, 1_760_000_000_000) for i in range(COUNT)]


@pytest.fixture(scope="module")
def model() -> Any:
    return artefacts(2000)


@pytest.fixture(scope="module")
def expected(model: Any) -> list[float]:
    """The scores as LeadScore computes them."""
    predictor = open_predictor(model)
    metadata = predictor.metadata
    store = SchemaStore()
    store.add(metadata.contract)
    read = LeadDecoder(store, metadata.spec.kinds).decode([value for _, value in events(COUNT)])
    features = FeatureEncoder(metadata.spec, metadata.reference).encode(read.columns, COUNT)
    return predictor.predict(features.matrix).probability.tolist()


def work(tmp_path: Any, content: bytes, decoder: str) -> Work:
    (tmp_path / "model.onnx").write_bytes(content)
    order = WorkOrder(
        bootstrap="",
        source="leads",
        target="",
        group="",
        model=tmp_path / "model.onnx",
        sha256="ab" * 32,
        decoder=decoder,
        batch=100,
        linger_ms=0,
        folder=tmp_path,
    )
    return Work(order)


def read(value: bytes) -> dict[str, Any]:
    assert value[:HEADER_BYTES] == SCORED.header
    body = io.BytesIO(value[HEADER_BYTES:])
    event = fastavro.schemaless_reader(body, SCORED.parsed, None)
    assert not body.read(), "nothing follows the event"
    return event


@pytest.mark.parametrize("decoder", ["fastavro", "leadscore"])
def test_plain_programs_score_as_leadscore_does_one_by_one_and_in_batches(
    tmp_path: Path, model: Any, expected: Any, decoder: str
) -> None:
    plain = work(tmp_path, without_contributions(model.onnx), decoder)
    values = [value for _, value in events(COUNT)]
    one_by_one = [plain.score(*given) for given in zip(values, POSITIONS, strict=True)]
    for scored in (one_by_one, plain.score_batch(values, POSITIONS)):
        found = [read(value) for _, value in scored]
        np.testing.assert_allclose([event["score"] for event in found], expected, atol=1e-6)
        assert [key for key, _ in scored] == [key for key, _ in events(COUNT)]
        assert [event["lead_id"].encode() for event in found] == [key for key, _ in scored]
        assert found[7]["source"] == {"topic": "leads", "partition": 3, "offset": 77}
        assert found[7]["created_at"] == leads(COUNT)[7]["created_at"]
        assert not any(event["reasons"] for event in found)


def test_the_model_without_contributions_gives_the_same_scores_and_nothing_else(model: Any) -> None:
    given = OnnxPredictor(model.onnx).metadata
    session = onnxruntime.InferenceSession(without_contributions(model.onnx))
    assert [output.name for output in session.get_outputs()] == ["probability"]
    (found,) = session.run(None, {"features": given.golden.matrix})
    np.testing.assert_array_equal(found[:, 0], np.array(given.golden.scores, np.float32))


def test_reasons_are_written_where_the_model_gives_them(
    tmp_path: Path, model: Any, expected: Any
) -> None:
    plain = work(tmp_path, model.onnx, "leadscore")
    scored = plain.score_batch([value for _, value in events(COUNT)], POSITIONS)
    found = [read(value) for _, value in scored]
    np.testing.assert_allclose([event["score"] for event in found], expected, atol=1e-6)
    reasons = found[0]["reasons"]
    assert 1 <= len(reasons) <= 3
    sizes = [abs(reason["contribution"]) for reason in reasons]
    assert sizes == sorted(sizes, reverse=True)
    assert {reason["feature"] for reason in reasons} <= leads(COUNT)[0].keys()
