"""A model whose leads are in memory in part is as good as one of leads in memory alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from sklearn.metrics import roc_auc_score

from features.field_spec import NumberField
from features.matrix import FeatureEncoder
from features.parquet_rows import ParquetRows
from features.spec import FeatureSpec
from features.table import Table
from model.serving.onnx_runtime import OnnxPredictor
from model.training.boosting import BoostingParameters
from model.training.options import TrainOptions
from model.training.other_leads import OtherLeads
from model.training.train import TrainedModel, train
from model.training.xgboost_trainer import XgboostTrainer
from tests.unit.model.training.stump_trainer import StumpTrainer

ROWS, UNSEEN = 9000, 3000
TOLERANCE = 0.01
"""Difference of the AUC: docs/retraining.md, "More than fits into memory"."""


def write(path: Path) -> np.ndarray:
    """Write leads with fields of each kind; return their labels."""
    random = np.random.default_rng(8)
    towns = random.integers(0, 40, ROWS)  # 40 levels: encoded by the target
    pages = random.gamma(2, 10, ROWS)
    plans = random.choice(["free", "team", "company"], ROWS)
    words = random.choice(["asks for the price", "just looking", "wants a call"], ROWS)
    logit = 0.06 * pages - 2 + 0.05 * (towns - 20) + 0.8 * (plans == "company")
    labels = random.random(ROWS) < 1 / (1 + np.exp(-logit))
    table = pa.table(
        {
            "pages": pa.array(pages, mask=random.random(ROWS) < 0.1),
            "town": [f"town {town}" for town in towns],
            "plan": plans,
            "note": words,
            "won": labels,
        }
    )
    pyarrow.parquet.write_table(table, path, row_group_size=800)
    return labels


def test_blocks_are_encoded_as_a_worker_encodes_leads(tmp_path: Path) -> None:
    labels = write(tmp_path / "leads.parquet")
    file = ParquetRows(tmp_path / "leads.parquet")
    chosen = np.arange(ROWS) % 3 == 0
    others = OtherLeads(file, labels, chosen, "ab")
    assert (others.rows, others.positives) == (3000, int(labels[chosen].sum()))
    blocks = others.encoded(FeatureSpec(fields=(NumberField(name="pages"),)))
    for _ in range(2):  # XGBoost reads them several times
        matrices, own = zip(*blocks, strict=True)
        assert len(matrices) == 12
        assert np.array_equal(np.concatenate(own), labels[chosen])
        pages = file.take(chosen).columns["pages"].numbers()
        assert np.array_equal(
            np.concatenate(matrices)[:, 0], pages.astype(np.float32), equal_nan=True
        )


def scores(trained: TrainedModel, table: Table) -> np.ndarray:
    spec = trained.metadata.spec
    columns = table.columns_for(spec.kinds, spec.file_readings)
    matrix = FeatureEncoder(spec, trained.metadata.reference).encode(columns, table.rows).matrix
    return OnnxPredictor(trained.artefacts.onnx or b"").predict(matrix).probability


@pytest.mark.long
@pytest.mark.parametrize("is_on_disk", [True, False])
def test_a_sample_and_blocks_make_a_model_as_good_as_memory(
    is_on_disk: bool, tmp_path: Path
) -> None:
    labels = write(tmp_path / "leads.parquet")
    file, numbers = ParquetRows(tmp_path / "leads.parquet"), np.arange(ROWS)
    seen = numbers >= UNSEEN
    small = XgboostTrainer(
        BoostingParameters(boosters=2, trees=30, max_depth=3, eta=0.2),
        cache=tmp_path / "cache" if is_on_disk else None,
    )
    options = TrainOptions(target="won", text=("note",), trainer=small)
    drawn = seen & (numbers % 4 == 0)
    in_memory = train(file.take(seen), options)
    others = OtherLeads(file, labels, seen & ~drawn, "ab" * 32)
    found = train(file.take(drawn), options, others=others)
    unseen = file.take(~seen)
    auc, auc_in_memory = (
        roc_auc_score(labels[~seen], scores(each, unseen)) for each in (found, in_memory)
    )
    assert auc == pytest.approx(auc_in_memory, abs=TOLERANCE)
    assert abs(scores(found, unseen) - scores(in_memory, unseen)).mean() < 0.05
    training = found.metadata.training
    assert (training.rows, training.positives) == (6000, int(labels[seen].sum()))
    assert training.data_sha256 == "ab" * 32
    assert "1,500 of the 6,000 leads, drawn at random" in training.warnings[-1]


def test_another_trainer_learns_from_the_blocks_too(tmp_path: Path) -> None:
    labels = write(tmp_path / "leads.parquet")
    file = ParquetRows(tmp_path / "leads.parquet")
    spec = FeatureSpec(fields=(NumberField(name="pages"),))
    blocks = list(OtherLeads(file, labels, np.ones(ROWS, bool), "ab").encoded(spec))
    whole = tuple(np.concatenate(parts) for parts in zip(*blocks, strict=True))
    first = StumpTrainer(rounds=3).train(spec, *blocks[0], seed=1, threads=1, others=blocks[1:])
    assert first == StumpTrainer(rounds=3).train(spec, *whole, seed=1, threads=1)
