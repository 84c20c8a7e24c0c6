"""Training as a whole, on small made-up leads."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from features.field_spec import CategoryField
from features.matrix import FeatureEncoder
from features.reference_sample import read_sample
from model.metadata import BundleMetadata, Thresholds
from model.serving.onnx_runtime import OnnxPredictor
from model.training.bands import BandRule
from model.training.boosting import BoostingParameters
from model.training.train import TrainedModel, TrainOptions, train
from model.training.xgboost_trainer import XgboostTrainer
from schemas.store import parse_schema
from tests.unit.model.training.small_leads import OPTIONS, QUICK, ROWS, TABLE, rows, table


def test_the_spec_has_a_field_for_each_column_by_its_kind(small_leads_model: TrainedModel) -> None:
    fields = {field.name: field for field in small_leads_model.metadata.spec.fields}
    assert list(fields) == ["company_size", "city", "source", "opt_in", "notes", "created_at"]
    assert isinstance(fields["city"], CategoryField)
    assert fields["city"].encoding == "target"
    assert isinstance(fields["source"], CategoryField)
    assert fields["source"].levels == ("event", "partner", "web")
    words = ("around", "just", "looking", "price", "what")
    assert set(fields["notes"].columns[2:]) <= {f"notes~{word}" for word in words}
    assert "notes~price" in fields["notes"].columns


def test_dropped_columns_have_a_reason(small_leads_model: TrainedModel) -> None:
    dropped = small_leads_model.report.dropped
    assert set(dropped) == {"id", "country", "won"}
    assert "identifier" in dropped["id"]
    assert "same value" in dropped["country"]
    assert small_leads_model.metadata.training.dropped == dropped
    assert any("id was left out as an identifier" in w for w in small_leads_model.report.warnings)


def test_the_scores_are_those_of_the_report(small_leads_model: TrainedModel) -> None:
    metadata, report = small_leads_model.metadata, small_leads_model.report
    assert report.rows == 1200
    assert report.positives == sum(row["won"] == "yes" for row in ROWS)
    assert 0.6 < report.cross_validated.auc < 0.95
    assert report.latest is not None
    assert report.latest.rows == 240
    assert report.parity <= 1e-6
    assert metadata.calibration == report.calibration
    assert metadata.metrics["cross_validated"]["auc"] == report.cross_validated.auc  # type: ignore[index,call-overload]
    assert json.loads(metadata.to_json())["metrics"]["latest"]["rows"] == 240
    baseline = report.verdict.baseline.quality.as_dict() | {"auc": report.verdict.baseline.auc}
    assert metadata.metrics["logistic_regression"] == baseline


def test_the_bundle_s_files_open_and_score_events(small_leads_model: TrainedModel) -> None:
    assert small_leads_model.artefacts.onnx is not None
    predictor = OnnxPredictor(small_leads_model.artefacts.onnx)
    metadata = predictor.metadata
    assert metadata == small_leads_model.metadata
    encoder = FeatureEncoder(metadata.spec, metadata.reference)
    columns = TABLE.with_fields_of(metadata.spec.file_names).columns_for(metadata.spec.kinds)
    scores = predictor.predict(encoder.encode(columns, TABLE.rows).matrix).probability
    won = np.array([row["won"] == "yes" for row in ROWS])
    assert scores[won].mean() > scores[~won].mean() + 0.1
    golden = predictor.predict(metadata.golden.matrix).probability
    np.testing.assert_allclose(golden, metadata.golden.scores, atol=1e-6)
    assert np.isnan(metadata.golden.matrix).any()


def test_the_fields_that_decide_have_the_highest_importance(
    small_leads_model: TrainedModel,
) -> None:
    importance = small_leads_model.metadata.importance
    assert list(importance) == list(small_leads_model.metadata.spec.kinds)
    assert sum(importance.values()) == pytest.approx(1)
    # Won are the large, of some cities, and those that asked for the price.
    least = min(importance[name] for name in ("company_size", "city", "notes"))
    assert least > max(importance[name] for name in ("source", "opt_in"))
    assert least > 0.1


def test_the_reference_rows_have_the_bins_of_the_training_data(
    small_leads_model: TrainedModel,
) -> None:
    assert small_leads_model.artefacts.reference is not None
    spec, reference = small_leads_model.metadata.spec, small_leads_model.metadata.reference
    sample = read_sample(small_leads_model.artefacts.reference, "the sample", spec, reference)
    sizes: Any = TABLE.columns_for(spec.kinds)["company_size"]
    np.testing.assert_array_equal(np.sort(sample.numbers["company_size"]), np.sort(sizes))
    assert {*sample.numbers["notes"]} == {len(row["notes"]) for row in ROWS}
    for codes, bins in zip(sample.bins.T, reference.counted, strict=True):
        assert tuple(np.bincount(codes, minlength=bins.codes).tolist()) == bins.counts
    codes = reference.score.codes_of(sample.scores)
    assert np.bincount(codes).sum() == 1200


def test_the_contract_is_derived(small_leads_model: TrainedModel) -> None:
    contract = small_leads_model.metadata.contract
    parse_schema(contract).require_lead()
    types = {field["name"]: field["type"] for field in contract["fields"]}  # type: ignore[union-attr,index,call-overload]
    assert types["opt_in"] == ["null", "boolean"]
    assert types["company_size"] == ["null", "double"]
    assert types["city"] == ["null", "string"]


def test_the_same_input_gives_the_same_bytes(small_leads_model: TrainedModel) -> None:
    again = train(TABLE, replace(OPTIONS, threads=2))
    assert again.artefacts.files == small_leads_model.artefacts.files
    other = train(TABLE, replace(OPTIONS, seed=7))
    assert other.artefacts.onnx != small_leads_model.artefacts.onnx


def test_a_contract_limits_the_fields() -> None:
    schema = {
        "type": "record",
        "name": "lead",
        "fields": [
            {"name": "lead_id", "type": "string"},
            {"name": "created_at", "type": "long"},
            {"name": "company_size", "type": ["null", "double"]},
            {"name": "opt_in", "type": "boolean"},
            {"name": "absent", "type": ["null", "string"]},
        ],
    }
    trained = train(TABLE, replace(OPTIONS, text=(), schema=schema))
    assert list(trained.metadata.spec.kinds) == ["company_size", "opt_in", "created_at"]
    assert trained.metadata.contract == schema
    assert trained.report.dropped["city"] == "not in the contract"


@pytest.mark.long
def test_trials_choose_parameters_the_same_way_each_time() -> None:
    options = replace(OPTIONS, trials=2, text=(), exclude=("notes",))
    first, second = train(TABLE.slice(0, 400), options), train(TABLE.slice(0, 400), options)
    assert first.metadata == second.metadata
    assert first.metadata.training.parameters == first.report.parameters


def test_few_leads_whose_trees_are_too_sure_are_calibrated() -> None:
    sure = BoostingParameters(trees=200, max_depth=4, eta=0.3, reg_lambda=0.1, min_child_weight=0)
    trained = train(TABLE.slice(0, 400), replace(OPTIONS, trainer=XgboostTrainer(sure)))
    assert trained.metadata.calibration.method == "platt"
    assert 0 < trained.metadata.calibration.slope < 0.5
    assert trained.report.calibrated.startswith("Platt, slope 0.")


def test_coverage_of_sparse_leads_is_relative_to_that_of_training_leads() -> None:
    """Two of six fields are there at a time: none of the leads is one of which little is known."""
    rng = np.random.default_rng(9)
    sparse = []
    for row in ROWS:
        kept = rng.choice(6, size=2, replace=False)
        sparse.append({f"f{i}": f"{rng.normal():.3f}" if i in kept else "" for i in range(6)})
        sparse[-1]["won"] = row["won"]
    data = table(sparse)
    metadata = train(data, TrainOptions(target="won", trainer=QUICK)).metadata
    assert metadata.reference.typical is not None
    assert metadata.reference.typical.fields == 2
    assert 0 < metadata.reference.typical.importance < 0.4
    encoder = FeatureEncoder(metadata.spec, metadata.reference, metadata.importance)
    features = encoder.encode(data.columns_for(metadata.spec.kinds), data.rows)
    assert features.coverage.min() == 1
    assert (features.known < 0.6).mean() < 0.1
    nothing = encoder.encode(
        data.columns_for({}) | {f"f{i}": np.array([np.nan]) for i in range(6)}, 1
    )
    assert nothing.coverage.tolist() == [0]


def test_an_almost_empty_column_is_left_out_and_does_not_count(
    small_leads_model: TrainedModel,
) -> None:
    rare = [{**row, "fax": "yes" if i < 5 else ""} for i, row in enumerate(ROWS)]
    metadata = train(table(rare), OPTIONS).metadata
    assert list(metadata.spec.kinds) == list(small_leads_model.metadata.spec.kinds)
    assert metadata.reference.typical == small_leads_model.metadata.reference.typical
    (column,) = [column for column in metadata.training.columns if column.column == "fax"]
    assert (
        column.unused == "almost empty: 5 of 1,200 rows have a value (--as fax=category keeps it)"
    )


def test_thresholds_go_into_the_model() -> None:
    high, medium = BandRule("score", 0.6, "0.6"), BandRule("score", 0.3, "0.3")
    trained = train(TABLE.slice(0, 400), replace(OPTIONS, high=high, medium=medium))
    assert trained.metadata.thresholds == Thresholds(high=0.6, medium=0.3)


def test_rare_success_has_bands_and_a_healthy_range_of_its_own() -> None:
    kept = [row for i, row in enumerate(rows(3000)) if row["won"] == "no" or i % 12 == 0]
    trained = train(table(kept), OPTIONS)
    report, metadata = trained.report, trained.metadata
    rate = report.positives / report.rows
    assert rate < 0.07
    assert report.bands.high.share == pytest.approx(0.1, abs=0.01)
    assert report.bands.medium.share == pytest.approx(0.2, abs=0.02)
    assert report.bands.high.lift > report.bands.low.lift
    assert metadata.metrics["band_high"]["leads"] == report.bands.high.leads  # type: ignore[call-overload]
    assert metadata.engagement.low < rate < metadata.engagement.high < 0.15
    assert metadata.reference.score.counts == _counted(metadata, report.cross_validated.served)


def _counted(metadata: BundleMetadata, scores: NDArray[np.float64]) -> tuple[int, ...]:
    bins = metadata.reference.score
    return tuple(np.bincount(bins.codes_of(scores), minlength=bins.codes).tolist())


def test_the_bands_are_those_of_the_calibration_that_serves(
    small_leads_model: TrainedModel,
) -> None:
    validated = small_leads_model.report.cross_validated
    assert small_leads_model.metadata.calibration == validated.calibration
    from_high = validated.served >= small_leads_model.metadata.thresholds.high
    assert from_high.sum() == small_leads_model.report.bands.high.leads
    assert from_high.mean() == pytest.approx(0.1, abs=0.01)
