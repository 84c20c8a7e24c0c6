"""The trainer of XGBoost's trees: boosters of several seeds, averaged."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import optuna
import xgboost
from numpy.typing import NDArray

from features.spec import FeatureSpec
from model.metadata import METADATA_KEY, BundleMetadata
from model.training.boosting import (
    RECIPE,
    BoostingParameters,
    average,
    boost,
    boost_base_rate,
    margins,
)
from model.training.external_memory import boost_in_blocks
from model.training.masking import with_masked_copies
from model.training.trainer import Block
from model.training.trees import Tree, Trees

__all__ = ["XgboostEnsemble", "XgboostTrainer"]


@dataclass(frozen=True, slots=True)
class XgboostEnsemble:
    """A booster; see ``Ensemble``.

    Parameters
    ----------
    booster
        Trees (``gbtree``) of objective ``binary:logistic``.
    """

    booster: xgboost.Booster

    def margins(self, matrix: NDArray[np.float32]) -> NDArray[np.float32]:
        """Score leads on the logit scale."""
        return margins(self.booster, matrix)

    def contributions(self, matrix: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute what each column adds to the margins."""
        rows = xgboost.DMatrix(matrix, nthread=1)
        found = self.booster.predict(rows, pred_contribs=True, approx_contribs=True)
        # The last column is the base, which no column contributes.
        return np.asarray(found[:, :-1], dtype=np.float32)

    def trees(self) -> Trees:
        """Read the trees from the booster.

        Raises
        ------
        ValueError
            The booster is of another kind.
        """
        learner = json.loads(self.booster.save_raw("json"))["learner"]
        _check(learner)
        return Trees(
            [_tree(tree) for tree in learner["gradient_booster"]["model"]["trees"]],
            _base_margin(learner["learner_model_param"]["base_score"]),
            int(learner["learner_model_param"]["num_feature"]),
        )

    def ubj(self, metadata: BundleMetadata) -> bytes:
        """Write the booster in XGBoost's own binary format, with the metadata as an attribute."""
        copy = self.booster.copy()
        copy.feature_names = None
        copy.set_attr(**{METADATA_KEY: metadata.to_json()})
        return bytes(copy.save_raw("ubj"))


@dataclass(frozen=True, slots=True)
class XgboostTrainer:
    """Trains boosters on leads, and on copies of them with fields that miss; see ``Trainer``.

    Parameters
    ----------
    boosting
        Parameters of the trees.
    cache
        Folder on a disk in which XGBoost keeps the rows while it trains; None: they are in memory.
    """

    boosting: BoostingParameters = RECIPE
    cache: Path | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters by name."""
        return self.boosting.as_dict()

    def train(
        self,
        spec: FeatureSpec,
        matrix: NDArray[np.float32],
        labels: NDArray[np.bool_],
        *,
        seed: int,
        threads: int,
        others: Iterable[Block] = (),
    ) -> XgboostEnsemble:
        """Train boosters and average them."""
        boosters = [
            self._boost_once(spec, matrix, labels, seed=own, threads=threads, others=others)
            for own in self._seeds(seed)
        ]
        return XgboostEnsemble(average(boosters) if len(boosters) > 1 else boosters[0])

    def base_rate(self, columns: int, rate: float) -> XgboostEnsemble:
        """Return one tree of a single leaf."""
        return XgboostEnsemble(boost_base_rate(columns, rate))

    def suggested(self, trial: optuna.trial.BaseTrial) -> Self:
        """Return the recipe with a trial's parameters."""
        boosting = replace(
            RECIPE,
            trees=trial.suggest_int("trees", 20, 80, step=10),
            max_depth=trial.suggest_int("max_depth", 2, 6),
            eta=trial.suggest_float("eta", 0.05, 0.5, log=True),
            subsample=trial.suggest_float("subsample", 0.5, 1.0),
            colsample_bytree=trial.suggest_float("colsample_bytree", 0.3, 1.0),
            min_child_weight=trial.suggest_float("min_child_weight", 1.0, 30.0, log=True),
            reg_lambda=trial.suggest_float("reg_lambda", 0.3, 30.0, log=True),
        )
        return replace(self, boosting=boosting)

    def _seeds(self, seed: int) -> list[int]:
        """Return one seed a booster: those of two trainings are independent."""
        others = np.random.SeedSequence(seed).generate_state(self.boosting.boosters - 1)
        return [seed, *others.tolist()]

    def _boost_once(
        self,
        spec: FeatureSpec,
        matrix: NDArray[np.float32],
        labels: NDArray[np.bool_],
        *,
        seed: int,
        threads: int,
        others: Iterable[Block],
    ) -> xgboost.Booster:
        if self.cache is not None or others != ():
            return boost_in_blocks(
                *(spec, matrix, labels, self.boosting),
                seed=seed,
                threads=threads,
                folder=self.cache,
                others=others,
            )
        rows, weights = with_masked_copies(spec, matrix, seed)
        return boost(
            rows, np.tile(labels, 2), self.boosting, weights=weights, seed=seed, threads=threads
        )


def _check(learner: dict[str, Any]) -> None:
    booster, objective = learner["gradient_booster"]["name"], learner["objective"]["name"]
    if (booster, objective) != ("gbtree", "binary:logistic"):
        raise ValueError(
            "The export knows boosters of kind gbtree with objective binary:logistic, this one is "
            f"of kind {booster} with objective {objective}."
        )
    if not learner["gradient_booster"]["model"]["trees"]:
        raise ValueError("The booster has no trees: train at least one round.")


def _tree(tree: dict[str, Any]) -> Tree:
    if any(tree["split_type"]):
        raise ValueError(
            "The booster splits on categories itself, which the export does not know: train on "
            "the encoded columns of the feature matrix."
        )
    return Tree(
        left=tree["left_children"],
        right=tree["right_children"],
        column=tree["split_indices"],
        value=tree["split_conditions"],
        missing_left=tree["default_left"],
        cover=tree["sum_hessian"],
    )


def _base_margin(written: str) -> np.float32:
    """Read the margin that the trees start from: "[5E-1]" since XGBoost 3.1, "5E-1" before."""
    base = np.ravel(json.loads(written)).astype(np.float32)
    if base.size != 1:
        raise ValueError(f"The export knows boosters of one target, this one has {base.size}.")
    # As XGBoost computes it: the odds in its precision, their logarithm rounded once.
    return np.float32(-math.log(np.float32(1) / base[0] - np.float32(1)))
