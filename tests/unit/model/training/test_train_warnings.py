"""Warnings of a training: labels, few leads, leaks, and a model without signal."""

from __future__ import annotations

import re
from dataclasses import asdict, replace

import numpy as np
import pytest

from features.matrix import FeatureEncoder
from model.serving.native import NativePredictor
from model.serving.onnx_runtime import OnnxPredictor
from model.training.train import TrainedModel, train
from schemas.errors import InputError
from tests.unit.model.training.small_leads import OPTIONS, ROWS, TABLE, table


def test_few_leads_are_warned_of() -> None:
    report = train(TABLE.slice(0, 400), OPTIONS).report
    assert any(
        re.match(r"400 rows (in \d+ groups )?are few", warning) for warning in report.warnings
    )


def test_few_positives_are_warned_of() -> None:
    kept, positives = [], 0
    for row in ROWS:
        positives += row["won"] == "yes"
        if row["won"] == "no" or positives <= 60:
            kept.append(row)
    report = train(table(kept), OPTIONS).report
    assert any("60 positives are few" in warning for warning in report.warnings)


def test_a_leak_is_warned_of() -> None:
    leaky = [{**row, "contract.value": 100 if row["won"] == "yes" else 0} for row in ROWS]
    report = train(table(leaky), OPTIONS).report
    assert [leak.column for leak in report.leaks] == ["contract.value"]
    assert any("contract.value may leak" in warning for warning in report.warnings)
    assert any("Something knows the answer" in warning for warning in report.warnings)


def test_a_column_for_one_outcome_only_is_warned_of() -> None:
    """Forty of the won leads have a date of signature: the AUC does not show it."""
    won = [i for i, row in enumerate(ROWS) if row["won"] == "yes"][:40]
    signed = [{**row, "signature": "2024-05-31" if i in won else ""} for i, row in enumerate(ROWS)]
    report = train(table(signed), OPTIONS).report
    assert [leak.column for leak in report.leaks] == ["signature"]
    assert any(
        "signature may leak: it has a value in 40 rows, and all of them are positives" in warning
        for warning in report.warnings
    )


def test_the_auc_of_single_columns_is_kept(small_leads_model: TrainedModel) -> None:
    strongest = small_leads_model.metadata.metrics["strongest"]
    assert isinstance(strongest, list)
    assert len(strongest) == len(small_leads_model.metadata.spec.fields)
    assert strongest == [asdict(alone) for alone in small_leads_model.report.inspection.strongest]
    assert not any("knows the answer" in warning for warning in small_leads_model.report.warnings)


def test_rows_without_a_target_are_left_out() -> None:
    unknown = [{**row, "won": "" if i % 10 == 0 else row["won"]} for i, row in enumerate(ROWS)]
    report = train(table(unknown), OPTIONS).report
    assert report.rows == 1080
    assert any("120 rows without a target" in warning for warning in report.warnings)


def test_open_deals_are_no_failures() -> None:
    made = [{**row, "won": "open" if i % 10 == 0 else row["won"]} for i, row in enumerate(ROWS)]
    with pytest.raises(InputError, match="nothing says which of them"):
        train(table(made), OPTIONS)
    trained = train(table(made), replace(OPTIONS, positive=("yes",), negative=("no",)))
    report, labels = trained.report, trained.metadata.training.labels
    assert labels is not None
    assert labels.ignored == {"open": 120}
    assert labels.success == {"yes": report.positives}
    assert labels.failure == {"no": report.rows - report.positives}
    assert report.rows == 1080
    assert any("neither --positive nor --negative names" in w for w in report.warnings)
    assert any("'open' (120)" in w for w in report.warnings)


@pytest.fixture(scope="module")
def without_signal() -> TrainedModel:
    outcomes = np.random.default_rng(4).permutation([row["won"] for row in ROWS])
    return train(
        table([{**row, "won": won} for row, won in zip(ROWS, outcomes, strict=True)]), OPTIONS
    )


def test_no_signal_is_the_verdict_and_the_first_warning(without_signal: TrainedModel) -> None:
    report = without_signal.report
    assert not report.verdict.has_signal
    assert report.warnings[0].startswith(report.verdict.sentence)
    assert report.verdict.sentence.startswith("No better than giving everyone the base rate")
    assert without_signal.metadata.metrics["verdict"] == report.verdict.as_dict()


def test_without_signal_every_lead_gets_the_base_rate_in_both_engines(
    without_signal: TrainedModel,
) -> None:
    metadata, files = without_signal.metadata, without_signal.artefacts
    assert files.onnx is not None
    assert files.ubj is not None
    rate = without_signal.report.positives / without_signal.report.rows
    columns = TABLE.columns_for(metadata.spec.kinds)
    matrix = FeatureEncoder(metadata.spec, metadata.reference).encode(columns, TABLE.rows).matrix
    for predictor in (OnnxPredictor(files.onnx), NativePredictor(files.ubj)):
        prediction = predictor.predict(matrix)
        np.testing.assert_allclose(prediction.probability, rate, atol=1e-7)
        assert not prediction.reason_value.any()
        contributions = predictor.contributions(matrix)
        assert not contributions.fields.any()
        assert not contributions.aspects.any()
    # The drift of the score is measured against what is served.
    score = metadata.reference.score
    assert score.counts[score.codes_of(prediction.probability)[0]] == TABLE.rows
    assert metadata.importance == {}
