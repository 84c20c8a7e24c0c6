"""A graph that LeadScore would not write is refused before anything runs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import helper

from features.field_spec import NumberField
from features.spec import FeatureSpec
from model.bundle import Artefacts, load_bundle, verify
from model.metadata import BundleError
from model.serving import graph
from model.serving.ensemble import TREE_ATTRIBUTES
from model.serving.graph import check_graph, graph_of
from model.serving.onnx_format import message
from tests.unit.small_booster import Trained

GOLDEN = Path(__file__).parents[3] / "contract" / "bundles"
MARGIN = 11
"""The target of the margin, after those of 6 fields and 5 aspects."""


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


def first_leaf(model: onnx.ModelProto) -> int:
    return list(trees_of(model)["nodes_modes"].strings).index(b"LEAF")


def test_a_model_that_was_trained_passes(trained: Trained) -> None:
    assert check_graph(trained.onnx).metadata.to_json() == trained.metadata.to_json()


def test_trees_without_a_split_pass(trainer: Any) -> None:
    trained = trainer(trees=2, min_child_weight=1e9)
    assert check_graph(trained.onnx).metadata.to_json() == trained.metadata.to_json()


@pytest.mark.parametrize("layout", ["twice", "tracked"])
def test_models_that_earlier_exports_wrote_still_load(layout: str) -> None:
    bundle = load_bundle(str(GOLDEN / layout), None)
    assert len(bundle.metadata.golden.scores) == 32


# Every field of the graph


Way = tuple[str | int, ...]


def places(part: Any, way: Way = ()) -> Iterator[tuple[Way, str, int | None]]:
    """Every field that is set, with the way to its message; not the trees' arrays, nor the text."""
    for described, value in part.ListFields():
        name = described.name
        if name in ("ints", "floats", "strings") or (
            way[:1] == ("metadata_props",) and name == "value"
        ):
            continue
        if hasattr(value, "append"):
            for i, entry in enumerate(value):
                yield way, name, i
                if hasattr(entry, "ListFields"):
                    yield from places(entry, (*way, name, i))
        else:
            yield way, name, None
            if hasattr(value, "ListFields"):
                yield from places(value, (*way, name))


def at(model: Any, way: Way) -> Any:
    for step in way:
        model = model[step] if isinstance(step, int) else getattr(model, step)
    return model


def damages(model: Any, way: Way, name: str, i: int | None) -> Iterator[Any]:
    """The model with a field changed, in each way that suits it."""
    value = getattr(at(model, way), name)
    entry = value if i is None else value[i]
    wild: list[Any] = []
    if isinstance(entry, int):
        wild = [entry + 1, -entry - 1, 20_000]
    elif isinstance(entry, bytes):
        wild = [entry + b"x", b"\xff"]
    for change in ("leave out", "repeat", *wild):
        damaged = type(model)()
        damaged.CopyFrom(model)
        part = at(damaged, way)
        if i is None:
            if change == "leave out":
                part.ClearField(name)
            elif change != "repeat":
                setattr(part, name, change)
        elif change == "leave out":
            del getattr(part, name)[i]
        elif change == "repeat":
            getattr(part, name).append(entry)
        else:
            getattr(part, name)[i] = change
        yield damaged


@pytest.mark.parametrize("layout", ["twice", "tracked"])
def test_a_change_of_any_attribute_or_shape_is_refused(layout: str) -> None:
    sound = message("Model").FromString((GOLDEN / layout / "model.onnx").read_bytes())
    passed, refused = [], 0
    for place in places(sound):
        for damaged in damages(sound, *place):
            if damaged == sound:
                continue
            try:
                check_graph(damaged.SerializeToString())
            except BundleError:
                refused += 1
            else:
                passed.append(place)
    assert passed == []
    assert refused > 400


@pytest.mark.parametrize(
    "field", sorted({*range(1, 40)} - {f.number for f in message("Model").DESCRIPTOR.fields})
)
def test_a_field_that_leadscore_does_not_write_is_refused(trained: Trained, field: int) -> None:
    """Among them functions, training graphs, tensors elsewhere, and subgraphs."""
    number = field << 3 | 2  # a field of bytes
    tag = bytes([number]) if number < 0x80 else bytes([number & 0x7F | 0x80, number >> 7])
    content = trained.onnx + tag + b"\x03abc"
    with pytest.raises(BundleError):
        check_graph(content)


def test_a_negative_number_of_targets_is_refused_and_not_run(trained: Trained) -> None:
    """ONNX Runtime aborts the process on it."""

    def change(model: onnx.ModelProto) -> None:
        trees_of(model)["n_targets"].i = -1

    with pytest.raises(BundleError, match="its operator 3, which should be TreeEnsembleRegressor"):
        verify(Artefacts(onnx=changed(trained.onnx, change)))


def test_a_broadcast_of_20_000_squared_is_refused_and_not_run(trained: Trained) -> None:
    def change(model: onnx.ModelProto) -> None:
        for constant in model.graph.initializer:
            if constant.name == "intercept":
                constant.dims.extend([20_000, 1])
                constant.raw_data = bytes(20_000 * 8)

    with pytest.raises(BundleError, match="its constant 8, which should be intercept"):
        verify(Artefacts(onnx=changed(trained.onnx, change)))


def test_an_operator_that_runs_another_graph_is_refused(trained: Trained) -> None:
    def change(model: onnx.ModelProto) -> None:
        model.graph.node.append(helper.make_node("Loop", [], ["x"]))

    with pytest.raises(BundleError, match="the number of its operators, 18 instead of 17"):
        check_graph(changed(trained.onnx, change))


@pytest.mark.parametrize("content", [b"\xff" * 20, b"no model at all"])
def test_bytes_that_are_no_graph_are_refused(content: bytes) -> None:
    with pytest.raises(BundleError, match="should be an ONNX file"):
        check_graph(content)


@pytest.mark.parametrize("limit", ["MOST_FIELDS", "MOST_COLUMNS", "MOST_METADATA"])
def test_a_spec_of_no_known_size_is_refused(
    trained: Trained, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph, limit, 5)
    with pytest.raises(BundleError, match=r"should (read|have) at most"):
        check_graph(trained.onnx)


def test_metadata_that_are_no_utf8_are_refused(trained: Trained) -> None:
    model = message("Model").FromString(trained.onnx)
    model.metadata_props[0].value = b'{"\xff'
    with pytest.raises(BundleError, match="should be UTF-8"):
        check_graph(model.SerializeToString())


def test_other_metadata_need_another_graph(trained: Trained) -> None:
    """A graph of four fields does not pass with metadata of five."""
    spec = FeatureSpec(fields=(*trained.metadata.spec.fields, NumberField(name="more")))
    model = message("Model").FromString(trained.onnx)
    expected = graph_of(trained.metadata.model_copy(update={"spec": spec}), "")
    assert model.graph.output[3] != expected.graph.output[3]


# The trees


@pytest.mark.parametrize("way", ["true", "false"])
@pytest.mark.parametrize("to", ["itself", "a node below another", "no node"])
def test_a_branch_that_leads_elsewhere_is_refused(trained: Trained, way: str, to: str) -> None:
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
    with pytest.raises(BundleError, match="each node under one other; they lead elsewhere"):
        check_graph(damaged)


def test_a_branch_that_leads_back_to_the_root_is_refused_and_not_run(trained: Trained) -> None:
    """ONNX Runtime would follow it forever: found by fuzzing."""

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


@pytest.mark.parametrize(
    "name", sorted(TREE_ATTRIBUTES.keys() - {"nodes_missing_value_tracks_true"})
)
def test_trees_that_lack_a_part_are_refused(trained: Trained, name: str) -> None:
    def clear(model: onnx.ModelProto) -> None:
        trees_of(model)[name].Clear()

    def cut(model: onnx.ModelProto) -> None:
        part = trees_of(model)[name]
        del (part.strings or part.ints or part.floats)[5:]

    for damage, says in ((clear, "its operator 3"), (cut, "are incomplete")):
        with pytest.raises(BundleError, match=says):
            check_graph(changed(trained.onnx, damage))


def test_trees_without_nodes_are_refused(trained: Trained) -> None:
    def empty(model: onnx.ModelProto) -> None:
        for part in trees_of(model).values():
            for array in (part.ints, part.floats, part.strings):
                del array[:]

    with pytest.raises(BundleError, match="should have 1 to"):
        check_graph(changed(trained.onnx, empty))


def at_branch(name: str, value: Any) -> Callable[[onnx.ModelProto], None]:
    def change(model: onnx.ModelProto) -> None:
        part = trees_of(model)[name]
        (part.strings or part.ints or part.floats)[first_branch(model)] = value

    return change


def at_leaf(name: str, value: Any) -> Callable[[onnx.ModelProto], None]:
    def change(model: onnx.ModelProto) -> None:
        part = trees_of(model)[name]
        (part.ints or part.floats)[first_leaf(model)] = value

    return change


def at_weight(name: str, value: Any, row: int = 7) -> Callable[[onnx.ModelProto], None]:
    def change(model: onnx.ModelProto) -> None:
        part = trees_of(model)[name]
        (part.ints or part.floats)[row] = value

    return change


def without_a_margin(model: onnx.ModelProto) -> None:
    trees = trees_of(model)
    row = list(trees["target_ids"].ints).index(MARGIN)
    for name in ("treeids", "nodeids", "ids"):
        del trees[f"target_{name}"].ints[row]
    del trees["target_weights"].floats[row]


def with_a_weight_twice(model: onnx.ModelProto) -> None:
    trees = trees_of(model)
    for name in ("treeids", "nodeids", "ids"):
        array = trees[f"target_{name}"].ints
        array.append(array[-1])
    trees["target_weights"].floats.append(1.0)


def with_a_node_twice(model: onnx.ModelProto) -> None:
    trees = trees_of(model)
    row = first_branch(model)
    trees["nodes_nodeids"].ints[row + 1] = trees["nodes_nodeids"].ints[row]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (at_branch("nodes_modes", b"BRANCH_EQ"), "nodes of mode LEAF or BRANCH_LT"),
        (at_branch("nodes_modes", b"\xff"), "nodes of mode LEAF or BRANCH_LT"),
        (at_branch("nodes_featureids", -1), "read the columns 0 to 21"),
        (at_branch("nodes_featureids", 22), "read the columns 0 to 21"),
        (at_branch("nodes_featureids", 2**62), "read the columns 0 to 21"),
        (at_branch("nodes_values", float("nan")), "compare with numbers"),
        (at_branch("nodes_treeids", 40), "numbered from 0 on"),
        (at_branch("nodes_treeids", -1), "numbered from 0 on"),
        (at_branch("nodes_nodeids", -1), "node ids from 0"),
        (at_branch("nodes_truenodeids", 2**62), "node ids from 0"),
        (at_leaf("nodes_featureids", 1), "compare nothing in their leaves"),
        (at_leaf("nodes_truenodeids", 1), "compare nothing in their leaves"),
        (at_leaf("nodes_values", 1.0), "compare nothing in their leaves"),
        (with_a_node_twice, "have each node once"),
        (at_weight("target_ids", -1), "have the targets 0 to 11"),
        (at_weight("target_ids", MARGIN + 1), "have the targets 0 to 11"),
        (at_weight("target_ids", 2**62), "have the targets 0 to 11"),
        (at_weight("target_treeids", 30), "weights of the trees 0 to 29"),
        (at_weight("target_treeids", -1), "weights of the trees 0 to 29"),
        (at_weight("target_nodeids", 0), "weights in their leaves only"),
        (at_weight("target_nodeids", 5000), "weights in their leaves only"),
        (at_weight("target_weights", float("nan")), "a finite number"),
        (at_weight("target_weights", float("inf")), "a finite number"),
        (without_a_margin, "add to the margin in every leaf"),
        (with_a_weight_twice, "in the order of the targets, each once"),
    ],
)
def test_an_entry_that_no_tree_has_is_refused(trained: Trained, change: Any, says: str) -> None:
    with pytest.raises(BundleError, match=says):
        check_graph(changed(trained.onnx, change))


def chain(depth: int) -> dict[str, list[Any]]:
    """A tree of one long branch: ONNX Runtime recurses down it."""
    arrays: dict[str, list[Any]] = {name: [] for name in TREE_ATTRIBUTES}
    for level in range(depth):
        for node, mode in ((2 * level, b"BRANCH_LT"), (2 * level + 1, b"LEAF")):
            is_branch = mode != b"LEAF"
            for name, value in {
                "treeids": 0,
                "nodeids": node,
                "modes": mode,
                "featureids": 0,
                "values": float(is_branch),
                "truenodeids": (node + 1) * is_branch,
                "falsenodeids": (node + 2) * is_branch,
            }.items():
                arrays[f"nodes_{name}"].append(value)
    last = {"treeids": 0, "nodeids": 2 * depth, "modes": b"LEAF", "featureids": 0, "values": 0.0}
    for name, value in {**last, "truenodeids": 0, "falsenodeids": 0}.items():
        arrays[f"nodes_{name}"].append(value)
    for node in (*range(1, 2 * depth, 2), 2 * depth):
        arrays["target_treeids"].append(0)
        arrays["target_nodeids"].append(node)
        arrays["target_ids"].append(MARGIN)
        arrays["target_weights"].append(0.1)
    return arrays


def test_a_tree_that_is_too_deep_is_refused(trained: Trained) -> None:
    model = graph_of(trained.metadata, trained.metadata.to_json())
    graph.fill_trees(model, chain(64))
    check_graph(model.SerializeToString(deterministic=True))
    model = graph_of(trained.metadata, trained.metadata.to_json())
    graph.fill_trees(model, chain(65))
    with pytest.raises(BundleError, match="at most 64 branches deep"):
        check_graph(model.SerializeToString(deterministic=True))


def test_nodes_that_hang_on_themselves_are_refused(trained: Trained) -> None:
    """Beside the trees: two branches, each under the other, that no root leads to."""
    arrays = chain(2)
    for node, other in ((10, 11), (11, 10)):
        for name, value in {
            "treeids": 0,
            "nodeids": node,
            "modes": b"BRANCH_LT",
            "featureids": 0,
            "values": 1.0,
            "truenodeids": other,
            "falsenodeids": node + 10,
        }.items():
            arrays[f"nodes_{name}"].append(value)
    for node in (20, 21):
        for name, value in {
            "treeids": 0,
            "nodeids": node,
            "modes": b"LEAF",
            "featureids": 0,
            "values": 0.0,
            "truenodeids": 0,
            "falsenodeids": 0,
        }.items():
            arrays[f"nodes_{name}"].append(value)
    model = graph_of(trained.metadata, trained.metadata.to_json())
    graph.fill_trees(model, arrays)
    with pytest.raises(BundleError, match="lead elsewhere, or back"):
        check_graph(model.SerializeToString(deterministic=True))
