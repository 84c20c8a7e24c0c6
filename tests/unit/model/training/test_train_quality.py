"""The bars on real data: what training must reach with honest means."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from features.matrix import FeatureEncoder
from features.table_file import read_table
from model.serving.onnx_runtime import OnnxPredictor
from model.training.cross_validation import Recipe, cross_validate
from model.training.inspection import TOO_GOOD_AUC
from model.training.masking import missing_row
from model.training.options import TrainOptions
from model.training.preparation import prepare
from model.training.train import TrainedModel, train

pytestmark = pytest.mark.long  # minutes: all leads, and trained as by `leadscore train`
DATA = Path(__file__).parents[4] / "data"
CONTACTS = DATA / "bank_marketing" / "contacts.csv.gz"
SESSIONS = DATA / "online_shoppers" / "sessions.csv.gz"
OPTIONS = {
    CONTACTS: TrainOptions(target="y", exclude=("duration",), time="created_at"),
    SESSIONS: TrainOptions(target="Revenue"),
}


@pytest.fixture(scope="module")
def bank() -> TrainedModel:
    started = time.process_time()
    trained = train(read_table(CONTACTS), OPTIONS[CONTACTS])
    # Processor seconds, so that what else runs on the machine has no part in it.
    assert time.process_time() - started < 60
    return trained


@pytest.fixture(scope="module")
def shoppers() -> TrainedModel:
    return train(read_table(SESSIONS), OPTIONS[SESSIONS])


def test_the_banks_contacts_without_the_duration_reach_their_auc(bank: TrainedModel) -> None:
    assert bank.report.rows == 41_188
    assert bank.report.positives == 4_640
    assert bank.report.cross_validated.auc >= 0.802
    assert bank.report.leaks == ()


def assert_missing_values_say_little(trained: TrainedModel, file: Path, rows: int) -> None:
    """Hold a model to what it may make of values that are missing."""
    metadata, predictor = trained.metadata, OnnxPredictor(trained.artefacts.onnx or b"")
    leads = prepare(read_table(file), OPTIONS[file]).leads
    some = leads.take(np.linspace(0, len(leads) - 1, rows).astype(int))
    matrix = FeatureEncoder(metadata.spec, metadata.reference).encode(some.columns, rows).matrix
    missing = missing_row(metadata.spec)
    nothing = predictor.predict(missing[np.newaxis]).probability[0]
    assert nothing == pytest.approx(trained.report.positives / trained.report.rows, rel=0.2)
    complete = predictor.predict(matrix).probability.mean()
    ratios = {}
    for field, columns in metadata.spec.slices():
        without = matrix.copy()
        without[:, columns] = missing[columns]
        ratios[field.name] = predictor.predict(without).probability.mean() / complete
    assert min(ratios.values()) >= 0.75, ratios
    assert max(ratios.values()) <= 1.33, ratios


def test_a_missing_value_says_little_of_a_contact(bank: TrainedModel) -> None:
    """No contact lacks one: a missing month scored 2.8 times as high."""
    assert_missing_values_say_little(bank, CONTACTS, 5_000)
    assert "month" in bank.report.never_missing


def test_a_missing_value_says_little_of_a_session(shoppers: TrainedModel) -> None:
    """No session lacks one: missing page values scored 4.4 times as high."""
    assert_missing_values_say_little(shoppers, SESSIONS, 5_000)


def test_the_latest_contacts_of_the_bank_are_ranked_worse_and_the_report_says_so(
    bank: TrainedModel,
) -> None:
    latest = bank.report.latest
    assert latest is not None
    assert latest.rows == 8_238
    assert latest.auc >= 0.69
    # The rate of success trebled: the report must say that the scores are no probabilities there.
    assert any("the world has changed" in warning for warning in bank.report.warnings)
    # And that the ranking is worse than in cross-validation.
    assert bank.report.change is not None
    assert bank.report.change.auc.high < -0.05
    assert any("rank worse than cross-validation" in warning for warning in bank.report.warnings)


def test_bank_is_better_than_the_base_rate_and_the_baseline(bank: TrainedModel) -> None:
    verdict = bank.report.verdict
    assert verdict.has_signal
    assert verdict.brier_skill.low > 0.2
    assert verdict.baseline.auc_gain.low > 0


def test_bank_is_calibrated_where_the_world_is_the_same(bank: TrainedModel) -> None:
    quality = bank.report.cross_validated.quality
    assert quality.calibration_error < 2 * quality.calibration_noise
    assert quality.mean_score == pytest.approx(quality.rate, abs=0.002)


def test_bank_scores_alike_in_both_engines(bank: TrainedModel) -> None:
    assert bank.report.parity <= 1e-6


def test_shoppers_with_all_columns_reach_their_auc(shoppers: TrainedModel) -> None:
    assert shoppers.report.cross_validated.auc >= 0.933


def test_no_column_of_a_session_is_called_the_time_of_creation(shoppers: TrainedModel) -> None:
    assert not any("--time" in warning for warning in shoppers.report.warnings)


def test_page_values_is_called_a_leak(shoppers: TrainedModel) -> None:
    """And no other: three more columns merely have "duration" in their name."""
    (leak,) = shoppers.report.leaks
    assert (leak.column, leak.auc >= TOO_GOOD_AUC) == ("PageValues", True)


def test_the_duration_is_called_a_leak() -> None:
    trained = train(read_table(CONTACTS).slice(0, 15_000), TrainOptions(target="y"))
    (leak,) = trained.report.leaks
    assert (leak.column, leak.auc >= TOO_GOOD_AUC) == ("duration", True)
    assert "its name (duration)" in leak.reason


def test_another_seed_reaches_the_bars_too() -> None:
    options = TrainOptions(target="Revenue", seed=7)
    leads = prepare(read_table(SESSIONS), options).leads
    recipe = Recipe(options.trainer, options.seed, threads=1)
    # The folds are others, so the mean moves by about 0.001: the bar is not met by one lucky seed.
    assert cross_validate(leads, recipe).auc >= 0.932
