"""Ensembles of drawn trees of any shape, as models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from features.binning import unmeasured_reference
from features.field_spec import NumberField
from features.spec import FeatureSpec
from model.metadata import BundleMetadata, Calibration, Golden, Training
from model.serving.drawn_rows import HARD
from model.training.export import to_onnx
from model.training.trees import Tree, Trees

Shape = Literal["bushy", "lopsided", "stump", "leaf", "deep"]
SHAPES: Sequence[Shape] = get_args(Shape)
CONTRACT = {"type": "record", "name": "lead", "fields": [{"name": "lead_id", "type": "string"}]}


@dataclass(frozen=True)
class Drawn:
    """An ensemble as the export takes it; it can only be exported."""

    drawn: Trees

    def trees(self) -> Trees:
        return self.drawn

    def margins(self, matrix: NDArray[np.float32]) -> NDArray[np.float32]:
        raise NotImplementedError

    def contributions(self, matrix: NDArray[np.float32]) -> NDArray[np.float32]:
        raise NotImplementedError

    def ubj(self, metadata: BundleMetadata) -> bytes | None:
        return None


def drawn_model(
    seed: int,
    shapes: Sequence[Shape],
    *,
    spec: FeatureSpec | None = None,
    columns: int = 9,
    calibration: Calibration = Calibration(method="platt", slope=0.83, intercept=-0.21),  # noqa: B008
) -> bytes:
    """Return ``model.onnx`` with a tree of each shape; its golden scores are no scores of it."""
    random = np.random.default_rng(seed)
    if spec is None:
        spec = FeatureSpec(fields=tuple(NumberField(name=f"x{i}") for i in range(columns)))
    width = len(spec.columns)
    trees = Trees([_tree(random, shape, width) for shape in shapes], np.float32(-0.4), width)
    metadata = BundleMetadata(
        spec=spec,
        reference=unmeasured_reference(spec),
        calibration=calibration,
        golden=Golden.of(np.zeros((2, width), np.float32), np.zeros(2, np.float32)),
        metrics={},
        training=Training(rows=2, positives=1, data_sha256="0" * 64, seed=seed, target="won"),
        contract=CONTRACT,
    )
    return to_onnx(Drawn(trees), metadata)


def _tree(random: np.random.Generator, shape: Shape, columns: int) -> Tree:
    branches = {"bushy": 31, "lopsided": 40, "stump": 1, "leaf": 0, "deep": 300}[shape]
    left, right, leaves = [-1], [-1], [0]
    depth = {0: 0}
    for _ in range(branches):
        # The oldest leaf makes a bushy tree, the latest a lopsided one.
        at = {"lopsided": -1, "deep": int(random.integers(len(leaves)))}.get(shape, 0)
        node = leaves.pop(at)
        left[node], right[node] = len(left), len(left) + 1
        for child in (left[node], right[node]):
            depth[child] = depth[node] + 1
            leaves.append(child)
        left += [-1, -1]
        right += [-1, -1]
    n = len(left)
    thresholds = np.where(random.random(n) < 0.5, random.integers(-2, 3, n), random.normal(size=n))
    hard = random.random(n) < 0.1
    thresholds[hard] = random.choice(HARD[~np.isnan(HARD)], int(hard.sum()))
    values = np.where(np.array(left) == -1, random.normal(size=n) / 5, thresholds)
    return Tree(
        left=left,
        right=right,
        column=random.integers(0, columns, n).tolist(),
        value=values.astype(np.float32).tolist(),
        missing_left=random.integers(0, 2, n).tolist(),
        cover=random.random(n).tolist(),
    )


def bits(*arrays: Any) -> list[tuple[tuple[int, ...], bytes]]:
    """Return shapes and bits, so that a zero of another sign or another NaN differs."""
    return [(array.shape, array.tobytes()) for array in arrays]
