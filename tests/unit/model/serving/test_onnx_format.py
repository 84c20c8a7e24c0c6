"""ONNX's messages, declared without the package onnx."""

from __future__ import annotations

import onnx
import pytest

from model.serving.ensemble import TREE_ATTRIBUTES
from model.serving.onnx_format import AttributeType, ElementType, message
from tests.unit.small_booster import Trained


def test_the_check_and_onnx_agree_on_what_is_in_a_file(trained: Trained) -> None:
    """No field of ONNX's own format is left unread: none stays behind as unknown."""
    model = message("Model").FromString(trained.onnx)
    assert model.SerializeToString(deterministic=True) == trained.onnx
    with_tree_names = {a.name for a in onnx.load_from_string(trained.onnx).graph.node[3].attribute}
    assert with_tree_names == {*TREE_ATTRIBUTES, "n_targets", "post_transform"} - {
        "nodes_missing_value_tracks_true"
    }


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("Model", onnx.ModelProto),
        ("Graph", onnx.GraphProto),
        ("Node", onnx.NodeProto),
        ("Attribute", onnx.AttributeProto),
        ("Tensor", onnx.TensorProto),
    ],
)
def test_fields_have_the_numbers_and_names_of_onnx(name: str, theirs: type) -> None:
    known = {field.number: field.name for field in theirs.DESCRIPTOR.fields}  # type: ignore[attr-defined]
    declared = {field.number: field.name for field in message(name).DESCRIPTOR.fields}
    assert declared
    assert declared.items() <= known.items()


def test_types_have_the_numbers_of_onnx() -> None:
    for element in ElementType:
        assert onnx.TensorProto.DataType.Value(element.name) == element
    for attribute in AttributeType:
        assert onnx.AttributeProto.AttributeType.Value(attribute.name) == attribute


def test_a_field_that_is_not_declared_stays_in_the_message() -> None:
    theirs = onnx.ModelProto(ir_version=8, doc_string="not declared here").SerializeToString()
    assert message("Model").FromString(theirs).SerializeToString() == theirs
