"""The verdict: a signal is found where there is one, and nowhere else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from model.training.baseline import logistic_scores
from model.training.boosting import BoostingParameters
from model.training.cross_validation import Recipe, cross_validate
from model.training.evaluate import evaluate
from model.training.specify import Leads
from model.training.verdict import Verdict, judge
from model.training.xgboost_trainer import XgboostTrainer
from schemas.fields import FieldKind

QUICK = Recipe(
    XgboostTrainer(BoostingParameters(trees=30, max_depth=2, eta=0.2)), seed=42, threads=1
)


def leads(n: int, strength: float, seed: int = 1) -> Leads:
    """Leads with two numbers, one of them missing now and then, and an outcome."""
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=(2, n))
    labels = rng.random(n) < 1 / (1 + np.exp(0.7 - strength * numbers[0]))
    numbers[1, rng.random(n) < 0.2] = np.nan
    kinds = {"size": FieldKind.NUMBER, "noise": FieldKind.NUMBER}
    return Leads(kinds, dict(zip(kinds, numbers, strict=True)), labels)


def verdict_on(made: Leads) -> Verdict:
    validated = cross_validate(made, QUICK)
    return judge(made.labels, validated, logistic_scores(made, validated.folds, 42))


def test_a_signal_is_reported_with_its_size_and_a_baseline() -> None:
    verdict = verdict_on(leads(1500, 1.5))
    assert verdict.has_signal
    assert verdict.sentence.startswith("Better than giving everyone the base rate (3")
    assert 0.5 < verdict.auc.low < verdict.auc.value < verdict.auc.high < 1
    assert 0 < verdict.brier_skill.low < verdict.brier_skill.value
    assert 0 < verdict.log_loss_gain.low < verdict.log_loss_gain.value
    # The truth is a logistic regression: trees come close to it and no further.
    assert verdict.baseline.auc > verdict.auc.value - 0.01
    assert verdict.baseline.auc_gain.value == pytest.approx(
        verdict.auc.value - verdict.baseline.auc
    )
    assert verdict.baseline.auc_gain.high - verdict.baseline.auc_gain.low < 0.05


def test_random_outcomes_have_no_signal() -> None:
    """At most one of 20 by chance: 2.5 % are allowed."""
    verdicts = [verdict_on(leads(300, 0.0, seed)) for seed in range(20)]
    assert sum(verdict.has_signal for verdict in verdicts) <= 1
    assert all(
        verdict.sentence.startswith("No better than giving everyone the base rate")
        for verdict in verdicts
        if not verdict.has_signal
    )
    # Their AUCs spread more than those of independent folds: the intervals are as wide.
    deviation = np.std([verdict.auc.value for verdict in verdicts])
    half = np.mean([verdict.auc.high - verdict.auc.value for verdict in verdicts])
    assert 1.2 * deviation < half < 4 * deviation


def test_a_ranking_whose_scores_are_no_better_than_the_base_rate_is_no_signal() -> None:
    made = leads(1500, 1.5)
    validated = cross_validate(made, QUICK)
    too_sure = np.clip(validated.scores + 0.6, 0, 1)
    validated = replace(validated, scores=too_sure, quality=evaluate(made.labels, too_sure))
    verdict = judge(made.labels, validated, np.full(1500, 0.3))
    assert verdict.auc.low > 0.5
    assert verdict.brier_skill.value < 0
    assert not verdict.has_signal


def test_copies_that_folds_part_show_no_signal() -> None:
    """Each of them was seen in training: their figures are good whatever the fields say."""
    made = leads(1500, 1.5)
    validated = cross_validate(made, QUICK)
    baseline = logistic_scores(made, validated.folds, 42)
    verdict = judge(made.labels, validated, baseline, has_parted_copies=True)
    assert verdict.auc.low > 0.5
    assert not verdict.has_signal
    assert verdict.sentence.startswith("Not shown to be better than giving everyone the base rate")
    assert "copies of leads are in several folds" in verdict.sentence
    assert verdict.as_dict()["has_signal"] is False
