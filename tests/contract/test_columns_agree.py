"""A batch that is read by column is what its records are when read one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.column_reader import column_reader
from schemas.decode import DecodedLeads, LeadDecoder
from schemas.fields import FieldKind
from schemas.formats import avro_leads
from schemas.store import Schema, SchemaStore, parse_schema
from tests.contract.generated import damaged, lead_bytes

pytest.importorskip("schemas._compiled", reason="there was no compiler")

FIELDS = 5
DEEPEST = 2
ENOUGH = 2
"""Records that are read by column in these tests; as shipped it takes more to be worth while."""
KINDS = {
    "boolean": [FieldKind.NUMBER],
    "int": [FieldKind.NUMBER, FieldKind.DATE],
    "long": [FieldKind.NUMBER, FieldKind.DATE],
    "float": [FieldKind.NUMBER],
    "double": [FieldKind.NUMBER],
    "string": [FieldKind.CATEGORY, FieldKind.TEXT],
}
PRIMITIVES = list(KINDS)
LONGEST = 262_144


@pytest.fixture(scope="module", autouse=True)
def few_are_enough() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(avro_leads, "COLUMNS_FROM", ENOUGH)
        yield


@st.composite
def skipped_types(draw: st.DrawFn, names: Iterator[int], depth: int = 0) -> Any:
    """Draw a type that is skipped when records are read by column."""
    shapes = ["array", "record"] if depth < DEEPEST else []
    match draw(st.sampled_from(["primitive", "nullable", *shapes])):
        case "array":
            found = {"type": "array", "items": draw(skipped_types(names, depth + 1))}
            return ["null", found] if draw(st.booleans()) else found
        case "record":
            parts = draw(st.integers(1, 3))
            return {
                "type": "record",
                "name": f"R{next(names)}",
                "fields": [
                    {"name": f"g{i}", "type": draw(skipped_types(names, depth + 1))}
                    for i in range(parts)
                ],
            }
        case "nullable":
            return draw(st.permutations(["null", draw(st.sampled_from(PRIMITIVES))]))
        case _:
            return draw(st.sampled_from(PRIMITIVES))


@st.composite
def plain_schemas(draw: st.DrawFn) -> tuple[Schema, dict[str, FieldKind]]:
    """Draw a schema that is read by column, and some of its fields to read."""
    primitives = draw(st.lists(st.sampled_from(PRIMITIVES), min_size=1, max_size=FIELDS))
    fields: list[dict[str, Any]] = [
        {"name": "lead_id", "type": "string"},
        {"name": "created_at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    ]
    if draw(st.booleans()):
        fields.append({"name": "request_id", "type": ["null", "string"]})
    kinds = {"absent": draw(st.sampled_from(list(FieldKind)))}
    for i, primitive in enumerate(primitives):
        kind_of_type = draw(st.sampled_from([primitive, ["null", primitive], [primitive, "null"]]))
        fields.append({"name": f"f{i}", "type": kind_of_type})
        if draw(st.booleans()):
            kinds[f"f{i}"] = draw(st.sampled_from(KINDS[primitive]))
    names = count()
    skipped = draw(st.integers(0, 2))
    fields += [{"name": f"s{i}", "type": draw(skipped_types(names))} for i in range(skipped)]
    fields = draw(st.permutations(fields))
    return parse_schema({"type": "record", "name": "plain", "fields": fields}), kinds


def facts(leads: DecodedLeads) -> list[Any]:
    """Return each lead's values, with bytes decoded, and the verdicts."""

    def plain(values: Any) -> list[Any]:
        if isinstance(values, np.ndarray):
            return [None if np.isnan(value) else value.hex() for value in values.tolist()]
        return [value.decode() if isinstance(value, bytes) else value for value in values]

    columns = {name: plain(values) for name, values in leads.columns.items()}
    errors = [(i, error.code, str(error)) for i, error in leads.errors]
    return [
        leads.positions,
        leads.lead_ids,
        leads.created_at.tolist(),
        leads.request_ids,
        columns,
        errors,
    ]


def one_by_one(decoder: LeadDecoder, values: Sequence[bytes | None]) -> list[Any]:
    """Decode every value in a batch of its own."""
    facts_of = [facts(decoder.decode([value])) for value in values]  # one is not enough
    joined: list[Any] = [[], [], [], [], {name: [] for name in facts_of[0][4]}, []]
    for i, (positions, *lists, columns, errors) in enumerate(facts_of):
        joined[0] += [i for _ in positions]
        for whole, part in zip(joined[1:4], lists, strict=True):
            whole += part
        for name, found in columns.items():
            joined[4][name] += found
        joined[5] += [(i, code, text) for _, code, text in errors]
    return joined


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_a_batch_by_column_is_its_records_one_by_one(data: st.DataObject) -> None:
    schema, kinds = data.draw(plain_schemas())
    assert column_reader(schema, kinds, LONGEST) is not None
    store = SchemaStore()
    store.add(schema.avro)
    sound = data.draw(st.lists(lead_bytes(schema), min_size=1, max_size=4))
    broken = [data.draw(damaged(value)) for value in sound if data.draw(st.booleans())]
    others = data.draw(st.lists(st.sampled_from([None, b"", b"{}", b"\xc3\x01"]), max_size=3))
    picks = st.lists(st.sampled_from([*sound, *broken, *others]), min_size=ENOUGH, max_size=12)
    # The first record's schema is that of the batch.
    first = sound[:1] if data.draw(st.booleans()) else []
    values = [*first, *data.draw(picks), *sound[:1] * ENOUGH, *broken, *broken[-1:]]
    expected = one_by_one(LeadDecoder(store, kinds), values)
    for keeps_bytes in (False, True):
        decoder = LeadDecoder(store, kinds, keeps_bytes=keeps_bytes)
        assert facts(decoder.decode(values)) == expected


def test_every_cut_and_every_flipped_bit_of_an_array_is_the_same_by_column() -> None:
    store = SchemaStore()
    part = {"name": "what", "type": "string"}, {"name": "much", "type": ["null", "double"]}
    items = {"type": "record", "name": "part", "fields": [*part, {"name": "n", "type": "int"}]}
    schema = store.add(
        {
            "type": "record",
            "name": "deep",
            "fields": [
                {"name": "lead_id", "type": "string"},
                {"name": "parts", "type": ["null", {"type": "array", "items": items}]},
                {
                    "name": "inner",
                    "type": {
                        "type": "record",
                        "name": "inner",
                        "fields": [
                            {"name": "again", "type": "part"},
                            {"name": "flags", "type": {"type": "array", "items": "boolean"}},
                        ],
                    },
                },
                {
                    "name": "created_at",
                    "type": {"type": "long", "logicalType": "timestamp-millis"},
                },
                {"name": "f", "type": "double"},
            ],
        }
    )
    item = b"\x06c\xc3\xa9" + b"\x02" + b"\x00" * 6 + b"\xf0\x3f" + b"\x07"
    blocks = b"\x02\x04" + item + b"\x02z\x00\x08" + b"\x02" + item + b"\x00"
    sized = b"\x02\x01\x1c" + item + b"\x00"  # a negative count, and the size in bytes
    rest = item + b"\x04\x01\x00\x00" + b"\x80\x90\xa0\xb0\x80\x01" + b"\x00" * 6 + b"\xf0\x3f"
    value, other = (schema.header + b"\x04ab" + array + rest for array in (blocks, sized))
    kinds = {"f": FieldKind.NUMBER}
    reader = column_reader(schema, kinds, LONGEST)
    assert reader is not None
    assert reader.read([value]).is_read.all()
    assert LeadDecoder(store, kinds).decode([value, other]).positions == [0, 1]
    cuts = [value[:end] for end in range(len(schema.header), len(value) + 1)]
    flips = [
        value[:at] + bytes([value[at] ^ (1 << bit)]) + value[at + 1 :]
        for at in range(len(schema.header), len(value))
        for bit in range(8)
    ]
    values: list[bytes | None] = [value, other, *cuts, *flips, value + b"\x00", *cuts[::-1]]
    decoder = LeadDecoder(store, kinds, keeps_bytes=True)
    assert facts(decoder.decode(values)) == one_by_one(LeadDecoder(store, kinds), values)


def test_every_cut_and_every_flipped_bit_is_the_same_by_column() -> None:
    fields: list[dict[str, Any]] = [
        {"name": "lead_id", "type": "string"},
        {"name": "created_at", "type": "long"},
        *({"name": f"f_{p}", "type": ["null", p]} for p in PRIMITIVES),
    ]
    store = SchemaStore()
    schema = store.add({"type": "record", "name": "flat", "fields": fields})
    kinds = {f"f_{p}": KINDS[p][0] for p in PRIMITIVES}
    body = (
        b"\x04ab" + b"\x80\x90\xa0\xb0\x80\x01" + b"\x02\x01" + b"\x02\x7f" + b"\x02\xfe\xff\x03"
        b"\x02\x00\x00\x80\x3f" + b"\x02\x00\x00\x00\x00\x00\x00\xf0\x3f" + b"\x02\x06\xc3\xa9z"
    )
    value = schema.header + body
    assert LeadDecoder(store, kinds).decode([value]).positions == [0]
    cuts = [value[:end] for end in range(len(schema.header), len(value) + 1)]
    flips = [
        value[:at] + bytes([value[at] ^ (1 << bit)]) + value[at + 1 :]
        for at in range(len(schema.header), len(value))
        for bit in range(8)
    ]
    longer = [value + tail for tail in (b"\x00", b"\x00" * 20)]
    long = b"\x02\xfe\xff\x03"  # of f_long
    widest = [b"\xff" * 9 + b"\x01", b"\x80" * 9 + b"\x02", b"\x80" * 10 + b"\x00", b"\x80\x00"]
    wide = [value.replace(long, b"\x02" + varint) for varint in widest]
    values: list[bytes | None] = [value, *cuts, *flips, *longer, *wide, *cuts[::-1]]
    decoder = LeadDecoder(store, kinds, keeps_bytes=True)
    assert facts(decoder.decode(values)) == one_by_one(LeadDecoder(store, kinds), values)


def test_other_schemas_are_left_to_the_other_reader() -> None:
    def with_type(avro_type: Any) -> Schema:
        fields = [
            {"name": "lead_id", "type": "string"},
            {"name": "created_at", "type": "long"},
            {"name": "f", "type": avro_type},
        ]
        return parse_schema({"type": "record", "name": "lead", "fields": fields})

    empty: dict[str, Any] = {"type": "record", "name": "empty", "fields": []}
    others: list[Any] = [
        ["null", "string", "long"],
        ["string"],
        "bytes",
        {"type": "map", "values": "string"},
        {"type": "array", "items": "bytes"},
        ["null", empty],
    ]
    for avro_type in others:
        assert column_reader(with_type(avro_type), {}, LONGEST) is None
    for avro_type in ({"type": "array", "items": "string"}, empty):
        assert column_reader(with_type(avro_type), {}, LONGEST) is not None
        for kind in FieldKind:  # a wrong type is an error of the record
            assert column_reader(with_type(avro_type), {"f": kind}, LONGEST) is None
    nanos = with_type({"type": "long", "logicalType": "timestamp-nanos"})
    assert column_reader(nanos, {"f": FieldKind.DATE}, LONGEST) is None
    assert column_reader(nanos, {}, LONGEST) is not None
    assert column_reader(with_type("string"), {"f": FieldKind.NUMBER}, LONGEST) is None
    assert column_reader(with_type("string"), {"f": FieldKind.TEXT}, LONGEST) is not None
