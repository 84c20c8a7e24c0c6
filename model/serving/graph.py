"""The ONNX graph of a model: defined here, written by the export, checked at each load.

Except for the trees, the metadata determine the graph. A file is accepted only if it is exactly
that graph and its trees are valid (``model.serving.ensemble``). So ONNX Runtime gets nothing
unexpected: it aborts the process on some values (a negative ``n_targets``), allocates any shape,
and follows cycles of branches forever.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, NamedTuple

import numpy as np
from google.protobuf.message import DecodeError
from numpy.typing import ArrayLike, NDArray

from model.metadata import METADATA_KEY, BundleError, BundleMetadata
from model.serving.ensemble import (
    ADVICE,
    MISSING_TRACKS_TRUE,
    MOST_WEIGHTS,
    TREE_ATTRIBUTES,
    TreeArrays,
    bias_of,
    check_trees,
)
from model.serving.onnx_format import AttributeType, ElementType, message

__all__ = ["CheckedGraph", "Layout", "check_graph", "fill_trees", "graph_of"]

LANES = 16
"""Values in the widest vector register: see ``model.training.export``."""
OPSET = 17
OPSET_ML = 3
IR_VERSION = 8
MOST_METADATA = 4 * 2**20
"""Largest JSON in bytes; golden rows of the largest spec take a third of it."""
MOST_FIELDS = 500
MOST_COLUMNS = 5000
"""Then the matrix of 2,000 leads takes at most 80 MB."""
KINDS = {
    float: AttributeType.FLOATS,
    int: AttributeType.INTS,
    bytes: AttributeType.STRINGS,
}


DTYPES: Mapping[type, Any] = {float: np.float64, int: np.int64}


class Layout(Enum):
    """How missing values get to the trees."""

    TWICE = "twice"
    """The columns, then the columns with minus infinity for NaN. The export writes this one."""
    TRACKED = "tracked"
    """By an attribute of the operator, as in the first models."""


class CheckedGraph(NamedTuple):
    """Content of an accepted model file.

    Attributes
    ----------
    metadata
        The model's metadata.
    bias
        The margin before any field's contribution: bias and contributions add up to the margin.
    trees
        The valid ensemble.
    """

    metadata: BundleMetadata
    bias: float
    trees: TreeArrays


def check_graph(content: bytes) -> CheckedGraph:
    """Check that a model file is the graph of its metadata, with valid trees.

    Parameters
    ----------
    content
        The bytes of ``model.onnx``.

    Returns
    -------
    CheckedGraph
        The metadata in the file, its trees, and their bias.

    Raises
    ------
    BundleError
        It is not the graph that LeadScore writes for these metadata.
    """
    try:
        model = message("Model").FromString(content)
    except DecodeError as error:
        raise BundleError(
            f"model.onnx should be an ONNX file, it is none ({error}): copy the bundle again, or "
            "publish the model again."
        ) from None
    text = _metadata_text(model)
    metadata = BundleMetadata.from_json(text)
    _check_size(metadata)
    is_twice = any(node.op_type == b"IsNaN" for node in model.graph.node)
    layout = Layout.TWICE if is_twice else Layout.TRACKED
    arrays = _taken_arrays(model)
    difference = _difference(model, graph_of(metadata, text, layout))
    if difference is not None:
        raise BundleError(
            "model.onnx should be the graph that LeadScore writes for the metadata in it; another "
            f"is {difference}: {ADVICE}."
        )
    trees, n_fields = TreeArrays.of(arrays), len(metadata.spec.fields)
    n_targets = n_fields + len(metadata.aspects) + 1
    check_trees(
        trees,
        n_columns=len(metadata.spec.columns) * (2 if layout is Layout.TWICE else 1),
        n_targets=n_targets,
    )
    bias = bias_of(trees, n_fields=n_fields, n_targets=n_targets)
    return CheckedGraph(metadata, bias, trees)


def graph_of(metadata: BundleMetadata, text: str, layout: Layout = Layout.TWICE) -> Any:
    """Return the graph for metadata, its trees without nodes.

    Parameters
    ----------
    metadata
        Their spec and calibration determine the graph.
    text
        The metadata as JSON.
    layout
        How missing values get to the trees.

    Returns
    -------
    message
        A ``Model`` of ``model.serving.onnx_format``.
    """
    spec, top_k, n_aspects = metadata.spec, metadata.top_k, len(metadata.aspects)
    new = message
    opsets = (b"", OPSET), (b"ai.onnx.ml", OPSET_ML)
    return new("Model")(
        ir_version=IR_VERSION,
        producer_name=METADATA_KEY.encode(),
        opset_import=[new("OperatorSet")(domain=d, version=v) for d, v in opsets],
        metadata_props=[new("Entry")(key=METADATA_KEY.encode(), value=text.encode())],
        graph=new("Graph")(
            name=b"lead_score",
            node=[*_nodes(len(spec.fields), n_aspects, layout)],
            initializer=[*_constants(metadata, layout)],
            input=[_value("features", ElementType.FLOAT, len(spec.columns))],
            output=[
                _value("probability", ElementType.FLOAT, 1),
                _value("reason_field", ElementType.INT64, top_k),
                _value("reason_value", ElementType.FLOAT, top_k),
                _value("contributions", ElementType.FLOAT, len(spec.fields)),
                *([_value("aspects", ElementType.FLOAT, n_aspects)] if n_aspects else []),
            ],
        ),
    )


def fill_trees(model: Any, arrays: Mapping[str, Sequence[Any]]) -> None:
    """Write the trees' arrays into a model of ``graph_of``."""
    for attribute in _tree_attributes(model):
        _array(attribute).extend(arrays[attribute.name.decode()])


def _nodes(n_fields: int, n_aspects: int, layout: Layout) -> Iterator[Any]:
    trees_read = "features"
    if layout is Layout.TWICE:
        trees_read = "twice"
        yield _node("IsNaN", ["features"], ["is_missing"])
        yield _node("Where", ["is_missing", "lowest", "features"], ["low"])
        yield _node("Concat", ["features", "low"], ["twice"], axis=1)
    yield _trees(trees_read, n_fields + n_aspects + 1, layout)
    yield _node("Slice", ["targets", "zero", "n_fields", "one"], ["contributions"])
    margin = "n_fields"
    if n_aspects:
        margin = "n_contributions"
        yield _node("Slice", ["targets", "n_fields", margin, "one"], ["aspects"])
    yield _node("Slice", ["targets", margin, "n_targets", "one"], ["margin"])
    yield _node("Cast", ["margin"], ["margin_64"], to=ElementType.DOUBLE)
    yield _node("Mul", ["margin_64", "slope"], ["scaled"])
    yield _node("Add", ["scaled", "intercept"], ["logit"])
    yield _node("Concat", ["logit", "padding"], ["padded_logit"], axis=0)
    yield _node("Sigmoid", ["padded_logit"], ["padded_probability"])
    yield _node("Slice", ["padded_probability", "zero", "unpad", "zero"], ["probability_64"])
    yield _node("Cast", ["probability_64"], ["probability"], to=ElementType.FLOAT)
    yield _node("Abs", ["contributions"], ["size"])
    yield _node("TopK", ["size", "k"], ["reason_size", "reason_field"], axis=1)
    yield _node("GatherElements", ["contributions", "reason_field"], ["reason_value"], axis=1)


def _trees(source: str, n_targets: int, layout: Layout) -> Any:
    attributes = {
        "n_targets": message("Attribute")(i=n_targets, type=AttributeType.INT),
        "post_transform": message("Attribute")(s=b"NONE", type=AttributeType.STRING),
    }
    for name, element in TREE_ATTRIBUTES.items():
        if layout is Layout.TRACKED or name != MISSING_TRACKS_TRUE:
            attributes[name] = message("Attribute")(type=KINDS[element])
    node = _node("TreeEnsembleRegressor", [source], ["targets"])
    node.domain = b"ai.onnx.ml"
    for name, attribute in sorted(attributes.items()):
        attribute.name = name.encode()
        node.attribute.append(attribute)
    return node


def _constants(metadata: BundleMetadata, layout: Layout) -> Iterator[Any]:
    n_fields, n_aspects = len(metadata.spec.fields), len(metadata.aspects)
    integers = {
        "zero": 0,
        "one": 1,
        "k": metadata.top_k,
        "n_fields": n_fields,
        "n_targets": n_fields + n_aspects + 1,
        "unpad": 1 - LANES,
    }
    if n_aspects:
        integers["n_contributions"] = n_fields + n_aspects
    for name, value in integers.items():
        yield _tensor(name, ElementType.INT64, np.array([value], "<i8"))
    calibration = metadata.calibration
    floats: dict[str, ArrayLike] = {
        "slope": calibration.slope,
        "intercept": calibration.intercept,
        "padding": np.zeros((LANES - 1, 1)),
    }
    for name, number in floats.items():
        yield _tensor(name, ElementType.DOUBLE, np.array(number, "<f8"))
    if layout is Layout.TWICE:
        yield _tensor("lowest", ElementType.FLOAT, np.array(-np.inf, "<f4"))


def _node(operator: str, inputs: Sequence[str], outputs: Sequence[str], **integers: int) -> Any:
    return message("Node")(
        op_type=operator.encode(),
        input=[name.encode() for name in inputs],
        output=[name.encode() for name in outputs],
        attribute=[
            message("Attribute")(name=name.encode(), i=value, type=AttributeType.INT)
            for name, value in integers.items()
        ],
    )


def _tensor(name: str, kind: ElementType, value: NDArray[Any]) -> Any:
    return message("Tensor")(
        name=name.encode(), data_type=kind, dims=value.shape, raw_data=value.tobytes()
    )


def _value(name: str, kind: ElementType, width: int) -> Any:
    dimension = message("Dimension")
    shape = message("Shape")(dim=[dimension(dim_param=b"n"), dimension(dim_value=width)])
    tensor = message("TensorType")(elem_type=kind, shape=shape)
    return message("Value")(name=name.encode(), type=message("Type")(tensor_type=tensor))


def _metadata_text(model: Any) -> str:
    texts = [p.value for p in model.metadata_props if p.key == METADATA_KEY.encode()]
    if not texts:
        raise BundleError(
            f"model.onnx has no metadata {METADATA_KEY!r}: it was not made by "
            f"`leadscore train`; {ADVICE}."
        )
    if len(texts[0]) > MOST_METADATA:
        raise BundleError(
            f"The model's metadata should have at most {MOST_METADATA} bytes, they have "
            f"{len(texts[0])}: train the model on fewer fields, or on fields of fewer levels."
        )
    try:
        text: str = texts[0].decode()
    except UnicodeDecodeError as error:
        raise BundleError(
            f"The model's metadata should be UTF-8, they are not ({error.reason} at byte "
            f"{error.start}): publish the model again from its training."
        ) from None
    return text


def _check_size(metadata: BundleMetadata) -> None:
    fields, columns = len(metadata.spec.fields), len(metadata.spec.columns)
    if fields > MOST_FIELDS or columns > MOST_COLUMNS:
        raise BundleError(
            f"A model should read at most {MOST_FIELDS} fields and {MOST_COLUMNS} columns, this "
            f"one reads {fields} and {columns}: train it on fewer (`leadscore train --exclude`)."
        )


def _tree_attributes(model: Any) -> Iterator[Any]:
    """Yield the attributes of the trees with one entry a node or a weight."""
    for node in model.graph.node:
        if node.op_type == b"TreeEnsembleRegressor":
            yield from (a for a in node.attribute if a.name.decode("latin-1") in TREE_ATTRIBUTES)


def _array(attribute: Any) -> Any:
    element = TREE_ATTRIBUTES[attribute.name.decode()]
    return {float: attribute.floats, int: attribute.ints, bytes: attribute.strings}[element]


def _taken_arrays(model: Any) -> dict[str, Any]:
    """Remove the trees' arrays from the model, and return them by attribute."""
    arrays: dict[str, Any] = {}
    for attribute in _tree_attributes(model):
        name, array = attribute.name.decode(), _array(attribute)
        if len(array) > MOST_WEIGHTS:
            raise BundleError(
                f"The trees of model.onnx should have at most {MOST_WEIGHTS} entries, {name} has "
                f"{len(array)}: {ADVICE}."
            )
        kind = DTYPES.get(TREE_ATTRIBUTES[name])
        arrays[name] = np.fromiter(array, kind, len(array)) if kind else list(array)
        del array[:]
    return arrays


def _difference(found: Any, expected: Any) -> str | None:
    """Return the name of the first part that differs from the expected model; None if all agree."""
    parts = (
        ("operator", found.graph.node, expected.graph.node),
        ("constant", found.graph.initializer, expected.graph.initializer),
        ("input", found.graph.input, expected.graph.input),
        ("output", found.graph.output, expected.graph.output),
    )
    for part, theirs, ours in parts:
        if len(theirs) != len(ours):
            return f"the number of its {part}s, {len(theirs)} instead of {len(ours)}"
        for i, (their, our) in enumerate(zip(theirs, ours, strict=True)):
            if _written(their) != _written(our):
                name = (our.op_type if part == "operator" else our.name).decode()
                return f"its {part} {i}, which should be {name}"
    return None if _written(found) == _written(expected) else "its head or a field of its own"


def _written(part: Any) -> bytes:
    """Serialise a message, unknown fields included."""
    written: bytes = part.SerializeToString(deterministic=True)
    return written
