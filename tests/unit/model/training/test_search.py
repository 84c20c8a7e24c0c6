"""A search changes parameters only where that is better, and the same way each time."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Self

import numpy as np
import optuna
import pytest

from model.training import search
from model.training.cross_validation import Recipe
from model.training.search import search_parameters


@dataclass(frozen=True)
class Trainer:
    """As much of a trainer as the search looks at: one parameter."""

    depth: int = 4

    def suggested(self, trial: optuna.trial.BaseTrial) -> Self:
        return type(self)(trial.suggest_int("depth", 1, 9))


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Depth and seed of each validation; the log loss is the distance from depth 7."""
    seen: list[tuple[int, int]] = []

    def cross_validate(_: object, recipe: Recipe, *, n: int) -> Any:
        assert n == search.SEARCH_FOLDS
        depth = recipe.trainer.depth  # type: ignore[attr-defined]
        seen.append((depth, recipe.seed))
        return SimpleNamespace(quality=SimpleNamespace(log_loss=abs(depth - 7) / 10))

    monkeypatch.setattr(search, "cross_validate", cross_validate)
    return seen


def found(depth: int, trials: int) -> Any:
    recipe: Any = Recipe(Trainer(depth), seed=5, threads=1)  # type: ignore[arg-type]
    return search_parameters(None, recipe, trials)  # type: ignore[arg-type]


def test_better_parameters_are_taken(tried: list[tuple[int, int]]) -> None:
    best = found(1, trials=20)
    assert abs(best.depth - 7) < 6
    assert abs(best.depth - 7) == min(abs(depth - 7) for depth, _ in tried)


def test_the_own_parameters_stay_unless_they_are_beaten(tried: list[tuple[int, int]]) -> None:
    assert found(7, trials=5) == Trainer(7)
    assert len(tried) == 6


def test_the_folds_are_others_than_those_of_the_report(tried: list[tuple[int, int]]) -> None:
    found(7, trials=2)
    assert {seed for _, seed in tried} == {6}


def test_the_same_seed_tries_the_same(tried: list[tuple[int, int]]) -> None:
    found(7, trials=4)
    first = tried.copy()
    tried.clear()
    found(7, trials=4)
    assert tried == first


def ordered(
    monkeypatch: pytest.MonkeyPatch, trials: int, seconds: float | None = None
) -> tuple[Any, list[int]]:
    """Search with folds in the order of time; return the trainer and the depth of each fit."""
    fitted: list[int] = []
    labels = np.arange(60) % 2 == 0

    class Leads:
        groups = None

        def __init__(self, labels: Any) -> None:
            self.labels = labels

        def take(self, rows: Any) -> Any:
            return Leads(self.labels[rows])

    def unseen_margins(recipe: Any, _: Any, later: Any) -> Any:
        depth = recipe.trainer.depth
        fitted.append(depth)
        return np.where(later.labels, 1.0, -1.0) * (3 - abs(depth - 7) / 3)

    monkeypatch.setattr(Recipe, "unseen_margins", unseen_margins)
    recipe: Any = Recipe(Trainer(1), seed=5, threads=1)  # type: ignore[arg-type]
    leads: Any = Leads(labels)
    best = search_parameters(leads, recipe, trials, is_ordered=True, seconds=seconds)
    return best, fitted


def test_leads_in_the_order_of_time_are_judged_by_folds_in_this_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    best, fitted = ordered(monkeypatch, trials=20)
    assert abs(best.depth - 7) == min(abs(depth - 7) for depth in fitted)


def test_trials_that_are_worse_than_the_others_are_pruned(monkeypatch: pytest.MonkeyPatch) -> None:
    _, fitted = ordered(monkeypatch, trials=20)
    assert len(fitted) < 3 * 21


def test_no_trial_begins_after_the_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    best, fitted = ordered(monkeypatch, trials=1000, seconds=1e-9)
    assert len(fitted) <= 6
    assert best.depth in {1, *fitted}
