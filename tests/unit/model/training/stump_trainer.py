"""A second trainer, which only tests have: boosted trees of one split each, in NumPy.

All that a trainer must supply is in this file: nothing of it knows XGBoost or ONNX.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import optuna
from numpy.typing import NDArray

from features.spec import FeatureSpec
from model.metadata import BundleMetadata
from model.training.trainer import Block
from model.training.trees import Tree, Trees

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Stump:
    """One split; a missing value goes right."""

    column: int
    threshold: np.float32
    left: np.float32
    right: np.float32
    cover: tuple[float, float]

    def goes_left(self, matrix: Floats) -> NDArray[np.bool_]:
        with np.errstate(invalid="ignore"):
            return matrix[:, self.column] < self.threshold

    def leaves(self, matrix: Floats) -> Floats:
        return np.where(self.goes_left(matrix), self.left, self.right)

    @property
    def expected(self) -> float:
        left, right = self.cover
        return float(left * self.left + right * self.right) / (left + right)

    def as_tree(self) -> Tree:
        return Tree(
            left=[1, -1, -1],
            right=[2, -1, -1],
            column=[self.column, 0, 0],
            value=[float(self.threshold), float(self.left), float(self.right)],
            missing_left=[0, 0, 0],
            cover=[sum(self.cover), *self.cover],
        )


@dataclass(frozen=True)
class Stumps:
    """An ensemble of stumps; see ``Ensemble``."""

    stumps: tuple[Stump, ...]
    base: np.float32
    columns: int

    def margins(self, matrix: Floats) -> Floats:
        margins = np.full(len(matrix), self.base, np.float32)
        for stump in self.stumps:
            margins += stump.leaves(matrix)
        return margins

    def contributions(self, matrix: Floats) -> Floats:
        contributions = np.zeros((len(matrix), self.columns))
        for stump in self.stumps:
            contributions[:, stump.column] += stump.leaves(matrix) - stump.expected
        return contributions.astype(np.float32)

    def trees(self) -> Trees:
        return Trees([stump.as_tree() for stump in self.stumps], self.base, self.columns)

    def ubj(self, metadata: BundleMetadata) -> None:
        return None


@dataclass(frozen=True)
class StumpTrainer:
    """Fits one split after another to what the earlier ones leave over; see ``Trainer``."""

    rounds: int = 40
    eta: float = 0.5

    @property
    def parameters(self) -> dict[str, Any]:
        return {"rounds": self.rounds, "eta": self.eta}

    def train(
        self,
        spec: FeatureSpec,
        matrix: Floats,
        labels: NDArray[np.bool_],
        *,
        seed: int,
        threads: int,
        others: Iterable[Block] = (),
    ) -> Stumps:
        blocks = [(matrix, labels), *others]
        matrix, labels = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
        rate = float(labels.mean())
        columns = matrix.shape[1]
        stumps = Stumps((), np.float32(np.log(rate / (1 - rate))), columns)
        random = np.random.default_rng(seed)
        for _ in range(self.rounds):
            margins = stumps.margins(matrix).astype(np.float64)
            probability = 1 / (1 + np.exp(-margins))
            left_over, cover = labels - probability, probability * (1 - probability)
            found = [
                self._fit(matrix, column, left_over, cover)
                for column in random.permutation(columns)[: max(1, columns // 2)].tolist()
            ]
            best = min(
                found,
                key=lambda stump: float(((left_over - stump.leaves(matrix)) ** 2).sum()),
            )
            stumps = replace(stumps, stumps=(*stumps.stumps, best))
        return stumps

    def _fit(
        self,
        matrix: Floats,
        column: int,
        left_over: NDArray[np.float64],
        cover: NDArray[np.float64],
    ) -> Stump:
        present = matrix[~np.isnan(matrix[:, column]), column]
        threshold = np.float32(np.median(present)) if len(present) else np.float32(0)
        stump = Stump(column, threshold, np.float32(0), np.float32(0), (1.0, 1.0))
        left = stump.goes_left(matrix)
        covers = float(cover[left].sum()) + 1.0, float(cover[~left].sum()) + 1.0
        return replace(
            stump,
            left=np.float32(self.eta * left_over[left].sum() / covers[0]),
            right=np.float32(self.eta * left_over[~left].sum() / covers[1]),
            cover=covers,
        )

    def base_rate(self, columns: int, rate: float) -> Stumps:
        nothing = Stump(0, np.float32(0), np.float32(0), np.float32(0), (1.0, 1.0))
        return Stumps((nothing,), np.float32(np.log(rate / (1 - rate))), columns)

    def suggested(self, trial: optuna.trial.BaseTrial) -> Self:
        return replace(self, rounds=trial.suggest_int("rounds", 5, 50))
