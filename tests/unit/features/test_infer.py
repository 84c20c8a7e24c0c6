"""Which columns of a table are features: the kinds, the dropped columns and the remarks."""

from __future__ import annotations

import numpy as np
import pytest

from features.infer import (
    Inferred,
    infer_fields,
    with_creation,
    with_settled_readings,
    without_levels_of_few,
)
from features.table import Table
from features.table_file import parse_table
from schemas.errors import InputError
from schemas.fields import FieldKind
from schemas.number_reading import NumberReading
from schemas.time_reading import TimeReading

ROWS = 40


def table(**columns: list[str]) -> Table:
    lines = [";".join(columns), *map(";".join, zip(*columns.values(), strict=True))]
    return parse_table("\n".join(lines).encode(), "leads.csv")


def infer(**columns: list[str]) -> Inferred:
    filler = {"filler": [str(i % 5) for i in range(ROWS)]}
    return infer_fields(table(**filler, **columns), reserved={})


def cycle(*values: str) -> list[str]:
    return [values[i % len(values)] for i in range(ROWS)]


def test_each_column_has_the_kind_that_its_values_have() -> None:
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


def test_a_dropped_column_has_a_reason_and_one_of_ids_is_an_identifier() -> None:
    scattered = [str(i * i * 7919 % 100_003) for i in range(1, ROWS + 1)]
    inferred = infer(customerId=scattered, empty=cycle(""), same=cycle("a", " A "))
    assert set(inferred.dropped) == {"customerId", "empty", "same"}
    assert inferred.dropped["empty"] == "no values"
    assert inferred.identifiers == ("customerId",)
    assert set(inferred.kinds) == {"filler"}


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        (cycle("soon", "later"), "its values are no times"),
        (cycle("1", "2.5"), "its values are no times"),
        (cycle(""), "no values"),
        (cycle("2024-05-31"), "the same value in every row"),
        (["2024-05-31", *[""] * (ROWS - 1)], "almost empty: 1 of 40 rows have a value"),
    ],
)
def test_a_time_of_creation_that_is_unfit_has_a_reason(cells: list[str], why: str) -> None:
    data = table(created_at=cells, x=cycle("1", "2"))
    found = infer_fields(data, reserved={"created_at": "part of every lead, no feature"})
    found = with_creation(found, data)
    assert list(found.kinds) == ["x"]
    assert found.dropped == {"created_at": why}


def test_a_number_that_grows_with_a_time_is_an_identifier() -> None:
    rows = [i * 101 % 300 for i in range(300)]
    data = table(
        when=[f"2024-{1 + i // 28:02}-{1 + i % 28:02}" for i in rows],
        x=[str(1000 + 17 * i + i * 7919 % 23) for i in rows],
        y=[str(i * 7919 % 100_003) for i in rows],
    )
    for reserved in ({}, {"when": "the time (--time)"}):
        inferred = infer_fields(data, reserved=reserved)
        assert "it grows with when" in inferred.dropped["x"]
        assert "y" in inferred.kinds


def test_readings_words_and_misfits_are_kept() -> None:
    n = ROWS * 5
    data = table(
        price=["1.250,50", *["12"] * (n - 2), "?"],
        day=["31/5/2024", "1/2/2023"] * (n // 2),
        size=["abc", *map(str, range(n - 1))],
    )
    inferred = infer_fields(data, reserved={})
    assert inferred.readings["price"] == NumberReading(decimal=",", grouping=".")
    span = {"earliest": 1_675_209_600_000.0, "latest": 1_717_113_600_000.0}
    assert inferred.readings["day"] == TimeReading(first="day", **span)
    assert inferred.words == {"price": {"?": 1}}
    assert inferred.misfits == {}  # size was dropped: it counts up
    assert "a point between thousands" in inferred.remarks["price"]


def test_an_ambiguous_column_is_decided_by_the_others() -> None:
    data = table(
        a=cycle("1.250", "2.500"),
        b=cycle("0.5", "7"),
        c=cycle("5/6/2024", "1/2/2024"),
        d=cycle("31/1/2024", "1/1/2024"),
    )
    inferred = infer_fields(with_settled_readings(data, reserved=()), reserved={})
    a, c = inferred.readings["a"], inferred.readings["c"]
    assert isinstance(a, NumberReading)
    assert a.decimal == "."  # although a file with semicolons has mostly decimal commas
    assert isinstance(c, TimeReading)
    assert c.first == "day"
    assert "leave open" in inferred.remarks["a"]
    assert "leave open" in inferred.remarks["c"]


def test_cells_that_do_not_fit_a_given_kind_are_counted() -> None:
    data = table(x=cycle(*map(str, range(9)), "tall"), y=cycle("1", "2"))
    given = infer_fields(data, reserved={"y": "the target"}, given={"x": FieldKind.NUMBER})
    assert given.kinds == {"x": FieldKind.NUMBER}
    assert given.misfits == {"x": 4}


def test_a_text_is_kept_as_it_is_and_a_reserved_column_is_dropped() -> None:
    data = table(
        summary=[f"text number {i}" for i in range(ROWS)], t=cycle("1", "2"), a=cycle("1", "2")
    )
    inferred = infer_fields(data, reserved={"t": "the target"}, text={"summary"})
    assert inferred.kinds == {"summary": FieldKind.TEXT, "a": FieldKind.NUMBER}
    assert inferred.dropped == {"t": "the target"}


def test_only_the_columns_of_a_contract_are_features_with_its_kinds() -> None:
    data = table(a=cycle("1", "2"), b=cycle("1", "2"), c=cycle("1", "2"))
    contract = {"a": FieldKind.CATEGORY, "b": FieldKind.NUMBER, "absent": FieldKind.NUMBER}
    inferred = infer_fields(data, reserved={}, contract=contract)
    assert inferred.kinds == {"a": FieldKind.CATEGORY, "b": FieldKind.NUMBER}
    assert inferred.dropped == {"c": "not in the contract"}
    with pytest.raises(InputError, match="the contract says that it is a number"):
        infer_fields(data, reserved={}, text={"b"}, contract=contract)


def test_a_table_without_any_feature_is_refused_with_the_reasons() -> None:
    with pytest.raises(InputError, match=r"no column left.*a: no values"):
        infer_fields(table(a=cycle(""), b=cycle("1")), reserved={})


def test_a_level_of_one_lead_with_many_rows_is_withheld() -> None:
    contact = [f"Jane Doe {i // 8}" for i in range(ROWS)]
    mixed = ["web"] * (ROWS - 8) + ["Jane Doe told me"] * 8
    data = table(contact=contact, source=mixed, filler=cycle("1.5", "2", "3"))
    by_rows = infer_fields(data, reserved={})
    assert by_rows.kinds.keys() == {"contact", "source", "filler"}
    assert without_levels_of_few(by_rows, data, None) == by_rows

    leads = np.arange(ROWS) // 4  # "web" has eight of them, all others have two
    found = without_levels_of_few(by_rows, data, leads)
    assert found.withheld == {"source": frozenset({"jane doe told me"})}
    assert "rows of different leads" in found.dropped["contact"]
    assert found.identifiers == ("contact",)
    assert found.kinds.keys() == {"source", "filler"}


@pytest.mark.parametrize("word", ["#N/A", "unknown"])
def test_words_that_mean_missing_are_no_level_that_is_left(word: str) -> None:
    names = [word] * 20 + [f"Jane Doe {i // 2}" for i in range(20)]
    data = table(x=names, filler=cycle("1", "2", "3")).with_hints(missing=["unknown"])
    inferred = infer_fields(data, reserved={})
    assert inferred.dropped["x"].startswith("an identifier: none of its values is in as many as 5")
