"""A search for better parameters of a trainer."""

from __future__ import annotations

from dataclasses import replace

import optuna

from model.training.cross_validation import Recipe, cross_validate
from model.training.specify import Leads
from model.training.trainer import Trainer

__all__ = ["search_parameters"]

SEARCH_FOLDS = 3


def search_parameters(leads: Leads, recipe: Recipe, trials: int) -> Trainer:
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
    searching, trainer = replace(recipe, seed=recipe.seed + 1), recipe.trainer

    def loss(tried: Trainer) -> float:
        validated = cross_validate(leads, replace(searching, trainer=tried), n=SEARCH_FOLDS)
        return validated.quality.log_loss

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=recipe.seed))
    study.optimize(lambda trial: loss(trainer.suggested(trial)), n_trials=trials)
    if study.best_value < loss(trainer):
        return trainer.suggested(optuna.trial.FixedTrial(study.best_params))
    return trainer
