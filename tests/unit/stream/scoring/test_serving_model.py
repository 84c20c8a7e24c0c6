"""The serving model: the registry's bundle, in development a constant, or none."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import orjson
import pytest

from agents.lead_grades import grade_in
from agents.lead_segments import MISSING, segments_of
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


def test_without_reasons_events_have_none(model: SmallModel) -> None:
    serving = load_serving(settings_of(model, reasons=False), model.bundle.location)
    assert {len(e["reasons"]) for e in events(score(serving.scorer, records(model.values())))} == {
        0
    }


def test_the_settings_rule_over_little_known_leads(model: SmallModel) -> None:
    settings = settings_of(model, min_coverage=1.0, low_coverage="refuse")
    serving = load_serving(settings, model.bundle.location)
    few = b'{"lead_id": "few", "created_at": 1700000000000, "page_views": 2}'
    batch = score(serving.scorer, [Record(0, lead()), Record(1, few)])
    assert batch.positions == [0]
    assert batch.codes.keys() == {"FEATURES"}


def test_an_event_above_the_limit_is_a_dead_letter(model: SmallModel) -> None:
    serving = load_serving(settings_of(model, max_event_bytes=100), model.bundle.location)
    batch = score(serving.scorer, [Record(0, lead(summary="x" * 100))])
    assert batch.codes.keys() == {"TOO_LARGE"}


def test_leads_of_the_models_own_contract_are_known(model: SmallModel, tmp_path: Path) -> None:
    """Its schema is in no folder: it comes with the bundle."""
    settings = load_settings(registry=str(model.registry), schema_dir=tmp_path)
    serving = load_serving(settings, model.bundle.location)
    assert not score(serving.scorer, records(model.values())).dead_letters


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


def test_scored_events_have_the_segments_of_their_leads_if_the_settings_name_fields(
    model: SmallModel,
) -> None:
    plain = load_serving(settings_of(model), str(model.bundle.location)).scorer
    settings = settings_of(model, outcome_segments="country,page_views:2:5")
    scorer = load_serving(settings, str(model.bundle.location)).scorer
    assert scorer.headers == plain.headers + 2
    given = records([lead(country="NL"), b"{", lead(page_views=9)])
    found = [headers for _, _, headers in score(scorer, given).scored]
    assert [segments_of(headers) for headers in found] == [
        (("country", "NL"), ("page_views", "2 to 5")),
        (("country", MISSING), ("page_views", "5 and over")),
    ]
    assert all(len(headers) == scorer.headers for headers in found)
    without = [headers for _, _, headers in score(plain, given).scored]
    assert [headers[: plain.headers] for headers in found] == without
    assert events(score(scorer, given)) == events(score(plain, given))


def test_scored_events_have_the_grades_of_their_leads_beside_segments_if_rules_are_set(
    model: SmallModel, tmp_path: Path
) -> None:
    rules = tmp_path / "sales.toml"
    rules.write_text(
        "[fit]\nleast = [70, 40, 20]\n"
        'points = [{ field = "page_views", at_least = 5, points = 50 }]\n'
    )
    plain = load_serving(settings_of(model), str(model.bundle.location)).scorer
    settings = settings_of(model, grade_rules=rules, outcome_segments="country")
    scorer = load_serving(settings, str(model.bundle.location)).scorer
    assert scorer.headers == plain.headers + 2
    given = records([lead(country="NL", page_views=9), b"{", lead(country="DE", page_views=1)])
    found = [headers for _, _, headers in score(scorer, given).scored]
    assert [(segments_of(headers), grade_in(headers)) for headers in found] == [
        ((("country", "NL"),), "B"),
        ((("country", "DE"),), "D"),
    ]
    assert all(len(headers) == scorer.headers for headers in found)
    assert events(score(scorer, given)) == events(score(plain, given))
