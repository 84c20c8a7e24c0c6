"""What each column is taken for, and which are dropped and why."""

from __future__ import annotations

import pytest

from features.infer import Inferred, infer_fields, name_words
from features.table import Table, parse_table
from schemas.errors import InputError
from schemas.fields import FieldKind

ROWS = 40


def table(**columns: list[str]) -> Table:
    lines = [";".join(columns), *map(";".join, zip(*columns.values(), strict=True))]
    return parse_table("\n".join(lines).encode(), "leads.csv")


def infer(**columns: list[str]) -> Inferred:
    filler = {"filler": [str(i % 5) for i in range(ROWS)]}
    return infer_fields(table(**filler, **columns), reserved={})


def cycle(*values: str) -> list[str]:
    return [values[i % len(values)] for i in range(ROWS)]


def test_kinds():
    inferred = infer(
        n=cycle("1", "2.5", ""),
        c=cycle("a", "b", "1"),
        d=cycle("2024-05-31", "2024-06-01T10:00:00Z", ""),
        postal=cycle("01067", "10115"),
        yes=cycle("yes", "no"),
    )
    assert inferred.kinds == {
        "filler": FieldKind.NUMBER,
        "n": FieldKind.NUMBER,
        "c": FieldKind.CATEGORY,
        "d": FieldKind.DATE,
        "postal": FieldKind.CATEGORY,
        "yes": FieldKind.CATEGORY,
    }
    assert inferred.dropped == {}


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (cycle(""), "no values"),
        (cycle("n/a", "null", ""), "no values"),
        (cycle("a", " A "), "same value"),
        (cycle("7", "7.0"), "same value"),
        ([f"K-{i * 7919 % 1000}" for i in range(ROWS)], "an identifier"),
        ([str(100 + 3 * i) for i in range(ROWS)], "an identifier"),
        ([str(i * 17 % ROWS) for i in range(ROWS)], "an identifier"),
    ],
)
def test_dropped(cells: list[str], reason: str):
    inferred = infer(x=cells)
    assert reason in inferred.dropped["x"]
    assert inferred.identifiers == (("x",) if "identifier" in reason else ())
    assert "x" not in inferred.kinds


def test_kept():
    scattered = [str(i * i * 7919 % 100_003) for i in range(1, ROWS + 1)]
    inferred = infer(
        checked=cycle("x", ""),
        income=scattered,
        share=[str(i / 7) for i in range(ROWS)],
        day=[f"2024-01-{i % 28 + 1:02}T{i % 24:02}:00:00Z" for i in range(ROWS)],
    )
    assert set(inferred.kinds) == {"filler", "checked", "income", "share", "day"}


def test_whole_numbers_that_differ_are_an_identifier_by_their_name():
    scattered = [str(i * i * 7919 % 100_003) for i in range(1, ROWS + 1)]
    assert infer(customerId=scattered).identifiers == ("customerId",)


def test_text_and_reserved():
    data = table(
        summary=[f"text number {i}" for i in range(ROWS)], t=cycle("1", "2"), a=cycle("1", "2")
    )
    inferred = infer_fields(data, reserved={"t": "the target"}, text={"summary"})
    assert inferred.kinds == {"summary": FieldKind.TEXT, "a": FieldKind.NUMBER}
    assert inferred.dropped == {"t": "the target"}


def test_a_contract_says_which_and_what():
    data = table(a=cycle("1", "2"), b=cycle("1", "2"), c=cycle("1", "2"))
    contract = {"a": FieldKind.CATEGORY, "b": FieldKind.NUMBER, "absent": FieldKind.NUMBER}
    inferred = infer_fields(data, reserved={}, contract=contract)
    assert inferred.kinds == {"a": FieldKind.CATEGORY, "b": FieldKind.NUMBER}
    assert inferred.dropped == {"c": "not in the contract"}
    with pytest.raises(InputError, match="the contract says that it is a number"):
        infer_fields(data, reserved={}, text={"b"}, contract=contract)


def test_nothing_left():
    with pytest.raises(InputError, match=r"no column left.*a: no values"):
        infer_fields(table(a=cycle(""), b=cycle("1")), reserved={})


def test_words_of_a_name():
    assert name_words("callDuration_sec") == {"call", "duration", "sec"}
    assert name_words("poutcome") == {"poutcome"}
    assert name_words("CRM_ID2") == {"crm", "id"}
