"""A candidate learns from leads before the hold-out, and from all of them once it has passed."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from agents.retraining.point_in_time import LabelCounts
from stream.retraining.candidate import Candidate, _scored, train_candidate
from stream.retraining.data_rows import DataRows
from stream.retraining.data_set import FILE, DataSet
from stream.retraining.plan import settings_kept
from stream.settings import Settings, load_settings
from tests.unit.small_model import SmallModel
from tests.unit.stream.retraining.records import plan

ROWS = 1200
HOUR = 3_600_000
FIRST = 1_700_000_000_000
SETTINGS = load_settings(retrain_trials=0, outcome_horizon_days=1, outcome_late_days=1)


def data_set(folder: Path, converted: Any) -> DataSet:
    random = np.random.default_rng(3)
    times = FIRST + np.arange(ROWS) * HOUR
    moments = pa.array(times, pa.timestamp("ms", tz="UTC"))
    views = random.integers(0, 40, ROWS).astype(float)
    labels = converted(views, random)
    table = pa.table(
        {
            "created_at": moments,
            "page_views": views,
            "industry": random.choice(["health", "retail", "software"], ROWS),
            "job_title": random.choice(["cto", "ceo", "cook"], ROWS),
            "summary": random.choice(["asks for the price", "just looking"], ROWS),
            "company_size": random.choice([1.0, 12.5, 300.0], ROWS),
            "leadscore_converted": labels,
            "leadscore_value": pa.array([90.0 if each else None for each in labels], pa.float64()),
            "leadscore_currency": pa.array(
                ["EUR" if each else None for each in labels], pa.string()
            ),
            "leadscore_time": moments,
            "leadscore_partition": np.zeros(ROWS, dtype=np.int64),
            "leadscore_offset": np.arange(ROWS),
        }
    )
    path = folder / FILE
    pyarrow.parquet.write_table(table, path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return DataSet(path, sha256, times, int(labels.sum()), LabelCounts(), ())


def candidate(
    model: SmallModel, folder: Path, converted: Any, settings: Settings = SETTINGS
) -> Candidate:
    own = plan(settings=settings_kept(settings))
    return train_candidate(settings, own, model.bundle, data_set(folder, converted))


@pytest.mark.long
def test_one_that_passes_is_trained_again_on_all_leads(model: SmallModel, tmp_path: Path) -> None:
    found = candidate(model, tmp_path, lambda views, random: views + random.normal(0, 5, ROWS) < 15)
    assert found.verdict.is_passed, found.verdict.sentence
    assert (found.hold_out, found.trained.report.rows) == (240, ROWS)
    training = found.trained.metadata.training
    assert training.data_sha256 == hashlib.sha256((tmp_path / FILE).read_bytes()).hexdigest()
    assert found.trained.metadata.contract == model.bundle.metadata.contract


@pytest.mark.long
def test_one_without_signal_is_rejected_and_has_not_seen_the_hold_out(
    model: SmallModel, tmp_path: Path
) -> None:
    found = candidate(model, tmp_path, lambda _, random: random.random(ROWS) < 0.3)
    assert not found.verdict.is_passed
    assert "base rate" in found.verdict.sentence
    # Its leads end two days, the horizon and the late time, before the hold-out.
    assert found.trained.report.rows == ROWS - 240 - 47


@pytest.mark.long
def test_more_leads_than_memory_may_have_are_learnt_from_in_blocks(
    model: SmallModel, tmp_path: Path
) -> None:
    """The model of all leads, whether 600 or all of them are in memory."""
    settings = SETTINGS.model_copy(update={"retrain_sample_rows": 600})
    found = candidate(
        model, tmp_path, lambda views, random: views + random.normal(0, 5, ROWS) < 15, settings
    )
    assert found.verdict.is_passed, found.verdict.sentence
    training = found.trained.metadata.training
    assert (training.rows, found.hold_out) == (ROWS, 240)
    assert training.data_sha256 == hashlib.sha256((tmp_path / FILE).read_bytes()).hexdigest()
    assert any("600 of the 1,200 leads" in warning for warning in training.warnings)


def test_blocks_of_the_hold_out_have_the_scores_and_segments_of_the_whole(
    model: SmallModel, tmp_path: Path
) -> None:
    data = data_set(tmp_path, lambda views, _: views < 15)
    whole = _scored(model.bundle, model.bundle, DataRows(data).latest(700), ())
    table = pyarrow.parquet.read_table(data.path)
    pyarrow.parquet.write_table(table, data.path, row_group_size=150)
    pair, segments = _scored(model.bundle, model.bundle, DataRows(data).latest(700), ())
    assert len(pair) == 500
    assert np.array_equal(pair.after.scores, whole[0].after.scores)
    assert np.array_equal(pair.before.bands, whole[0].before.bands)
    assert [each.field for each in segments] == [each.field for each in whole[1]]
    assert all(np.array_equal(a.codes, b.codes) for a, b in zip(segments, whole[1], strict=True))
