"""Trees as arrays: what LeadScore's export writes passes, anything else is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from model.metadata import BundleError
from model.serving.ensemble import BRANCH, DEEPEST, LEAF, TreeArrays, bias_of, check_trees

FIELDS, TARGETS = 2, 3
"""Two fields, and the margin."""
Change = Callable[[dict[str, list[Any]]], None]


def attributes() -> dict[str, list[Any]]:
    """Return two trees: one split on column 1, and a single leaf."""
    return {
        "nodes_treeids": [0, 0, 0, 1],
        "nodes_nodeids": [0, 1, 2, 0],
        "nodes_modes": [BRANCH, LEAF, LEAF, LEAF],
        "nodes_featureids": [1, 0, 0, 0],
        "nodes_values": [0.5, 0.0, 0.0, 0.0],
        "nodes_truenodeids": [1, 0, 0, 0],
        "nodes_falsenodeids": [2, 0, 0, 0],
        "target_treeids": [0, 0, 0, 0, 1],
        "target_nodeids": [1, 1, 2, 2, 0],
        "target_ids": [1, 2, 1, 2, 2],
        "target_weights": [-0.25, 0.5, 0.25, 1.0, 0.125],
    }


def check(change: Change = lambda _: None) -> TreeArrays:
    given = attributes()
    change(given)
    trees = TreeArrays.of(given)
    check_trees(trees, n_columns=2, n_targets=TARGETS)
    return trees


def put(name: str, row: int, value: Any) -> Change:
    def change(given: dict[str, list[Any]]) -> None:
        given[name][row] = value

    return change


def test_sound_trees_pass() -> None:
    trees = check()
    assert trees.is_branch.tolist() == [True, False, False, False]
    assert trees.missing_is_true.tolist() == [0, 0, 0, 0]


def test_the_bias_is_what_no_field_contributes() -> None:
    assert bias_of(check(), n_fields=FIELDS, n_targets=TARGETS) == 0.5 + 0.25 + 0.125


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (put("nodes_modes", 1, b"BRANCH_GT"), "mode LEAF or BRANCH_LT"),
        (put("nodes_treeids", 0, 1), "numbered from 0 on, each in one piece"),
        (put("nodes_treeids", 3, 2), "numbered from 0 on, each in one piece"),
        (put("nodes_nodeids", 1, -1), "node ids from 0 to"),
        (put("nodes_nodeids", 2, 1), "each node once"),
        (put("nodes_featureids", 0, 2), "read the columns 0 to 1"),
        (put("nodes_featureids", 1, 1), "compare nothing in their leaves"),
        (put("nodes_values", 0, float("nan")), "compare with numbers"),
        (put("nodes_truenodeids", 0, 0), "lead elsewhere, or back"),
        (put("nodes_truenodeids", 0, 2), "lead elsewhere, or back"),
        (put("nodes_falsenodeids", 0, 9), "lead elsewhere, or back"),
        (put("target_treeids", 4, 2), "weights of the trees 0 to 1"),
        (put("target_nodeids", 0, 0), "weights in their leaves only"),
        (put("target_ids", 0, 3), "targets 0 to 2"),
        (put("target_ids", 0, 2), "in the order of the targets, each once"),
        (put("target_ids", 4, 0), "add to the margin in every leaf"),
        (put("target_weights", 0, 3.4e38), None),
        (put("target_weights", 0, float("inf")), "whose sum is a finite number"),
        (put("target_weights", 0, float("nan")), "whose sum is a finite number"),
    ],
)
def test_damaged_trees_are_refused_with_what_was_expected(change: Change, says: str | None) -> None:
    if says is None:
        assert len(check(change).weight) == 5
        return
    with pytest.raises(BundleError, match=rf"The trees of model\.onnx should .*{says}.*publish it"):
        check(change)


def test_arrays_of_different_lengths_are_refused_with_the_lengths() -> None:
    given = attributes()
    del given["nodes_values"][-1]
    with pytest.raises(BundleError, match=r"are incomplete: .*'nodes_values': 3"):
        TreeArrays.of(given)


def test_trees_without_nodes_are_refused() -> None:
    with pytest.raises(BundleError, match="should have 1 to"):
        TreeArrays.of({name: [] for name in attributes()})


def chain(depth: int) -> TreeArrays:
    """Return one tree in which each branch has a leaf and the next branch below it."""
    nodes = np.arange(2 * depth + 1)
    is_branch = (nodes % 2 == 0) & (nodes < 2 * depth)
    leaves, none = nodes[~is_branch], np.zeros_like(nodes)
    return TreeArrays(
        tree=none,
        node=nodes,
        column=none,
        true=np.where(is_branch, nodes + 1, 0),
        false=np.where(is_branch, nodes + 2, 0),
        is_branch=is_branch,
        threshold=none.astype(float),
        missing_is_true=none,
        weight_tree=np.zeros_like(leaves),
        weight_node=leaves,
        target=np.full_like(leaves, TARGETS - 1),
        weight=np.full(len(leaves), 0.1),
    )


def test_a_tree_may_be_as_deep_as_allowed_and_no_deeper() -> None:
    check_trees(chain(DEEPEST), n_columns=1, n_targets=TARGETS)
    with pytest.raises(BundleError, match=f"at most {DEEPEST} branches deep"):
        check_trees(chain(DEEPEST + 1), n_columns=1, n_targets=TARGETS)


def test_branches_that_only_lead_to_each_other_are_refused() -> None:
    trees = chain(2)
    # Node 2 leads back to itself instead of being under the root.
    with pytest.raises(BundleError, match="lead elsewhere, or back"):
        check_trees(
            replace(trees, true=np.array([1, 0, 2, 0, 0]), false=np.array([3, 0, 4, 0, 0])),
            n_columns=1,
            n_targets=TARGETS,
        )
