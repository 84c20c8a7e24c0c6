"""Trees as arrays of an ONNX ensemble: contributions of fields add up to the margin."""

from __future__ import annotations

import numpy as np
import pytest

from features.field_spec import NumberField
from features.spec import FeatureSpec
from model.serving.ensemble import BRANCH, LEAF, TreeArrays, check_trees
from model.training.trees import Tree, Trees, ensemble_arrays

SPEC = FeatureSpec(fields=(NumberField(name="size"), NumberField(name="age")))
TREE = Tree(
    left=[1, -1, 3, -1, -1],
    right=[2, -1, 4, -1, -1],
    column=[0, 0, 1, 0, 0],
    value=[10.0, -1.0, 5.0, 0.5, 2.0],
    missing_left=[0, 0, 1, 0, 0],
    cover=[8.0, 4.0, 4.0, 3.0, 1.0],
)
"""size < 10: -1; else age < 5 or missing: 0.5, else 2."""


def test_parents_come_before_their_children() -> None:
    assert list(TREE.nodes()) == [0, 1, 2, 3, 4]


def test_the_expected_value_of_a_node_is_the_mean_of_its_leaves_by_cover() -> None:
    assert TREE.expected() == {0: -0.0625, 1: -1.0, 2: 0.875, 3: 0.5, 4: 2.0}


def test_contributions_on_a_path_add_up_to_the_leaf() -> None:
    contributions = TREE.contributions([(0,), (1,)])
    assert contributions == {
        1: {0: -0.9375},
        3: {0: 0.9375, 1: -0.375},
        4: {0: 0.9375, 1: 1.125},
    }
    for leaf, changes in contributions.items():
        assert TREE.expected()[0] + sum(changes.values()) == TREE.value[leaf]


def test_leaves_without_cover_count_the_same() -> None:
    tree = Tree([1, -1, -1], [2, -1, -1], [0, 0, 0], [0.0, 1.0, 3.0], [0, 0, 0], [0.0, 0.0, 0.0])
    assert tree.expected()[0] == 2.0


def test_arrays_have_a_weight_for_each_field_on_the_path_and_the_margin() -> None:
    arrays = ensemble_arrays(Trees([TREE, TREE], np.float32(0.25), 2), SPEC, [])
    trees = TreeArrays.of(arrays)
    check_trees(trees, n_columns=4, n_targets=3)
    assert arrays["nodes_modes"][:5] == [BRANCH, LEAF, BRANCH, LEAF, LEAF]
    is_margin = trees.target == 2
    assert trees.weight[is_margin].tolist() == [-0.75, 0.75, 2.25, -1.0, 0.5, 2.0]


def test_a_split_that_sends_missing_values_left_reads_the_column_without_them() -> None:
    arrays = ensemble_arrays(Trees([TREE], np.float32(0), 2), SPEC, [])
    assert arrays["nodes_featureids"] == [0, 0, 1 + 2, 0, 0]


def test_trees_on_other_columns_are_refused() -> None:
    with pytest.raises(ValueError, match="has 3 columns, the spec 2"):
        ensemble_arrays(Trees([TREE], np.float32(0), 3), SPEC, [])
