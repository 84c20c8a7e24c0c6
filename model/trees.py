"""XGBoost's trees as the attributes of ONNX's tree ensemble, with each field's contributions.

Each leaf carries, for every field on its path, what that field's splits changed in the node's
expected margin (the contributions of Saabas [1]_, XGBoost's ``approx_contribs``, summed by field),
and its own value for the margin.

References
----------
.. [1] A. Saabas, "Interpreting random forests", 2014, https://blog.datadive.net/interpreting-random-forests/
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import xgboost
from onnx import helper

from features.spec import FeatureSpec

__all__ = ["ensemble_node"]


def ensemble_node(
    booster: xgboost.Booster, spec: FeatureSpec, *, source: str, result: str
) -> onnx.NodeProto:
    """Write a booster as one ONNX node with a target a field and, last, one for the margin.

    Parameters
    ----------
    booster
        Trees (``gbtree``) of objective ``binary:logistic`` on the spec's columns.
    spec
        Says which columns are a field.
    source, result
        Names of what goes in, float32 (n, 2 · n_columns), and comes out, float32
        (n, n_fields + 1). What goes in are the columns, then the same with minus infinity for NaN:
        a split that sends missing values left reads the latter. The operator can do it itself, at
        a tenth of its time more.

    Raises
    ------
    ValueError
        The booster is of another kind, or not on the spec's columns.
    """
    learner = json.loads(booster.save_raw("json"))["learner"]
    _check(learner, spec)
    ensemble = _Ensemble(spec.field_of_column, len(spec.fields), len(spec.columns))
    # The margin starts from the base. Inside the first tree's leaves it is added first, as XGBoost
    # does it; the operator's own base would come last, and round apart.
    offset = _base_margin(learner["learner_model_param"]["base_score"])
    for tree in learner["gradient_booster"]["model"]["trees"]:
        ensemble.add(_Tree.of(tree), offset)
        offset = np.float32(0)
    return ensemble.node(source, result)


@dataclass(frozen=True, slots=True)
class _Tree:
    """One tree as XGBoost writes it: arrays by node; a left child of -1 is a leaf's."""

    left: Sequence[int]
    right: Sequence[int]
    column: Sequence[int]
    value: Sequence[float]
    """A split's threshold, a leaf's value."""
    default_left: Sequence[int]
    cover: Sequence[float]

    @classmethod
    def of(cls, tree: dict[str, Any]) -> _Tree:
        if any(tree["split_type"]):
            raise ValueError(
                "The booster splits on categories itself, which the export does not know: train on "
                "the encoded columns of the feature matrix."
            )
        return cls(
            tree["left_children"],
            tree["right_children"],
            tree["split_indices"],
            tree["split_conditions"],
            tree["default_left"],
            tree["sum_hessian"],
        )

    def is_leaf(self, node: int) -> bool:
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

    def contributions(self, field_of_column: Sequence[int]) -> dict[int, dict[int, float]]:
        """Compute by leaf what each field on its path changed in the expected margin."""
        expected = self.expected()
        paths: dict[int, dict[int, float]] = {0: {}}
        for node in self.nodes():
            if self.is_leaf(node):
                continue
            path = paths.pop(node)
            field = field_of_column[self.column[node]]
            for child in (self.left[node], self.right[node]):
                change = path.get(field, 0.0) + expected[child] - expected[node]
                paths[child] = {**path, field: change}
        return paths


class _Ensemble:
    """The attributes of the ONNX operator, filled tree by tree."""

    def __init__(self, field_of_column: Sequence[int], n_fields: int, n_columns: int) -> None:
        self._field_of_column = field_of_column
        self._n_columns = n_columns
        self._margin = n_fields
        self._attributes: dict[str, list[Any]] = defaultdict(list)

    def node(self, source: str, result: str) -> onnx.NodeProto:
        return helper.make_node(
            "TreeEnsembleRegressor",
            [source],
            [result],
            domain="ai.onnx.ml",
            n_targets=self._margin + 1,
            post_transform="NONE",
            **self._attributes,
        )

    def add(self, tree: _Tree, offset: np.float32) -> None:
        attributes = self._attributes
        tree_id = attributes["nodes_treeids"][-1] + 1 if attributes else 0
        contributions = tree.contributions(self._field_of_column)
        for node in tree.nodes():
            attributes["nodes_treeids"].append(tree_id)
            attributes["nodes_nodeids"].append(node)
            if tree.is_leaf(node):
                self._branch("LEAF", 0, 0.0, 0, 0)
                margin = np.float32(tree.value[node]) + offset
                self._leaf(tree_id, node, {**contributions[node], self._margin: float(margin)})
            else:
                # No comparison with NaN is true: it goes right.
                column = tree.column[node] + self._n_columns * bool(tree.default_left[node])
                left, right = tree.left[node], tree.right[node]
                self._branch("BRANCH_LT", column, tree.value[node], left, right)

    def _branch(self, mode: str, column: int, value: float, true: int, false: int) -> None:
        attributes = self._attributes
        attributes["nodes_modes"].append(mode)
        attributes["nodes_featureids"].append(column)
        attributes["nodes_values"].append(value)
        attributes["nodes_truenodeids"].append(true)
        attributes["nodes_falsenodeids"].append(false)

    def _leaf(self, tree_id: int, node: int, weights: dict[int, float]) -> None:
        attributes = self._attributes
        for target, weight in sorted(weights.items()):
            attributes["target_treeids"].append(tree_id)
            attributes["target_nodeids"].append(node)
            attributes["target_ids"].append(target)
            attributes["target_weights"].append(weight)


def _check(learner: dict[str, Any], spec: FeatureSpec) -> None:
    booster, objective = learner["gradient_booster"]["name"], learner["objective"]["name"]
    if (booster, objective) != ("gbtree", "binary:logistic"):
        raise ValueError(
            "The export knows boosters of kind gbtree with objective binary:logistic, this one is "
            f"of kind {booster} with objective {objective}."
        )
    columns = int(learner["learner_model_param"]["num_feature"])
    if columns != len(spec.columns):
        raise ValueError(
            f"The booster has {columns} columns, the spec {len(spec.columns)}: train on the matrix "
            "that this spec makes."
        )
    if not learner["gradient_booster"]["model"]["trees"]:
        raise ValueError("The booster has no trees: train at least one round.")


def _base_margin(written: str) -> np.float32:
    """Read the margin that the trees start from: "[5E-1]" since XGBoost 3.1, "5E-1" before."""
    base = np.ravel(json.loads(written)).astype(np.float32)
    if base.size != 1:
        raise ValueError(f"The export knows boosters of one target, this one has {base.size}.")
    # As XGBoost computes it: the odds in its precision, their logarithm rounded once.
    return np.float32(-math.log(np.float32(1) / base[0] - np.float32(1)))
