"""The serving model: the registry's bundle, in development a constant, or none."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import orjson
import pytest

from model.bundle import BundleError
from model.registry import ModelNotFoundError
from model.serving import compiled
from schemas.errors import StartupError
from schemas.model_identity import ModelIdentity
from stream.scoring.serving_model import load_serving, locate
from stream.settings import Settings, load_settings
from testing.engines import ENGINE
from tests.unit.agents.test_scoring import Record, events, lead, records, score
from tests.unit.small_model import SmallModel


def settings_of(model: SmallModel, **given: Any) -> Settings:
    return load_settings(registry=str(model.registry), output_format="json", **given)


@pytest.mark.parametrize("environment", ["production", "staging"])
def test_no_model_is_a_sentence_in_production(environment: str, tmp_path: Path) -> None:
    settings = load_settings(environment=environment, registry=str(tmp_path), model="leads")
    with pytest.raises(ModelNotFoundError, match=r"Train one with `leadscore train`"):
        locate(settings)


@pytest.mark.parametrize("environment", ["development", "test"])
def test_no_model_is_a_constant_in_development(
    environment: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = load_settings(
        environment=environment, registry=str(tmp_path), model="leads", output_format="json"
    )
    assert locate(settings) is None
    serving = load_serving(settings, None)
    assert "every lead gets a constant score" in caplog.text
    assert (serving.identity.id, serving.engine) == ("constant-development", "constant")
    [event, bare] = events(
        score(
            serving.scorer,
            [Record(0, lead()), Record(1, b'{"lead_id":"b","created_at":1700000000000}')],
        )
    )
    assert event["model_id"] == "constant-development"
    assert event["engine"] == "constant"
    assert event["score"] == bare["score"] == 0.5
    assert event["reasons"] == []
    assert event["low_coverage"] is False


def test_the_constant_does_not_pass_for_a_model(tmp_path: Path) -> None:
    settings = load_settings(environment="test", registry=str(tmp_path))
    assert load_serving(settings, None).info["name"] == "constant-development"


def test_a_bundle_becomes_a_scorer(model: SmallModel) -> None:
    settings = settings_of(model, environment="production")
    location = locate(settings)
    serving = load_serving(settings, location)
    assert serving.identity == ModelIdentity("leads", "1", model.bundle.sha256)
    assert (serving.engine, serving.calibration) == (ENGINE, "platt")
    batch = score(serving.scorer, records(model.values()))
    assert len(batch.scored) == len(model.leads)
    assert events(batch)[0]["model_sha256"] == model.bundle.sha256
    assert events(batch)[0]["source"]["topic"] == "leads.created"


def test_its_info_is_json_and_names_no_lead(model: SmallModel) -> None:
    serving = load_serving(settings_of(model), model.bundle.location)
    info = orjson.loads(orjson.dumps(dict(serving.info)))
    assert info["name"] == "leads"
    assert info["fields"]["page_views"] == "number"
    assert info["calibration"]["slope"] == 0.83
    assert "golden" not in info


def test_the_native_engine_scores_where_there_is_no_onnx(model: SmallModel, tmp_path: Path) -> None:
    from model.bundle import Artefacts
    from model.registry import Registry

    Registry(tmp_path).publish("native", Artefacts(ubj=model.bundle.files["model.ubj"]))
    settings = load_settings(registry=str(tmp_path), model="native", output_format="json")
    serving = load_serving(settings, locate(settings))
    assert serving.engine == "xgboost"
    native = score(serving.scorer, records(model.values()))
    onnx = score(load_serving(settings, model.bundle.location).scorer, records(model.values()))
    assert native.scores == pytest.approx(onnx.scores, abs=1e-6)
    assert {event["engine"] for event in events(native)} == {"xgboost"}


def test_a_damaged_bundle_is_refused(model: SmallModel, tmp_path: Path) -> None:
    registry = shutil.copytree(model.registry, tmp_path / "models")
    damaged = registry / "leads" / "1" / "model.onnx"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    settings = load_settings(registry=str(registry))
    with pytest.raises(BundleError, match="is incomplete"):
        load_serving(settings, locate(settings))


def test_a_model_of_other_fields_than_the_contract_is_refused(model: SmallModel) -> None:
    settings = settings_of(model, contract="bank_contact")
    with pytest.raises(
        StartupError,
        match=r"reads fields that the contract leadscore\.v1\.bank_contact does not promise",
    ):
        load_serving(settings, locate(settings))


def test_a_model_that_compiled_trees_can_not_score_is_served_with_a_warning(
    model: SmallModel, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(compiled, "_compiled", None)
    serving = load_serving(settings_of(model), model.bundle.location)
    assert serving.info["engine"] == "onnx"
    [warning] = [record.getMessage() for record in caplog.records]
    assert "leads/1 scores with ONNX Runtime" in warning
    assert "without a C compiler" in warning


def test_the_engine_may_be_chosen(model: SmallModel) -> None:
    serving = load_serving(settings_of(model, engine="onnxruntime"), model.bundle.location)
    assert serving.engine == "onnx"
