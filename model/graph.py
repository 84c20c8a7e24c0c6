"""What a model's graph may be made of, so that whoever runs it comes to an end.

ONNX Runtime follows a tree of which a branch leads back to a node above it for ever, and a graph
may have loops of its own. A hash tells that a file is as it was published, not that it was sound.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from model.metadata import BundleError

__all__ = ["check_graph"]

OPERATORS = frozenset(
    (
        *("Abs", "Add", "Cast", "Concat", "GatherElements", "IsNaN", "Mul", "Sigmoid", "Slice"),
        *("TopK", "TreeEnsembleRegressor", "Where"),
    )
)
"""Those of a model of ``leadscore train``; none of them runs another graph."""

TREES = b"TreeEnsembleRegressor"
LEAF = b"LEAF"

ADVICE = "train the model with `leadscore train`, and publish it again"


def check_graph(content: bytes) -> None:
    """Refuse a graph that may never come to an end.

    Parameters
    ----------
    content
        The bytes of ``model.onnx``.

    Raises
    ------
    BundleError
        It has other operators than LeadScore's models have, or trees that are none.
    """
    try:
        model = _message("Model").FromString(content)
    except DecodeError as error:
        raise BundleError(
            f"model.onnx should be an ONNX file, it is none ({error}): copy the bundle again, or "
            "publish the model again."
        ) from None
    found = {node.operator.decode("utf-8", "backslashreplace") for node in model.graph.nodes}
    if model.functions or not found <= OPERATORS:
        others = sorted(found - OPERATORS) or ["functions of its own"]
        raise BundleError(
            f"model.onnx should have no other operators than {', '.join(sorted(OPERATORS))}; it "
            f"has {', '.join(others)}: {ADVICE}."
        )
    for node in model.graph.nodes:
        if node.operator == TREES:
            _check_trees({attribute.name: attribute for attribute in node.attributes})


def _check_trees(attributes: dict[bytes, Any]) -> None:
    """Look whether each node but the first of its tree hangs on one other, and the first on none.

    Then a way down from the first meets no node twice.
    """
    names = (b"treeids", b"nodeids", b"truenodeids", b"falsenodeids")
    try:
        trees, nodes, true, false = (
            np.array(attributes[b"nodes_" + name].integers, np.int64) for name in names
        )
        branches = np.array([mode != LEAF for mode in attributes[b"nodes_modes"].texts], bool)
        ids = np.column_stack((trees, nodes))
        down = np.vstack([np.column_stack((trees[branches], to[branches])) for to in (true, false)])
    except (KeyError, ValueError, IndexError) as error:
        raise BundleError(
            f"The trees of model.onnx are incomplete ({error!r}): {ADVICE}."
        ) from None
    _, first = np.unique(trees, return_index=True)
    below = np.delete(ids, first, axis=0)
    is_distinct = len(np.unique(ids, axis=0)) == len(ids)
    if not is_distinct or not np.array_equal(_sorted(down), _sorted(below)):
        raise BundleError(
            "The trees of model.onnx should branch from their first node on, each node under one "
            f"other; some lead elsewhere, or back: {ADVICE}."
        )


def _sorted(pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    return pairs[np.lexsort(pairs.T)]


# Of ONNX's format (onnx.proto), what is looked at: by message, the fields' names, numbers, types.
# Texts are taken as bytes: in a damaged file they may be no UTF-8.
# The package onnx is not there where models only serve.
_Field = descriptor_pb2.FieldDescriptorProto
FORMAT = {
    "Model": (("graph", 7, "Graph"), ("functions", 25, _Field.TYPE_BYTES)),
    "Graph": (("nodes", 1, "Node"),),
    "Node": (("operator", 4, _Field.TYPE_BYTES), ("attributes", 5, "Attribute")),
    "Attribute": (
        *(("name", 1, _Field.TYPE_BYTES), ("integers", 8, _Field.TYPE_INT64)),
        ("texts", 9, _Field.TYPE_BYTES),
    ),
}
REPEATED = {"functions", "nodes", "attributes", "integers", "texts"}


@cache
def _message(name: str) -> Any:
    """Make the class that reads a message."""
    package = "leadscore.model"
    file = descriptor_pb2.FileDescriptorProto(
        name="leadscore/model.proto", package=package, syntax="proto2"
    )
    for message, fields in FORMAT.items():
        declared = file.message_type.add(name=message)
        for field, number, kind in fields:
            declared.field.add(
                name=field,
                number=number,
                label=_Field.LABEL_REPEATED if field in REPEATED else _Field.LABEL_OPTIONAL,
                type=_Field.TYPE_MESSAGE if isinstance(kind, str) else kind,
                type_name=f".{package}.{kind}" if isinstance(kind, str) else None,
            )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}"))
