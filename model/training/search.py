"""A search for better parameters of the trees."""

from __future__ import annotations

from dataclasses import replace

import optuna

from model.training.boosting import RECIPE, BoostingParameters
from model.training.cross_validation import Recipe, cross_validate
from model.training.specify import Leads

__all__ = ["search_parameters"]

SEARCH_FOLDS = 3


def search_parameters(leads: Leads, recipe: Recipe, trials: int) -> BoostingParameters:
    """Try parameters out, by cross-validated log loss; the recipe's own stay unless beaten.

    The folds are others than those of the report, which would be flattered by them.

    Parameters
    ----------
    leads
        The training leads.
    recipe
        What to start from; its seed makes the search the same each time.
    trials
        How many to try besides.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    searching = replace(recipe, seed=recipe.seed + 1)

    def loss(parameters: BoostingParameters) -> float:
        tried = replace(searching, parameters=parameters)
        return cross_validate(leads, tried, n=SEARCH_FOLDS).quality.log_loss

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=recipe.seed))
    study.optimize(lambda trial: loss(_suggested(trial)), n_trials=trials)
    if study.best_value < loss(recipe.parameters):
        return _suggested(optuna.trial.FixedTrial(study.best_params))
    return recipe.parameters


def _suggested(trial: optuna.trial.BaseTrial) -> BoostingParameters:
    return replace(
        RECIPE,
        trees=trial.suggest_int("trees", 20, 80, step=10),
        max_depth=trial.suggest_int("max_depth", 2, 6),
        eta=trial.suggest_float("eta", 0.05, 0.5, log=True),
        subsample=trial.suggest_float("subsample", 0.5, 1.0),
        colsample_bytree=trial.suggest_float("colsample_bytree", 0.3, 1.0),
        min_child_weight=trial.suggest_float("min_child_weight", 1.0, 30.0, log=True),
        reg_lambda=trial.suggest_float("reg_lambda", 0.3, 30.0, log=True),
    )
