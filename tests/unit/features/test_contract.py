"""Contracts: derived from columns, and held against a table."""

from __future__ import annotations

from typing import Any

import pytest

from features.contract import conform, contract_kinds, derive_contract, is_boolean
from features.table import Table
from features.table_file import parse_table
from schemas.errors import InputError
from schemas.fields import FieldKind
from schemas.store import parse_schema

LOGICAL = {"type": "long", "logicalType": "timestamp-millis"}


def contract(**types: Any) -> dict[str, Any]:
    fields = [
        {"name": "lead_id", "type": "string"},
        {"name": "created_at", "type": LOGICAL},
        *({"name": name, "type": avro} for name, avro in types.items()),
    ]
    return {"type": "record", "name": "lead", "fields": fields}


def table(*rows: str) -> Table:
    return parse_table("\n".join(rows).encode(), "leads.csv")


def test_each_type_of_a_contract_has_its_kind() -> None:
    kinds = contract_kinds(
        contract(
            n=["null", "double"],
            i="int",
            s=["null", "string"],
            b="boolean",
            e={"type": "enum", "name": "e", "symbols": ["A"]},
            t=["null", LOGICAL],
            list={"type": "array", "items": "string"},
            either=["null", "string", "long"],
            raw="bytes",
        )
    )
    assert kinds == {
        "n": FieldKind.NUMBER,
        "i": FieldKind.NUMBER,
        "s": FieldKind.CATEGORY,
        "b": FieldKind.CATEGORY,
        "e": FieldKind.CATEGORY,
        "t": FieldKind.DATE,
    }


def test_booleans_are_written_as_events_have_them() -> None:
    data = conform(table("b;x", "Yes;1", "0;1", "TRUE;1", ";1"), contract(b="boolean"))
    assert data.columns["b"].strings() == ["true", "false", "true", None]


@pytest.mark.parametrize(
    ("avro", "cell", "says"),
    [
        ("boolean", "maybe", "expects true or false"),
        ("int", "1.5", r"expects a whole number \(int\)"),
        (["null", "double"], "x", "expected a number"),
        (LOGICAL, "soon", "expected a time"),
        ({"type": "enum", "name": "e", "symbols": ["A", "B"]}, "C", "expects one of A, B"),
    ],
)
def test_cells_that_do_not_fit_the_contract_are_refused_with_their_place(
    avro: Any, cell: str, says: str
) -> None:
    with pytest.raises(InputError, match=f"column 'a', row 2: .*{says}"):
        conform(table("a;x", ";1", f"{cell};1"), contract(a=avro))


def test_columns_outside_of_the_contract_stay_as_they_are() -> None:
    data = table("a;x", "z;1", "y;1")
    assert conform(data, contract(b="int")).columns["a"] == data.columns["a"]


def test_skipped_columns_may_hold_anything() -> None:
    data = table("a;x", "z;1", "y;1")
    assert conform(data, contract(a="int"), skip={"a"}).columns["a"] == data.columns["a"]


def test_a_derived_contract_is_one_of_leads() -> None:
    kinds = {
        "n": FieldKind.NUMBER,
        "c": FieldKind.CATEGORY,
        "b": FieldKind.CATEGORY,
        "t": FieldKind.TEXT,
        "d": FieldKind.DATE,
    }
    derived = derive_contract("my-model.2", kinds, {"b"})
    parse_schema(derived).require_lead()
    assert derived["name"] == "my_model_2_lead"
    assert contract_kinds(derived) == {**kinds, "t": FieldKind.CATEGORY}
    assert {"name": "b", "type": ["null", "boolean"], "default": None} in derived["fields"]


def test_is_boolean() -> None:
    data = table("a;b;c", "TRUE;1;", "false;0;", ";1;")
    assert [is_boolean(data, name) for name in data.names] == [True, False, False]
