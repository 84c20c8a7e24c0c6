"""Graphs that may never come to an end are refused before anything runs them."""

from __future__ import annotations

from collections.abc import Callable

import onnx
import pytest
from onnx import helper

from model.bundle import Artefacts, verify
from model.graph import check_graph
from model.metadata import BundleError


def changed(content: bytes, change: Callable[[onnx.ModelProto], None]) -> bytes:
    model = onnx.load_from_string(content)
    change(model)
    written: bytes = model.SerializeToString()
    return written


def trees_of(model: onnx.ModelProto) -> dict[str, onnx.AttributeProto]:
    [node] = [node for node in model.graph.node if node.op_type == "TreeEnsembleRegressor"]
    return {attribute.name: attribute for attribute in node.attribute}


def first_branch(model: onnx.ModelProto) -> int:
    """Find a branch of the tree that is damaged, the fourth."""
    trees = trees_of(model)
    return next(
        row
        for row, (mode, of) in enumerate(
            zip(trees["nodes_modes"].strings, trees["nodes_treeids"].ints, strict=True)
        )
        if mode != b"LEAF" and of == 3
    )


def test_a_model_that_was_trained_passes(trained) -> None:
    check_graph(trained.onnx)


@pytest.mark.parametrize("way", ["true", "false"])
@pytest.mark.parametrize("to", ["itself", "a node below another", "no node"])
def test_a_branch_that_leads_elsewhere_is_refused(trained, way: str, to: str) -> None:
    def change(model: onnx.ModelProto) -> None:
        trees = trees_of(model)
        row = first_branch(model)
        nodes = {
            "itself": trees["nodes_nodeids"].ints[row],
            "a node below another": trees["nodes_nodeids"].ints[row + 2],
            "no node": 10_000,
        }
        trees[f"nodes_{way}nodeids"].ints[row] = nodes[to]

    damaged = changed(trained.onnx, change)
    with pytest.raises(BundleError, match="each node under one other; some lead elsewhere"):
        check_graph(damaged)


def test_a_branch_that_leads_back_to_the_root_is_refused_and_not_run(trained) -> None:
    """ONNX Runtime would follow it for ever: found by fuzzing."""

    def change(model: onnx.ModelProto) -> None:
        trees = trees_of(model)
        below = next(
            row
            for row in range(first_branch(model) + 1, len(trees["nodes_modes"].strings))
            if trees["nodes_modes"].strings[row] != b"LEAF"
        )
        assert trees["nodes_treeids"].ints[below] == 3
        for way in ("true", "false"):
            trees[f"nodes_{way}nodeids"].ints[below] = 0

    with pytest.raises(BundleError, match="lead elsewhere, or back"):
        verify(Artefacts(onnx=changed(trained.onnx, change)))


@pytest.mark.parametrize("name", ["nodes_treeids", "nodes_falsenodeids", "nodes_modes"])
def test_trees_that_lack_a_part_are_refused(trained, name: str) -> None:
    def change(model: onnx.ModelProto) -> None:
        trees_of(model)[name].Clear()

    def cut(model: onnx.ModelProto) -> None:
        part = trees_of(model)[name]
        del (part.strings if name == "nodes_modes" else part.ints)[5:]

    for damage in (change, cut):
        with pytest.raises(BundleError, match="are incomplete"):
            check_graph(changed(trained.onnx, damage))


def test_an_operator_that_runs_another_graph_is_refused(trained) -> None:
    def change(model: onnx.ModelProto) -> None:
        model.graph.node.append(helper.make_node("Loop", [], ["x"]))

    with pytest.raises(BundleError, match="it has Loop: train"):
        check_graph(changed(trained.onnx, change))


def test_functions_of_a_graph_are_refused(trained) -> None:
    def change(model: onnx.ModelProto) -> None:
        model.functions.append(helper.make_function("d", "f", [], [], [], []))

    with pytest.raises(BundleError, match="it has functions of its own"):
        check_graph(changed(trained.onnx, change))


@pytest.mark.parametrize("content", [b"\xff" * 20, b"no model at all"])
def test_what_is_no_graph_is_refused(content: bytes) -> None:
    with pytest.raises(BundleError, match="should be an ONNX file"):
        check_graph(content)
