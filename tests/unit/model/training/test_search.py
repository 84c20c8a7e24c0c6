"""A search changes parameters only where that is better, and the same way each time."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Self

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
