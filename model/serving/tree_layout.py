"""Layout of an ensemble for the compiled engine: few arrays, in the order in which they are read.

A tree whose leaves are at about the same depth becomes a complete tree: its branches lie level by
level, so that a node's children are found by arithmetic, without branches [1]_. A leaf above the
last level stands there once for each path below it. Any other tree, a deep or a lopsided one, keeps
its nodes and names the ones that follow.

References
----------
.. [1] A. Asadi, J. Lin, A. de Vries, "Runtime optimizations for tree-based machine learning
   models", IEEE Transactions on Knowledge and Data Engineering 26(9), 2014.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.serving.ensemble import TreeArrays, children_of, levels_of

__all__ = ["TreeLayout", "UnsuitableTreesError", "lay_out"]

DEEPEST_COMPLETE = 10
"""Depth up to which a tree may become a complete one: 1,024 leaves."""
MOST_COPIES = 4
"""Largest number of leaves of a complete tree, as a multiple of the tree's own."""
MOST_PADDING = 4
"""Largest number of changes, with those that fill up, as a multiple of the ensemble's weights."""


class UnsuitableTreesError(Exception):
    """The trees can't be laid out: ONNX Runtime must score. The message says why."""


@dataclass(frozen=True, slots=True)
class TreeLayout:
    """An ensemble as arrays; tree_walk.h describes them.

    Attributes
    ----------
    n_columns, n_contributions
        Number of columns of a row, and of contributions: of fields and of aspects.
    slot_column, slot_is_low
        int32 and uint8, shape (n_slots,).
    is_complete, depth, n_inner, width, first_node, first_next, first_leaf, first_change
        uint8, int32 (three) and int64 (four), shape (n_trees,).
    slot, threshold
        int32 and float32, shape (n_nodes,).
    next
        int32: two for each node of a tree that is not complete.
    margin
        float32, shape (n_leaves,).
    target, change
        uint16 and float32: for each leaf as many as the tree's width.
    """

    n_columns: int
    n_contributions: int
    slot_column: NDArray[np.int32]
    slot_is_low: NDArray[np.uint8]
    is_complete: NDArray[np.uint8]
    depth: NDArray[np.int32]
    n_inner: NDArray[np.int32]
    width: NDArray[np.int32]
    first_node: NDArray[np.int64]
    first_next: NDArray[np.int64]
    first_leaf: NDArray[np.int64]
    first_change: NDArray[np.int64]
    slot: NDArray[np.int32]
    threshold: NDArray[np.float32]
    next: NDArray[np.int32]
    margin: NDArray[np.float32]
    target: NDArray[np.uint16]
    change: NDArray[np.float32]


def lay_out(trees: TreeArrays, *, n_columns: int, n_targets: int) -> TreeLayout:
    """Lay out an ensemble for the compiled engine.

    Parameters
    ----------
    trees
        A valid ensemble (``check_trees``).
    n_columns
        Number of columns of a row. The trees may read each a second time, with minus infinity for
        NaN, as column ``n_columns`` and on.
    n_targets
        Number of targets; the last one is the margin.

    Raises
    ------
    UnsuitableTreesError
        The layout would be too large, or would send a missing value another way.
    """
    if n_targets > np.iinfo(np.uint16).max:
        raise UnsuitableTreesError(f"they have {n_targets} targets")
    slots = _Slots.of(trees, n_columns)
    below = children_of(trees)
    depth = _depths(trees, below)
    leaves = np.bincount(trees.tree[~trees.is_branch], minlength=len(depth))
    is_complete = (depth <= DEEPEST_COMPLETE) & ((1 << depth.clip(max=62)) <= MOST_COPIES * leaves)
    weights = _LeafWeights.of(trees, n_targets)
    width = np.zeros(len(depth), np.int64)
    np.maximum.at(width, trees.tree[weights.node], weights.count)
    padded = int(np.where(is_complete, width << depth.clip(max=62), width * leaves).sum())
    if padded > MOST_PADDING * len(trees.weight):
        raise UnsuitableTreesError(
            f"their leaves have {len(trees.weight)} contributions, very unevenly"
        )
    parts = _Parts(len(depth))
    for key in np.unique(np.stack([depth, width], 1)[is_complete], axis=0):
        alike = np.flatnonzero(is_complete & (depth == key[0]) & (width == key[1]))
        _add_complete(parts, alike, int(key[0]), int(key[1]), trees, below, slots, weights)
    firsts = np.searchsorted(trees.tree, np.arange(len(depth) + 1))
    for tree in np.flatnonzero(~is_complete).tolist():
        nodes = np.arange(firsts[tree], firsts[tree + 1])
        _add_walked(parts, tree, nodes, int(width[tree]), trees, below, slots, weights)
    return TreeLayout(
        n_columns=n_columns,
        n_contributions=n_targets - 1,
        slot_column=slots.column,
        slot_is_low=slots.is_low,
        is_complete=is_complete.astype(np.uint8),
        depth=depth.astype(np.int32),
        width=width.astype(np.int32),
        **parts.arrays(),
    )


@dataclass(frozen=True, slots=True)
class _Slots:
    """The columns that the trees read.

    Attributes
    ----------
    column, is_low
        int32 and uint8, shape (n_slots,).
    of_node
        int32, shape (n_nodes,).
    """

    column: NDArray[np.int32]
    is_low: NDArray[np.uint8]
    of_node: NDArray[np.int32]

    @classmethod
    def of(cls, trees: TreeArrays, n_columns: int) -> _Slots:
        if (trees.threshold[trees.missing_is_true == 1] == -np.inf).any():
            # Minus infinity, which stands for NaN, is not below it.
            raise UnsuitableTreesError("they compare with minus infinity")
        read = trees.column + n_columns * trees.missing_is_true
        used, of_branch = np.unique(read[trees.is_branch], return_inverse=True)
        of_node = np.zeros(len(read), np.int32)
        of_node[trees.is_branch] = of_branch
        is_low = used >= n_columns
        column = np.where(is_low, used - n_columns, used)
        return cls(column.astype(np.int32), is_low.astype(np.uint8), of_node)


@dataclass(frozen=True, slots=True)
class _LeafWeights:
    """Weights of the leaves, in the order of their nodes.

    Attributes
    ----------
    node
        int64, shape (n_leaves,): index of the leaf's node.
    first, count
        int64, shape (n_nodes,) and (n_leaves,): the first weight of each leaf, by node, and the
        number of its weights besides the margin's, which is the last one.
    target, weight
        int64 and float32, shape (n_weights,).
    """

    node: NDArray[np.int64]
    first: NDArray[np.int64]
    count: NDArray[np.int64]
    target: NDArray[np.int64]
    weight: NDArray[np.float32]
    n_targets: int

    @classmethod
    def of(cls, trees: TreeArrays, n_targets: int) -> _LeafWeights:
        node = np.flatnonzero(~trees.is_branch)
        last = np.flatnonzero(trees.target == n_targets - 1)
        start = np.concatenate([[0], last[:-1] + 1])
        first = np.zeros(len(trees.tree), np.int64)
        first[node] = start
        weight = trees.weight.astype(np.float32)
        return cls(node, first, last - start, trees.target, weight, n_targets)

    def of_leaves(
        self, nodes: NDArray[np.int64], width: int
    ) -> tuple[NDArray[np.float32], NDArray[np.uint16], NDArray[np.float32]]:
        """Return margins, shape (m,), and targets and changes, shape (m, width), of leaves."""
        at = self.first[nodes][:, None] + np.arange(width + 1)
        at = np.minimum(at, len(self.weight) - 1)
        # The margin ends a leaf's weights: what comes from there on fills up.
        is_over = np.maximum.accumulate(self.target[at] == self.n_targets - 1, axis=1)
        end = np.argmax(is_over, axis=1)
        margin = self.weight[self.first[nodes] + end]
        target = np.where(is_over, self.n_targets - 1, self.target[at])[:, :width]
        change = np.where(is_over, np.float32(0), self.weight[at])[:, :width]
        return margin, target.astype(np.uint16), change.astype(np.float32)


class _Parts:
    """Arrays of trees, put one after another."""

    def __init__(self, n_trees: int) -> None:
        self._arrays: dict[str, list[NDArray[Any]]] = {
            "slot": [np.empty(0, np.int32)],
            "threshold": [np.empty(0, np.float32)],
            "next": [np.empty(0, np.int32)],
            "margin": [np.empty(0, np.float32)],
            "target": [np.empty(0, np.uint16)],
            "change": [np.empty(0, np.float32)],
        }
        self._sizes = dict.fromkeys(self._arrays, 0)
        self.first = {
            name: np.zeros(n_trees, np.int64) for name in ("node", "next", "leaf", "change")
        }
        self.n_inner = np.zeros(n_trees, np.int32)

    def add(self, trees: NDArray[np.int64], n_inner: int, **arrays: NDArray[Any]) -> None:
        """Add trees of one shape; each array has a row for each tree."""
        owners = {"node": "slot", "next": "next", "leaf": "margin", "change": "change"}
        for name, owner in owners.items():
            size = arrays[owner][0].size if owner in arrays else 0
            self.first[name][trees] = self._sizes[owner] + size * np.arange(len(trees))
        self.n_inner[trees] = n_inner
        for name, array in arrays.items():
            flat = array.reshape(-1).astype(self._arrays[name][0].dtype)
            self._arrays[name].append(flat)
            self._sizes[name] += flat.size

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays, and where each tree begins in them."""
        return {
            **{name: np.concatenate(parts) for name, parts in self._arrays.items()},
            **{f"first_{name}": first for name, first in self.first.items()},
            "n_inner": self.n_inner,
        }


def _depths(trees: TreeArrays, below: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the depth of each tree, shape (n_trees,)."""
    depth = np.zeros(int(trees.tree[-1]) + 1, np.int64)
    for level, nodes in enumerate(levels_of(trees, below)):
        depth[trees.tree[nodes]] = level
    return depth


def _add_complete(
    parts: _Parts,
    alike: NDArray[np.int64],
    depth: int,
    width: int,
    trees: TreeArrays,
    below: NDArray[np.int64],
    slots: _Slots,
    weights: _LeafWeights,
) -> None:
    """Add trees of one depth and width as complete trees."""
    nodes = np.searchsorted(trees.tree, alike)[:, None]  # the first node of each tree
    slot, threshold = [], []
    for _ in range(depth):
        is_branch = trees.is_branch[nodes]
        slot.append(slots.of_node[nodes])
        # A leaf above the last level: either way leads to it.
        threshold.append(np.where(is_branch, trees.threshold[nodes], np.inf))
        children = np.where(is_branch, below[:, nodes], nodes)
        nodes = np.stack([*children], axis=2).reshape(len(alike), -1)
    n = len(alike)
    margin, target, change = weights.of_leaves(nodes.reshape(-1), width)
    parts.add(
        alike,
        2**depth - 1,
        slot=np.concatenate([np.empty((n, 0), np.int32), *slot], axis=1),
        threshold=np.concatenate([np.empty((n, 0), np.float32), *threshold], axis=1),
        margin=margin.reshape(n, -1),
        target=target.reshape(n, -1),
        change=change.reshape(n, -1),
    )


def _add_walked(
    parts: _Parts,
    tree: int,
    nodes: NDArray[np.int64],
    width: int,
    trees: TreeArrays,
    below: NDArray[np.int64],
    slots: _Slots,
    weights: _LeafWeights,
) -> None:
    """Add a tree with its own nodes: the branches, from the first node on, then the leaves."""
    is_branch = trees.is_branch[nodes]
    order = np.concatenate([nodes[is_branch], nodes[~is_branch]])
    n_inner = int(is_branch.sum())
    place = np.empty(len(nodes), np.int64)
    place[order - nodes[0]] = np.arange(len(nodes))
    following = np.where(trees.is_branch[order], below[:, order], order) - nodes[0]
    margin, target, change = weights.of_leaves(order[n_inner:], width)
    parts.add(
        np.array([tree]),
        n_inner,
        slot=slots.of_node[order][None],
        threshold=np.where(trees.is_branch[order], trees.threshold[order], -np.inf)[None],
        next=place[following].T.reshape(1, -1),  # true, false, node after node
        margin=margin[None],
        target=target.reshape(1, -1),
        change=change.reshape(1, -1),
    )
