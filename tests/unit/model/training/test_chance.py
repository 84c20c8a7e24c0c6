"""No better than chance: when it is said, and how."""

from __future__ import annotations

import numpy as np
import pytest

from model.metadata import Calibration
from model.training.boosting import BoostingParameters, boost, margins
from model.training.chance import NoSignalError, Ranking, ranking_of, require_signal
from model.training.evaluate import roc_auc
from model.training.folds import folds
from tests.unit.small_booster import Trained

SMALL = BoostingParameters(trees=20, max_depth=3)


def test_the_sentence_has_the_auc_and_its_error() -> None:
    sentence = Ranking(0.54, 200, 700).sentence(Calibration())
    assert sentence == "no better than chance: AUC 0.54 ± 0.07 (95 %)"


def test_a_flat_slope_is_explained() -> None:
    flat = Calibration(method="platt", slope=0.03, intercept=-1.0)
    assert "Platt's slope is 0.03" in Ranking(0.5, 200, 700).sentence(flat)
    steep = Calibration(method="platt", slope=0.9)
    assert "slope" not in Ranking(0.5, 200, 700).sentence(steep)


@pytest.mark.parametrize(
    ("auc", "positives", "is_better"),
    [(0.54, 200, False), (0.60, 200, True), (0.54, 20_000, True), (0.4, 20_000, False)],
)
def test_the_same_auc_is_a_signal_with_more_leads(
    auc: float, positives: int, is_better: bool
) -> None:
    assert Ranking(auc, positives, 3 * positives).is_better_than_chance is is_better


def test_folds_without_signal_stay_within_the_margin() -> None:
    """Their AUCs spread more than independent ones: the same leads train several folds."""
    aucs = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        matrix, labels = rng.normal(size=(300, 5)).astype(np.float32), np.arange(300) % 3 == 0
        aucs.append(
            np.mean(
                [
                    roc_auc(
                        labels[own],
                        margins(
                            boost(matrix[rest], labels[rest], SMALL, seed=seed, threads=1),
                            matrix[own],
                        ),
                    )
                    for rest, own in folds(labels, 5, seed)
                ]
            )
        )
    assert 1.4 * np.std(aucs) < Ranking(0.5, 100, 200).margin < 3 * np.std(aucs)
    assert np.mean([Ranking(float(auc), 100, 200).is_better_than_chance for auc in aucs]) <= 0.05


def test_a_model_of_before_is_refused_by_its_auc(trained: Trained) -> None:
    metadata = trained.metadata
    assert ranking_of(metadata) is None
    require_signal(metadata, "Workers would load it")
    known = metadata.model_copy(update={"metrics": {"cross_validated": {"auc": 0.5}}})
    with pytest.raises(NoSignalError, match=r"no better than chance.*Workers would load it"):
        require_signal(known, "Workers would load it")
    good = metadata.model_copy(update={"metrics": {"cross_validated": {"auc": 0.9}}})
    require_signal(good, "Workers would load it")


def test_the_verdict_that_a_model_keeps_decides(trained: Trained) -> None:
    good, bad = (
        trained.metadata.model_copy(
            update={"metrics": {"verdict": {"has_signal": signal, "sentence": "No better than …."}}}
        )
        for signal in (True, False)
    )
    require_signal(good, "Workers would load it")
    with pytest.raises(NoSignalError, match=r"No better than ….*Workers would load it.*--force"):
        require_signal(bad, "Workers would load it")
