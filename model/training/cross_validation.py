"""Scores of leads by models that have not seen them: by folds, and for the latest leads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.spec import FeatureSpec
from model.metadata import Calibration
from model.training.calibrate import choose_calibration
from model.training.evaluate import Quality, evaluate, fold_aucs
from model.training.folds import FOLDS, folds, has_folds, split_latest
from model.training.other_leads import OtherLeads
from model.training.specify import Leads, encode, fit_spec, training_matrix
from model.training.trainer import Ensemble, Trainer

__all__ = ["FOLDS", "CrossValidated", "Latest", "Recipe", "cross_validate", "validate_latest"]

LEAST_OF_A_KIND = 10
"""Minimum number of positives and of negatives, in both parts, to measure the latest leads."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How models are trained, wherever they are."""

    trainer: Trainer
    seed: int
    threads: int

    def train(
        self, spec: FeatureSpec, training: Leads, others: OtherLeads | None = None
    ) -> Ensemble:
        """Train a model on leads, and on others that are not in memory."""
        matrix = training_matrix(spec, training, self.seed)
        return self.trainer.train(
            *(spec, matrix, training.labels),
            seed=self.seed,
            threads=self.threads,
            others=() if others is None else others.encoded(spec),
        )

    def unseen_margins(self, training: Leads, unseen: Leads) -> NDArray[np.float32]:
        """Train on some leads, spec and encodings included; return the margins of others."""
        spec = fit_spec(training)
        return self.train(spec, training).margins(encode(spec, unseen))


@dataclass(frozen=True, slots=True)
class CrossValidated:
    """Result of cross-validation.

    Attributes
    ----------
    folds
        int64, shape (n,): the fold of each lead, from 0 on.
    margins
        float32, shape (n,): each from trees that have not seen the lead.
    calibration
        Chosen by the margins of all leads.
    scores
        float64, shape (n,): each lead's score by trees and a calibration that have not seen it.
    served
        float64, shape (n,): the same with the model's own calibration, as new leads will score.
    quality
        Positives and leads of ``scores``.
    fold_aucs
        The AUC of each fold.
    """

    folds: NDArray[np.int64]
    margins: NDArray[np.float32]
    calibration: Calibration
    scores: NDArray[np.float64]
    served: NDArray[np.float64]
    quality: Quality
    fold_aucs: tuple[float, ...]

    @property
    def auc(self) -> float:
        """Mean AUC of the folds."""
        return float(np.mean(self.fold_aucs))

    @property
    def auc_deviation(self) -> float:
        """Standard deviation of the folds' AUCs."""
        return float(np.std(self.fold_aucs))


def cross_validate(leads: Leads, recipe: Recipe, *, n: int = FOLDS) -> CrossValidated:
    """Score every lead by a model trained on the other folds.

    Parameters
    ----------
    leads
        With both kinds of labels.
    recipe
        How models are trained; its seed shuffles the folds too.
    n
        Number of folds, stratified by label; leads of a group are in one of them.
    """
    labels = leads.labels
    unseen = np.empty(len(leads), dtype=np.float32)
    fold_of = np.empty(len(leads), dtype=np.int64)
    for fold, (training, own) in enumerate(folds(labels, n, recipe.seed, leads.groups)):
        unseen[own] = recipe.unseen_margins(leads.take(training), leads.take(own))
        fold_of[own] = fold
    scores = np.empty(len(leads), dtype=np.float64)
    for fold in range(n):
        own = fold_of == fold
        without = choose_calibration(unseen[~own], labels[~own], fold_of[~own])
        scores[own] = without.probability(unseen[own])
    calibration = choose_calibration(unseen, labels, fold_of)
    return CrossValidated(
        folds=fold_of,
        margins=unseen,
        calibration=calibration,
        scores=scores,
        served=calibration.probability(unseen),
        quality=evaluate(labels, scores),
        fold_aucs=fold_aucs(labels, unseen, fold_of),
    )


@dataclass(frozen=True, slots=True)
class Latest:
    """The latest leads, scored by a model of the earlier ones.

    Attributes
    ----------
    rows
        int64, shape (m,): which leads they are.
    margins, scores
        float32 and float64, shape (m,).
    quality
        Positives and leads of ``scores``.
    """

    rows: NDArray[np.int64]
    margins: NDArray[np.float32]
    scores: NDArray[np.float64]
    quality: Quality


def validate_latest(leads: Leads, recipe: Recipe) -> Latest | None:
    """Train and calibrate on the first 80 % of the leads, measure on the latest 20 %.

    Of these, leads that belong to an earlier one are left out.

    Parameters
    ----------
    leads
        In the order of time.
    recipe
        How models are trained.

    Returns
    -------
    Latest or None
        None where a part has fewer than 10 positives or negatives, or the groups of the first
        part are too few for folds.
    """
    before, rows = split_latest(len(leads), leads.groups)
    earlier, latest = leads.take(before), leads.take(rows)
    for part in (earlier, latest):
        positives = int(part.labels.sum())
        if min(positives, len(part) - positives) < LEAST_OF_A_KIND:
            return None
    if not has_folds(earlier.labels, FOLDS, recipe.seed, earlier.groups):
        return None
    calibration = cross_validate(earlier, recipe).calibration
    unseen = recipe.unseen_margins(earlier, latest)
    scores = calibration.probability(unseen)
    return Latest(rows, unseen, scores, evaluate(latest.labels, scores))
