"""Choose what a model serves: its calibrated trees, or, without signal, the base rate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.spec import FeatureSpec
from model.metadata import Calibration
from model.training.cross_validation import CrossValidated, Recipe
from model.training.other_leads import OtherLeads
from model.training.specify import Leads
from model.training.trainer import Ensemble
from model.training.verdict import Verdict

__all__ = ["Served", "serve"]


@dataclass(frozen=True, slots=True)
class Served:
    """Booster and calibration of the bundle, and scores of the training leads.

    Attributes
    ----------
    ensemble
        Trees on the columns of the spec; of one leaf where every lead gets the base rate.
    calibration
        From their margins to probabilities.
    scores
        float64, shape (n,): of the training leads, each from trees that have not seen it, as new
        leads will score.
    """

    ensemble: Ensemble
    calibration: Calibration
    scores: NDArray[np.float64]


def serve(
    recipe: Recipe,
    spec: FeatureSpec,
    leads: Leads,
    validated: CrossValidated,
    verdict: Verdict,
    others: OtherLeads | None = None,
) -> Served:
    """Train the trees that serve on all leads; without signal, take the base rate.

    Trees without signal would rank leads at random, and their raw margins be far too sure.
    """
    if verdict.has_signal:
        ensemble = recipe.train(spec, leads, others)
        return Served(ensemble, validated.calibration, validated.served)
    calibration = Calibration()
    ensemble = recipe.trainer.base_rate(len(spec.columns), verdict.base_rate)
    nothing = np.full((1, len(spec.columns)), np.nan, dtype=np.float32)
    # As float32, the type of a score in service: its bins then hold the scores that are served.
    score = calibration.probability(ensemble.margins(nothing)).astype(np.float32)
    return Served(ensemble, calibration, np.full(len(leads), score[0], dtype=np.float64))
