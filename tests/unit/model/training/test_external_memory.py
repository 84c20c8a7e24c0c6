"""Boosting with blocks on disk: a model of the same shape that is as good."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from features.field_spec import NumberField
from features.spec import FeatureSpec
from model.training import external_memory
from model.training.boosting import BoostingParameters, boost, margins
from model.training.external_memory import boost_in_blocks
from model.training.masking import with_masked_copies
from model.training.trainer import Block
from model.training.xgboost_trainer import XgboostTrainer

COLUMNS = 6
SPEC = FeatureSpec(fields=tuple(NumberField(name=f"n{i}") for i in range(COLUMNS)))
SMALL = BoostingParameters(boosters=2, trees=20, max_depth=3, eta=0.3)
RNG = np.random.default_rng(12)
MATRIX = RNG.normal(size=(6000, COLUMNS)).astype(np.float32)
MATRIX[RNG.random(MATRIX.shape) < 0.1] = np.nan
SUMS = np.nan_to_num(MATRIX[:, 0]) * 2 + np.nan_to_num(MATRIX[:, 1])
LABELS = RNG.random(len(MATRIX)) < 1 / (1 + np.exp(1 - SUMS))
TRAINED, UNSEEN = slice(0, 4000), slice(4000, None)


def from_disk(folder: Path, matrix: np.ndarray = MATRIX, block_rows: int = 700) -> bytes:
    booster = boost_in_blocks(
        *(SPEC, matrix[TRAINED], LABELS[TRAINED], SMALL),
        seed=3,
        threads=1,
        folder=folder,
        block_rows=block_rows,
    )
    return bytes(booster.save_raw("ubj"))


def test_the_trees_are_of_the_same_shape_and_as_good(tmp_path: Path) -> None:
    rows, weights = with_masked_copies(SPEC, MATRIX[TRAINED], 3)
    labels = np.tile(LABELS[TRAINED], 2)
    in_memory = boost(rows, labels, SMALL, weights=weights, seed=3, threads=1)
    found = boost_in_blocks(
        *(SPEC, MATRIX[TRAINED], LABELS[TRAINED], SMALL),
        seed=3,
        threads=1,
        folder=tmp_path / "cache",
        block_rows=700,
    )
    assert found.num_boosted_rounds() == in_memory.num_boosted_rounds() == 20
    assert found.num_features() == in_memory.num_features() == COLUMNS
    auc, auc_in_memory = (
        roc_auc_score(LABELS[UNSEEN], margins(booster, MATRIX[UNSEEN]))
        for booster in (found, in_memory)
    )
    assert auc == pytest.approx(auc_in_memory, abs=0.01)
    assert auc > 0.8
    assert not any((tmp_path / "cache").iterdir()), "blocks are left on the disk"


def test_the_same_rows_and_seed_give_the_same_trees(tmp_path: Path) -> None:
    written = np.lib.format.open_memmap(
        str(tmp_path / "rows.npy"), mode="w+", dtype=np.float32, shape=MATRIX.shape
    )
    written[:] = MATRIX
    assert from_disk(tmp_path) == from_disk(tmp_path) == from_disk(tmp_path, written)


def test_every_block_is_learned_from(tmp_path: Path) -> None:
    """Rows of the last block alone know the answer."""
    labels = RNG.random(4000) < 0.5
    matrix = np.zeros((4000, COLUMNS), np.float32)
    matrix[3500:, 5] = np.where(labels[3500:], 1, -1)
    booster = boost_in_blocks(
        *(SPEC, matrix, labels, SMALL), seed=1, threads=1, folder=tmp_path, block_rows=500
    )
    high, low = margins(booster, np.array([[0, 0, 0, 0, 0, s] for s in (1, -1)], np.float32))
    assert high > low + 1


def test_a_trainer_with_a_cache_averages_its_boosters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(external_memory, "BLOCK_ROWS", 900)
    trainer = XgboostTrainer(SMALL, cache=tmp_path)
    ensemble = trainer.train(SPEC, MATRIX[TRAINED], LABELS[TRAINED], seed=7, threads=1)
    assert len(ensemble.trees().trees) == 40
    assert trainer.parameters == XgboostTrainer(SMALL).parameters
    scores = ensemble.margins(MATRIX[UNSEEN])
    assert roc_auc_score(LABELS[UNSEEN], scores) > 0.8


@pytest.mark.parametrize("is_on_disk", [True, False])
def test_further_blocks_are_learned_from(is_on_disk: bool, tmp_path: Path) -> None:
    blocks = [(MATRIX[start : start + 500], LABELS[start : start + 500]) for start in (500, 1000)]

    def boosted(rows: int, *others: Block) -> bytes:
        booster = boost_in_blocks(
            *(SPEC, MATRIX[:rows], LABELS[:rows], SMALL),
            seed=3,
            threads=1,
            folder=tmp_path if is_on_disk else None,
            block_rows=500,
            others=others,
        )
        return bytes(booster.save_raw("ubj"))

    assert boosted(500, *blocks) == boosted(1500)
    assert boosted(500, *blocks) != boosted(500)
