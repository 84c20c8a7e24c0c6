"""A search for better parameters of a trainer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import optuna

from model.training.cross_validation import Recipe, cross_validate
from model.training.evaluate import log_loss
from model.training.folds import ordered_folds
from model.training.specify import Leads
from model.training.trainer import Trainer

__all__ = ["search_parameters"]

SEARCH_FOLDS = 3
UNPRUNED_TRIALS = 5
"""Trials that run to their end before others are compared with their median."""


def search_parameters(
    leads: Leads,
    recipe: Recipe,
    trials: int,
    *,
    is_ordered: bool = False,
    seconds: float | None = None,
) -> Trainer:
    """Try parameters out, by log loss on unseen leads; the recipe's own stay unless beaten.

    Leads in the order of time are judged by folds in this order, each by a model of the leads
    before it, and a trial that is worse than the median of the others so far is pruned [1]_. Other
    leads are cross-validated; the folds are others than those of the report, which would be
    flattered by them.

    Parameters
    ----------
    leads
        The training leads.
    recipe
        What to start from; its seed makes the search the same each time.
    trials
        How many to try besides.
    is_ordered
        Whether the leads are in the order of time.
    seconds
        No trial begins later than this; None: no limit. With one, a slower machine tries fewer.

    References
    ----------
    .. [1] D. Golovin et al., "Google Vizier: a service for black-box optimization", KDD 2017: the
       median stopping rule.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    searching, own = replace(recipe, seed=recipe.seed + 1), recipe.trainer
    losses = _ordered_losses if is_ordered else _cross_validated_loss

    def objective(trial: optuna.Trial) -> float:
        tried = replace(searching, trainer=own.suggested(trial))
        return _mean(losses(leads, tried), lambda step, loss: _stop_if_worse(trial, step, loss))

    study = optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=recipe.seed),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=UNPRUNED_TRIALS),
    )
    study.optimize(objective, n_trials=trials, timeout=seconds)
    if not study.get_trials(states=(optuna.trial.TrialState.COMPLETE,)):
        return own
    if study.best_value < _mean(losses(leads, replace(searching, trainer=own))):
        return own.suggested(optuna.trial.FixedTrial(study.best_params))
    return own


def _mean(
    losses: Iterator[float], on_step: Callable[[int, float], None] = lambda *_: None
) -> float:
    """Return the mean of the folds' losses; calls ``on_step`` with the mean after each fold."""
    seen: list[float] = []
    for loss in losses:
        seen.append(loss)
        on_step(len(seen), float(np.mean(seen)))
    return float(np.mean(seen))


def _stop_if_worse(trial: optuna.Trial, step: int, loss: float) -> None:
    trial.report(loss, step)
    if trial.should_prune():
        raise optuna.TrialPruned


def _cross_validated_loss(leads: Leads, recipe: Recipe) -> Iterator[float]:
    yield cross_validate(leads, recipe, n=SEARCH_FOLDS).quality.log_loss


def _ordered_losses(leads: Leads, recipe: Recipe) -> Iterator[float]:
    """Yield the loss of each fold, the earliest first; of leads too few for it, cross-validate."""
    found = [*ordered_folds(leads.labels, SEARCH_FOLDS, leads.groups)]
    if not found:
        yield from _cross_validated_loss(leads, recipe)
    for earlier, later in found:
        margins = recipe.unseen_margins(leads.take(earlier), leads.take(later))
        yield log_loss(leads.labels[later], 1 / (1 + np.exp(-margins.astype(np.float64))))
