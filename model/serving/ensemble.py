"""Validation of the trees in a model file.

ONNX Runtime does not check the ids in the arrays: it follows branches, recurses down each tree and
indexes by target and column.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.field_spec import LARGEST_FLOAT32
from model.metadata import BundleError

__all__ = [
    "ADVICE",
    "BRANCH",
    "LEAF",
    "MISSING_TRACKS_TRUE",
    "MOST_WEIGHTS",
    "TREE_ATTRIBUTES",
    "TreeArrays",
    "bias_of",
    "check_trees",
    "children_of",
    "levels_of",
]

ADVICE = "train the model with `leadscore train`, and publish it again"
MISSING_TRACKS_TRUE = "nodes_missing_value_tracks_true"
TREE_ATTRIBUTES: Mapping[str, type[int] | type[float] | type[bytes]] = {
    "nodes_treeids": int,
    "nodes_nodeids": int,
    "nodes_modes": bytes,
    "nodes_featureids": int,
    "nodes_values": float,
    "nodes_truenodeids": int,
    "nodes_falsenodeids": int,
    MISSING_TRACKS_TRUE: int,
    "target_treeids": int,
    "target_nodeids": int,
    "target_ids": int,
    "target_weights": float,
}
"""Attributes of TreeEnsembleRegressor with one entry a node, or one a weight of a leaf."""
MOST_TREES = 10_000
MOST_NODES = 2**19
MOST_WEIGHTS = 2**22
DEEPEST = 64
"""Largest depth of a tree. `leadscore train` makes trees of depth up to 6."""
LEAF, BRANCH = b"LEAF", b"BRANCH_LT"


@dataclass(frozen=True, slots=True)
class TreeArrays:
    """An ensemble as arrays: one entry a node, parents first, tree after tree.

    Attributes
    ----------
    tree, node, column, true, false
        int64, shape (n,): ids of the tree, the node, the column that it compares, and the nodes
        that follow.
    is_branch
        bool, shape (n,).
    threshold
        float64, shape (n,).
    missing_is_true
        int64, shape (n,): 0 or 1.
    weight_tree, weight_node, target
        int64, shape (m,): the leaf of each weight, and what it is added to.
    weight
        float64, shape (m,).
    """

    tree: NDArray[np.int64]
    node: NDArray[np.int64]
    column: NDArray[np.int64]
    true: NDArray[np.int64]
    false: NDArray[np.int64]
    is_branch: NDArray[np.bool_]
    threshold: NDArray[np.float64]
    missing_is_true: NDArray[np.int64]
    weight_tree: NDArray[np.int64]
    weight_node: NDArray[np.int64]
    target: NDArray[np.int64]
    weight: NDArray[np.float64]

    @classmethod
    def of(cls, attributes: Mapping[str, Sequence[Any]]) -> TreeArrays:
        """Read the arrays from the attributes of the ONNX operator.

        Raises
        ------
        BundleError
            There are too many nodes, the arrays differ in length, or a mode is unknown.
        """
        per_node = {name for name in attributes if name.startswith("nodes_")}
        for names, what, most in (
            (per_node, "nodes", MOST_NODES),
            (attributes.keys() - per_node, "weights", MOST_WEIGHTS),
        ):
            lengths = {name: len(attributes[name]) for name in sorted(names)}
            if len(set(lengths.values())) != 1:
                raise BundleError(
                    "The trees of model.onnx are incomplete: their arrays should have one length, "
                    f"they have {lengths}: {ADVICE}."
                )
            if not 0 < (count := lengths.popitem()[1]) <= most:
                raise _refusal(f"have 1 to {most} {what}", f"have {count}")
        modes = attributes["nodes_modes"]
        if not set(modes) <= {LEAF, BRANCH}:
            raise _refusal("have nodes of mode LEAF or BRANCH_LT", "have others")

        def integers(name: str) -> NDArray[np.int64]:
            return np.asarray(attributes[name], np.int64)

        tree = integers("nodes_treeids")
        is_tracked = MISSING_TRACKS_TRUE in attributes
        return cls(
            tree=tree,
            node=integers("nodes_nodeids"),
            column=integers("nodes_featureids"),
            true=integers("nodes_truenodeids"),
            false=integers("nodes_falsenodeids"),
            is_branch=np.fromiter((mode == BRANCH for mode in modes), np.bool_, len(modes)),
            threshold=np.asarray(attributes["nodes_values"], np.float64),
            missing_is_true=integers(MISSING_TRACKS_TRUE) if is_tracked else np.zeros_like(tree),
            weight_tree=integers("target_treeids"),
            weight_node=integers("target_nodeids"),
            target=integers("target_ids"),
            weight=np.asarray(attributes["target_weights"], np.float64),
        )


def check_trees(trees: TreeArrays, *, n_columns: int, n_targets: int) -> None:
    """Check that LeadScore's export could have written an ensemble.

    Parameters
    ----------
    trees
        The ensemble.
    n_columns
        Number of columns that the trees read.
    n_targets
        Number of targets that weights are added to; the last one is the margin.

    Raises
    ------
    BundleError
        A tree is malformed or too deep, an id is out of range, or a leaf has other weights than
        one for the margin and at most one for each other target.
    """
    _check_ids(trees)
    _check_branches(trees, n_columns)
    position = _positions(trees)
    _check_shape(trees, position)
    _check_weights(trees, position, n_targets)


def bias_of(trees: TreeArrays, *, n_fields: int, n_targets: int) -> float:
    """Compute the margin before any field's contribution.

    Parameters
    ----------
    trees
        A valid ensemble.
    n_fields
        Number of fields, whose targets are the first ones.
    n_targets
        Number of targets; the last one is the margin.

    Returns
    -------
    float
        Sum over the trees of the part of a leaf's margin that is no field's contribution; it is the
        same for all leaves of a tree.
    """
    firsts = np.flatnonzero(np.diff(trees.weight_tree, prepend=np.int64(-1)))
    of_first_leaf = trees.weight_node == trees.weight_node[firsts][trees.weight_tree]
    margin = trees.weight[of_first_leaf & (trees.target == n_targets - 1)]
    fields = trees.weight[of_first_leaf & (trees.target < n_fields)]
    return float(margin.sum() - fields.sum())


def children_of(trees: TreeArrays) -> NDArray[np.int64]:
    """Return the indices of the nodes that follow each branch of a valid ensemble.

    Returns
    -------
    array
        int64, shape (2, n): where the comparison is true, and where it is false; 0 for a leaf.
    """
    return _children(trees, _positions(trees))


def levels_of(trees: TreeArrays, below: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Yield the indices of the nodes at each depth, from the first nodes on.

    Parameters
    ----------
    trees
        Trees without cycles.
    below
        Their children.
    """
    level = np.flatnonzero(_is_first(trees))
    while len(level):
        yield level
        level = below[:, level[trees.is_branch[level]]].ravel()


def _check_ids(trees: TreeArrays) -> None:
    step = np.diff(trees.tree, prepend=np.int64(-1))
    if trees.tree[0] != 0 or not np.isin(step, (0, 1)).all():
        raise _refusal("be numbered from 0 on, each in one piece", "are not")
    if (count := int(trees.tree[-1]) + 1) > MOST_TREES:
        raise _refusal(f"be at most {MOST_TREES}", f"are {count}")
    for ids in (trees.node, trees.true, trees.false, trees.weight_node):
        if ((ids < 0) | (ids >= MOST_NODES)).any():
            raise _refusal(f"have node ids from 0 to {MOST_NODES - 1}", "have others")
    if ((trees.weight_tree < 0) | (trees.weight_tree >= count)).any():
        raise _refusal(f"have weights of the trees 0 to {count - 1}", "have others")


def _check_branches(trees: TreeArrays, n_columns: int) -> None:
    is_known = (trees.column >= 0) & (trees.column < n_columns)
    if not is_known.all():
        raise _refusal(f"read the columns 0 to {n_columns - 1}", "read others")
    if np.isnan(trees.threshold).any() or not np.isin(trees.missing_is_true, (0, 1)).all():
        raise _refusal("compare with numbers, and send missing values one way", "do not")
    for of_leaf in (trees.column, trees.true, trees.false, trees.threshold, trees.missing_is_true):
        if of_leaf[~trees.is_branch].any():
            raise _refusal("compare nothing in their leaves", "do")


def _positions(trees: TreeArrays) -> _Positions:
    positions = _Positions(trees.tree * MOST_NODES + trees.node)
    if not positions.are_distinct:
        raise _refusal("have each node once", "have some twice")
    return positions


class _Positions:
    """Finds entries by tree and node."""

    def __init__(self, keys: NDArray[np.int64]) -> None:
        self._order = np.argsort(keys, kind="stable")
        self._sorted = keys[self._order]

    @property
    def are_distinct(self) -> bool:
        return bool((np.diff(self._sorted) > 0).all())

    def of(self, tree: NDArray[np.int64], node: NDArray[np.int64]) -> NDArray[np.int64] | None:
        """Return the indices of nodes; None if one of them does not exist."""
        keys = tree * MOST_NODES + node
        found = np.minimum(np.searchsorted(self._sorted, keys), len(self._sorted) - 1)
        if not np.array_equal(self._sorted[found], keys):
            return None
        return self._order[found].astype(np.int64)


def _check_shape(trees: TreeArrays, position: _Positions) -> None:
    """Check that each tree is connected, has no cycles, and is not too deep."""
    n, below = len(trees.tree), _children(trees, position)
    parents = np.bincount(below[:, trees.is_branch].ravel(), minlength=n)
    if not np.array_equal(parents, ~_is_first(trees)):
        raise _refusal("branch from their first node on, each node under one other", NOT_SO)
    levels = [len(level) for level in islice(levels_of(trees, below), DEEPEST + 2)]
    if len(levels) > DEEPEST + 1:
        raise _refusal(f"be at most {DEEPEST} branches deep", "are deeper")
    if sum(levels) != n:  # the rest is a cycle
        raise _refusal("branch from their first node on, each node under one other", NOT_SO)


def _children(trees: TreeArrays, position: _Positions) -> NDArray[np.int64]:
    branches = np.flatnonzero(trees.is_branch)
    below = np.zeros((2, len(trees.tree)), np.int64)
    for side, ids in enumerate((trees.true, trees.false)):
        found = position.of(trees.tree[branches], ids[branches])
        if found is None:
            raise _refusal("branch from their first node on, each node under one other", NOT_SO)
        below[side, branches] = found
    return below


def _is_first(trees: TreeArrays) -> NDArray[np.bool_]:
    """Return which nodes are the first one of their tree."""
    is_first: NDArray[np.bool_] = np.diff(trees.tree, prepend=np.int64(-1)) > 0
    return is_first


def _check_weights(trees: TreeArrays, position: _Positions, n_targets: int) -> None:
    leaf = position.of(trees.weight_tree, trees.weight_node)
    if leaf is None or trees.is_branch[leaf].any():
        raise _refusal("have weights in their leaves only", "have others")
    if ((trees.target < 0) | (trees.target >= n_targets)).any():
        raise _refusal(f"have the targets 0 to {n_targets - 1}", "have others")
    if not (np.diff(leaf * n_targets + trees.target) > 0).all():
        raise _refusal("have a leaf's weights in the order of the targets, each once", "have not")
    with_margin = leaf[trees.target == n_targets - 1]
    if not np.array_equal(with_margin, np.flatnonzero(~trees.is_branch)):
        raise _refusal("add to the margin in every leaf", "do not")
    # Then every partial sum is finite too, and no score is infinite or NaN.
    if not np.abs(trees.weight).sum() <= LARGEST_FLOAT32:
        raise _refusal("have weights whose sum is a finite number", "have others")


NOT_SO = "lead elsewhere, or back"


def _refusal(expected: str, found: str) -> BundleError:
    return BundleError(f"The trees of model.onnx should {expected}; they {found}: {ADVICE}.")
