"""Trees, and their form as attributes of ONNX's tree ensemble with each field's contributions.

Each leaf carries, for every field on its path, what that field's splits changed in the node's
expected margin (the contributions of Saabas [1]_, XGBoost's ``approx_contribs``, summed by field),
the same for every aspect of a field that has several, and its own value for the margin.

References
----------
.. [1] A. Saabas, "Interpreting random forests", 2014, https://blog.datadive.net/interpreting-random-forests/
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from features.spec import FeatureSpec, FieldAspect
from model.serving.ensemble import BRANCH, LEAF

__all__ = ["Tree", "Trees", "ensemble_arrays"]


@dataclass(frozen=True, slots=True)
class Tree:
    """One tree as arrays by node; node 0 is the root.

    Attributes
    ----------
    left, right
        The nodes below; a left one of -1 is a leaf's.
    column
        What a split compares; anything in a leaf.
    value
        A split's threshold: a number below it goes left, as float32. A leaf's value, on the logit
        scale.
    missing_left
        Whether a missing value goes left.
    cover
        The weight of the training leads that reach the node.
    """

    left: Sequence[int]
    right: Sequence[int]
    column: Sequence[int]
    value: Sequence[float]
    missing_left: Sequence[int]
    cover: Sequence[float]

    def is_leaf(self, node: int) -> bool:
        """Return whether a node is a leaf."""
        return self.left[node] == -1

    def nodes(self) -> Iterator[int]:
        """Walk from the root, parents before children."""
        stack = [0]
        while stack:
            node = stack.pop()
            yield node
            if not self.is_leaf(node):
                stack += (self.right[node], self.left[node])

    def expected(self) -> dict[int, float]:
        """Compute by node the mean value of the leaves below it, weighted by their cover."""
        expected: dict[int, float] = {}
        for node in reversed(list(self.nodes())):
            if self.is_leaf(node):
                expected[node] = self.value[node]
                continue
            left, right = self.left[node], self.right[node]
            cover = self.cover[left] + self.cover[right]
            share = self.cover[left] / cover if cover else 0.5
            expected[node] = share * expected[left] + (1.0 - share) * expected[right]
        return expected

    def contributions(self, targets: Sequence[tuple[int, ...]]) -> dict[int, dict[int, float]]:
        """Compute by leaf what each target on its path changed in the expected margin.

        ``targets`` are those of each column.
        """
        expected = self.expected()
        paths: dict[int, dict[int, float]] = {0: {}}
        for node in self.nodes():
            if self.is_leaf(node):
                continue
            path = paths.pop(node)
            of_column = targets[self.column[node]]
            for child in (self.left[node], self.right[node]):
                change = {
                    target: path.get(target, 0.0) + expected[child] - expected[node]
                    for target in of_column
                }
                paths[child] = {**path, **change}
        return paths


@dataclass(frozen=True, slots=True)
class Trees:
    """An ensemble.

    Attributes
    ----------
    trees
        In the order in which their leaves are added; one at least.
    base
        The margin that they start from.
    columns
        Number of columns of the matrix that they read.
    """

    trees: Sequence[Tree]
    base: np.float32
    columns: int


def ensemble_arrays(
    trees: Trees, spec: FeatureSpec, aspects: Sequence[FieldAspect]
) -> dict[str, list[Any]]:
    """Return trees as the arrays of an ONNX ensemble (``model.serving.ensemble``).

    Its targets are one a field, one an aspect and, last, one for the margin. It reads the columns,
    then the same with minus infinity for NaN: a split that sends missing values left reads the
    latter. The operator can do it itself, at a tenth of its time more.

    Parameters
    ----------
    trees
        On the spec's columns.
    spec
        Says which columns are a field.
    aspects
        Those whose contributions are kept apart too.

    Raises
    ------
    ValueError
        The trees are not on the spec's columns.
    """
    if trees.columns != len(spec.columns):
        raise ValueError(
            f"The ensemble has {trees.columns} columns, the spec {len(spec.columns)}: train on the "
            "matrix that this spec makes."
        )
    n_fields = len(spec.fields)
    targets: list[tuple[int, ...]] = [(field,) for field in spec.field_of_column]
    for target, aspect in enumerate(aspects, n_fields):
        targets[aspect.column] = (aspect.field, target)
    ensemble = _Ensemble(targets, n_fields + len(aspects))
    # The margin starts from the base. Inside the first tree's leaves it is added first, as XGBoost
    # does it; the operator's own base would come last, and round apart.
    offset = trees.base
    for tree in trees.trees:
        ensemble.add(tree, offset)
        offset = np.float32(0)
    return ensemble.arrays


class _Ensemble:
    """The attributes of the ONNX operator, filled tree by tree."""

    def __init__(self, targets: Sequence[tuple[int, ...]], margin: int) -> None:
        self._targets = targets
        self._n_columns = len(targets)
        self._margin = margin
        self.arrays: dict[str, list[Any]] = defaultdict(list)

    def add(self, tree: Tree, offset: np.float32) -> None:
        arrays = self.arrays
        tree_id = arrays["nodes_treeids"][-1] + 1 if arrays else 0
        contributions = tree.contributions(self._targets)
        for node in tree.nodes():
            arrays["nodes_treeids"].append(tree_id)
            arrays["nodes_nodeids"].append(node)
            if tree.is_leaf(node):
                self._branch(LEAF, 0, 0.0, 0, 0)
                margin = np.float32(tree.value[node]) + offset
                self._leaf(tree_id, node, {**contributions[node], self._margin: float(margin)})
            else:
                # No comparison with NaN is true: it goes right.
                column = tree.column[node] + self._n_columns * bool(tree.missing_left[node])
                left, right = tree.left[node], tree.right[node]
                self._branch(BRANCH, column, tree.value[node], left, right)

    def _branch(self, mode: bytes, column: int, value: float, true: int, false: int) -> None:
        arrays = self.arrays
        arrays["nodes_modes"].append(mode)
        arrays["nodes_featureids"].append(column)
        arrays["nodes_values"].append(value)
        arrays["nodes_truenodeids"].append(true)
        arrays["nodes_falsenodeids"].append(false)

    def _leaf(self, tree_id: int, node: int, weights: dict[int, float]) -> None:
        arrays = self.arrays
        for target, weight in sorted(weights.items()):
            arrays["target_treeids"].append(tree_id)
            arrays["target_nodeids"].append(node)
            arrays["target_ids"].append(target)
            arrays["target_weights"].append(weight)
