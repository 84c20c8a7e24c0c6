"""Layout of trees: which become complete, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from model.serving import tree_layout
from model.serving.ensemble import TreeArrays
from model.serving.graph import check_graph
from model.serving.tree_layout import TreeLayout, UnsuitableTreesError, lay_out
from tests.unit.drawn_trees import Shape, drawn_model

COLUMNS = 9


def trees_of(*shapes: Shape) -> TreeArrays:
    return check_graph(drawn_model(1, shapes)).trees


def laid_out(trees: TreeArrays) -> TreeLayout:
    return lay_out(trees, n_columns=COLUMNS, n_targets=COLUMNS + 1)


@pytest.mark.parametrize(
    ("shape", "is_complete", "depth"),
    [("leaf", 1, 0), ("stump", 1, 1), ("bushy", 1, 5), ("lopsided", 0, 40)],
)
def test_a_tree_becomes_complete_unless_it_is_lopsided(
    shape: Shape, is_complete: int, depth: int
) -> None:
    layout = laid_out(trees_of(shape))
    assert layout.is_complete.tolist() == [is_complete]
    assert layout.depth.tolist() == [depth]
    assert layout.n_inner.tolist() == [2**depth - 1 if is_complete else 40]
    assert len(layout.margin) == (2**depth if is_complete else 41)


def test_a_deep_tree_keeps_its_nodes() -> None:
    trees = trees_of("deep")
    layout = laid_out(trees)
    assert layout.is_complete.tolist() == [0]
    assert layout.depth[0] > 10
    assert len(layout.threshold) == len(trees.tree)
    assert len(layout.next) == 2 * len(trees.tree)


def test_the_arrays_of_trees_of_several_shapes_do_not_overlap() -> None:
    shapes: tuple[Shape, ...] = ("bushy", "deep", "leaf", "bushy", "lopsided", "stump")
    layout = laid_out(trees_of(*shapes))
    n_leaves = np.where(layout.is_complete, 1 << layout.depth.clip(max=20), layout.n_inner + 1)
    n_nodes = np.where(layout.is_complete, n_leaves - 1, 2 * layout.n_inner + 1)
    for first, size, total in (
        (layout.first_node, n_nodes, len(layout.slot)),
        (layout.first_leaf, n_leaves, len(layout.margin)),
        (layout.first_change, n_leaves * layout.width, len(layout.change)),
    ):
        owners = np.zeros(total, int)
        for start, length in zip(first, size, strict=True):
            owners[start : start + length] += 1
        assert (owners == 1).all()


def test_columns_that_no_tree_reads_take_no_slot() -> None:
    trees = trees_of("stump", "stump")
    layout = laid_out(trees)
    read = trees.column[trees.is_branch]
    assert set(zip(layout.slot_column, layout.slot_is_low, strict=True)) == {
        (column % COLUMNS, column >= COLUMNS) for column in read
    }


def test_a_threshold_that_minus_infinity_is_not_below_is_refused_if_missing_values_go_there() -> (
    None
):
    trees = trees_of("stump")
    missing = trees.is_branch.astype(np.int64)
    column = trees.column % COLUMNS
    lowest = np.where(trees.is_branch, -np.inf, 0)
    refused = replace(trees, missing_is_true=missing, threshold=lowest, column=column)
    with pytest.raises(UnsuitableTreesError, match="minus infinity"):
        laid_out(refused)
    assert laid_out(replace(refused, missing_is_true=np.zeros_like(missing)))


def test_contributions_that_would_mostly_fill_up_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tree_layout, "MOST_PADDING", 0.5)
    with pytest.raises(UnsuitableTreesError, match="very unevenly"):
        laid_out(trees_of("bushy"))


def test_more_targets_than_16_bits_hold_are_refused() -> None:
    with pytest.raises(UnsuitableTreesError, match="70000 targets"):
        lay_out(trees_of("stump"), n_columns=COLUMNS, n_targets=70_000)
