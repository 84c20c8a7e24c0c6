"""Generated code that walks over Avro values, run on bytes that fastavro wrote."""

from __future__ import annotations

import io
from typing import Any

import fastavro
import pytest

from schemas.avro_code import AvroCode, Block

POINT = {"type": "record", "name": "Point", "fields": [{"name": "x", "type": "double"}]}
COLOUR = {"type": "enum", "name": "Colour", "symbols": ["red", "blue"]}


def written(avro_type: Any, value: Any) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(avro_type), value)
    return out.getvalue()


def position_after(avro_type: Any, data: bytes) -> int:
    """Return where the code that skips a type ends."""
    code, body = AvroCode({}), Block(1)
    code.skip(body, avro_type)
    names = dict(code.constants)
    exec("\n".join(["def skip(b, p=0):", *body.lines, "    return p"]), names)
    skipped: int = names["skip"](data)
    return skipped


@pytest.mark.parametrize(
    ("avro_type", "value"),
    [
        ("null", None),
        ("boolean", True),
        ("int", -1),
        ("long", 2**40),
        ("float", 0.5),
        ("double", 0.5),
        ("string", "é"),
        ("bytes", b"\xff\x00"),
        ({"type": "fixed", "name": "Key", "size": 3}, b"abc"),
        (COLOUR, "blue"),
        (["null", "string"], None),
        (["null", "string"], "x"),
        (POINT, {"x": 1.5}),
        ({"type": "array", "items": "long"}, [1, 300, -7]),
        ({"type": "array", "items": "long"}, []),
        ({"type": "map", "values": ["null", POINT]}, {"a": None, "b": {"x": 2.0}}),
    ],
    ids=str,
)
def test_a_skipped_value_ends_where_the_next_one_begins(avro_type: Any, value: Any) -> None:
    data = written(avro_type, value)
    assert position_after(avro_type, data + b"next") == len(data)


@pytest.mark.parametrize(
    ("avro_type", "data"),
    [
        ("boolean", b"\x02"),
        (COLOUR, b"\x04"),
        (COLOUR, b"\x01"),
        (["null", "string"], b"\x04"),
        ("string", b"\x02\xff"),
        ("string", b"\x01"),
        ("long", b"\xff" * 10 + b"\x01"),
        ({"type": "array", "items": "null"}, b"\x04"),
    ],
    ids=str,
)
def test_bytes_that_are_no_value_of_the_type_are_refused(avro_type: Any, data: bytes) -> None:
    with pytest.raises((ValueError, IndexError)):
        position_after(avro_type, data)


def test_a_type_that_was_defined_is_known_by_its_name() -> None:
    code = AvroCode({})
    assert code.resolved(COLOUR) == COLOUR
    assert code.resolved("Colour") == COLOUR


def test_an_object_has_a_name_of_its_own_beside_the_given_ones() -> None:
    code = AvroCode({"explain": repr})
    names = {code.constant(len), code.constant(str)}
    assert len(names) == 2
    assert {code.constants[name] for name in names} == {len, str}
    assert code.constants["explain"] is repr


def test_an_inner_block_is_indented_below_its_outer_block() -> None:
    block = Block(1)
    block.add("if n:")
    block.inner().add("n = 0")
    block.add("p += 1")
    assert block.lines == ["    if n:", "        n = 0", "    p += 1"]
