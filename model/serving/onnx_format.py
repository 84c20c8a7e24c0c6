"""The messages of ONNX's file format (onnx.proto) that LeadScore's models are made of.

The package onnx is not used: it is not installed where models only serve. Strings are declared as
bytes, as they may not be UTF-8 in a damaged file. A field that is not declared here stays in the
message as an unknown field, and is serialised with it.
"""

from __future__ import annotations

from enum import IntEnum
from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

__all__ = ["AttributeType", "ElementType", "message"]


class ElementType(IntEnum):
    """Types of a tensor's elements, as in TensorProto.DataType."""

    FLOAT = 1
    INT64 = 7
    DOUBLE = 11


class AttributeType(IntEnum):
    """Types of an operator's attribute, as in AttributeProto.AttributeType."""

    INT = 2
    STRING = 3
    FLOATS = 6
    INTS = 7
    STRINGS = 8


_PACKAGE = "leadscore.onnx"
_Field = descriptor_pb2.FieldDescriptorProto
_BYTES, _INT = _Field.TYPE_BYTES, _Field.TYPE_INT64
_ENUM = _Field.TYPE_INT32
_MESSAGES = {
    "Model": (
        *(("ir_version", 1, _INT), ("producer_name", 2, _BYTES), ("graph", 7, "Graph")),
        *(("opset_import", 8, "OperatorSet"), ("metadata_props", 14, "Entry")),
    ),
    "OperatorSet": (("domain", 1, _BYTES), ("version", 2, _INT)),
    "Entry": (("key", 1, _BYTES), ("value", 2, _BYTES)),
    "Graph": (
        *(("node", 1, "Node"), ("name", 2, _BYTES), ("initializer", 5, "Tensor")),
        *(("input", 11, "Value"), ("output", 12, "Value")),
    ),
    "Node": (
        *(("input", 1, _BYTES), ("output", 2, _BYTES), ("op_type", 4, _BYTES)),
        *(("attribute", 5, "Attribute"), ("domain", 7, _BYTES)),
    ),
    "Attribute": (
        *(("name", 1, _BYTES), ("i", 3, _INT), ("s", 4, _BYTES)),
        *(("floats", 7, _Field.TYPE_FLOAT), ("ints", 8, _INT), ("strings", 9, _BYTES)),
        ("type", 20, _ENUM),
    ),
    "Tensor": (
        ("dims", 1, _INT),
        ("data_type", 2, _ENUM),
        ("name", 8, _BYTES),
        ("raw_data", 9, _BYTES),
    ),
    "Value": (("name", 1, _BYTES), ("type", 2, "Type")),
    "Type": (("tensor_type", 1, "TensorType"),),
    "TensorType": (("elem_type", 1, _ENUM), ("shape", 2, "Shape")),
    "Shape": (("dim", 1, "Dimension"),),
    "Dimension": (("dim_value", 1, _INT), ("dim_param", 2, _BYTES)),
}
_REPEATED = {
    *("Model.opset_import", "Model.metadata_props", "Graph.node", "Graph.initializer"),
    *("Graph.input", "Graph.output", "Node.input", "Node.output", "Node.attribute"),
    *("Attribute.floats", "Attribute.ints", "Attribute.strings", "Tensor.dims", "Shape.dim"),
}


@cache
def message(name: str) -> Any:
    """Return the class of an ONNX message."""
    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(f"{_PACKAGE}.{name}"))


@cache
def _pool() -> Any:
    file = descriptor_pb2.FileDescriptorProto(
        name="leadscore/onnx.proto", package=_PACKAGE, syntax="proto2"
    )
    for declared, fields in _MESSAGES.items():
        described = file.message_type.add(name=declared)
        for field, number, kind in fields:
            is_repeated = f"{declared}.{field}" in _REPEATED
            described.field.add(
                name=field,
                number=number,
                label=_Field.LABEL_REPEATED if is_repeated else _Field.LABEL_OPTIONAL,
                type=_Field.TYPE_MESSAGE if isinstance(kind, str) else kind,
                type_name=f".{_PACKAGE}.{kind}" if isinstance(kind, str) else None,
            )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool
