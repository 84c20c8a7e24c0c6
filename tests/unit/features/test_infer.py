"""Inferred kind of each column, and why columns are dropped."""

from __future__ import annotations

import numpy as np
import pytest

from features.column import Numbers
from features.decide import name_words
from features.infer import (
    Inferred,
    infer_fields,
    with_creation,
    with_settled_readings,
    without_levels_of_few,
)
from features.table import Table, parse_table
from schemas.errors import InputError
from schemas.fields import FieldKind
from schemas.readings import NumberReading, TimeReading

ROWS = 40


def table(**columns: list[str]) -> Table:
    lines = [";".join(columns), *map(";".join, zip(*columns.values(), strict=True))]
    return parse_table("\n".join(lines).encode(), "leads.csv")


def infer(**columns: list[str]) -> Inferred:
    filler = {"filler": [str(i % 5) for i in range(ROWS)]}
    return infer_fields(table(**filler, **columns), reserved={})


def cycle(*values: str) -> list[str]:
    return [values[i % len(values)] for i in range(ROWS)]


def test_kinds() -> None:
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
def test_dropped(cells: list[str], reason: str) -> None:
    inferred = infer(x=cells)
    assert reason in inferred.dropped["x"]
    assert inferred.identifiers == (("x",) if "identifier" in reason else ())
    assert "x" not in inferred.kinds


def filled(n: int, rows: int = 20_000) -> Table:
    lines = ["x,filler", *(f"{'aaaaab'[i % 6] if i < n else ''},{i % 5}" for i in range(rows))]
    return parse_table("\n".join(lines).encode(), "leads.csv")


@pytest.mark.parametrize(("n", "rows", "is_used"), [(19, 20_000, False), (20, 20_000, True)])
def test_a_column_with_values_in_few_of_many_rows_is_almost_empty(
    n: int, rows: int, is_used: bool
) -> None:
    inferred = infer_fields(filled(n, rows), reserved={})
    assert ("x" in inferred.kinds) is is_used
    if not is_used:
        said = "almost empty: 19 of 20,000 rows have a value (--as x=category keeps it)"
        assert inferred.dropped == {"x": said}


@pytest.mark.parametrize(
    ("n", "rows", "is_used"), [(9, 200, False), (10, 200, True), (8, 80, True)]
)
def test_a_column_with_fewer_than_ten_values_is_almost_empty(
    n: int, rows: int, is_used: bool
) -> None:
    assert ("x" in infer_fields(filled(n, rows), reserved={}).kinds) is is_used


def test_an_almost_empty_column_is_kept_where_somebody_says_what_it_is() -> None:
    said = {"x": FieldKind.CATEGORY}
    assert "x" in infer_fields(filled(5), reserved={}, given=said).kinds
    contract = dict.fromkeys(("x", "filler"), FieldKind.CATEGORY)
    dropped = infer_fields(filled(5), reserved={}, contract=contract).dropped
    assert dropped == {"x": "almost empty: 5 of 20,000 rows have a value"}  # it excludes --as


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


def test_words_that_mean_missing_fill_no_column() -> None:
    cells = ["web" if i < 3 else "Select" for i in range(ROWS)]
    assert "x" in infer(x=cells).kinds
    data = table(filler=cycle("1", "2"), x=cells).with_hints(missing=["select"])
    assert "almost empty: 3 of" in infer_fields(data, reserved={}).dropped["x"]


def test_kept() -> None:
    scattered = [str(i * i * 7919 % 100_003) for i in range(1, ROWS + 1)]
    inferred = infer(
        checked=cycle("x", ""),
        income=scattered,
        share=[str(i / 7) for i in range(ROWS)],
        day=[f"2024-01-{i % 28 + 1:02}T{i % 24:02}:00:00Z" for i in range(ROWS)],
    )
    assert set(inferred.kinds) == {"filler", "checked", "income", "share", "day"}


def test_whole_numbers_that_differ_are_an_identifier_by_their_name() -> None:
    scattered = [str(i * i * 7919 % 100_003) for i in range(1, ROWS + 1)]
    assert infer(customerId=scattered).identifiers == ("customerId",)


def test_amounts_in_order_are_no_identifier() -> None:
    amounts = sorted({int(1000 * 1.21**i) + i for i in range(ROWS)})
    assert "revenue" in infer(revenue=[*map(str, amounts)]).kinds


@pytest.mark.parametrize("name", ["num_employees", "No of calls"])
def test_a_count_is_no_identifier_by_its_name(name: str) -> None:
    scattered = [str(i * i * 7919 % 100_003) for i in range(1, ROWS + 1)]
    assert len(infer(**{name: scattered}).kinds) == 2


def test_one_repeated_row_does_not_make_numbers_of_identifiers() -> None:
    ids = [str(18_000_000_000 + i * i * 7919 % 100_003) for i in range(1, ROWS)]
    phones = [f"+4930{i * 7919 % 1_000_000:06}" for i in range(1, ROWS)]
    again = infer(**{"Record ID": [*ids, ids[0]], "Phone Number": [*phones, phones[0]]})
    assert set(again.dropped) == {"Record ID", "Phone Number"}


def test_numbers_that_the_model_cannot_keep_apart_are_a_category() -> None:
    campaigns = [f"1202103060018001{i:02}" for i in range(5)]
    inferred = infer(x=cycle(*campaigns), zip=cycle("10115", "11373", "20095"))
    assert inferred.kinds["x"] is inferred.kinds["zip"] is FieldKind.CATEGORY
    assert "too long" in inferred.remarks["x"]
    assert "postal code" in inferred.remarks["zip"]


def test_few_different_numbers_beside_a_word_for_missing_are_numbers() -> None:
    inferred = infer(
        asked=cycle("0", "1", "2", "3", "?"), written=cycle("1", "1.0", "$2", "2"), id=cycle("3")
    )
    assert inferred.kinds["asked"] is FieldKind.NUMBER
    assert inferred.kinds["written"] is FieldKind.NUMBER


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


def test_a_column_that_is_almost_numeric_is_reported() -> None:
    inferred = infer(x=cycle(*map(str, range(9)), "tall"))
    assert inferred.kinds["x"] is FieldKind.CATEGORY
    assert "90.0% of its values are numbers" in inferred.remarks["x"]
    data = table(x=cycle(*map(str, range(9)), "tall"), y=cycle("1", "2"))
    given = infer_fields(data, reserved={"y": "the target"}, given={"x": FieldKind.NUMBER})
    assert given.kinds == {"x": FieldKind.NUMBER}
    assert given.misfits == {"x": 4}


def test_a_given_kind_is_not_judged() -> None:
    data = table(x=[str(i) for i in range(ROWS)], y=cycle("a", "b"))
    given = {"x": FieldKind.NUMBER, "y": FieldKind.CATEGORY}
    assert infer_fields(data, reserved={}, given=given).kinds == given
    with pytest.raises(InputError, match=r"--as y=number: .*no values in it"):
        infer_fields(data, reserved={}, given={"y": FieldKind.NUMBER})


def test_typed_numbers_that_are_times_are_reported() -> None:
    columns = {
        "created": Numbers(np.arange(1.7e9, 1.7e9 + 40, dtype=np.float64)),
        "n": Numbers((np.arange(40) % 7.0).astype(np.float64)),
    }
    data = Table(columns=columns, originals={c: c for c in columns}, rows=40, sha256="0" * 64)
    inferred = infer_fields(data, reserved={})
    assert inferred.kinds == {"created": FieldKind.DATE, "n": FieldKind.NUMBER}
    assert "seconds since 1970" in inferred.remarks["created"]


def test_text_and_reserved() -> None:
    data = table(
        summary=[f"text number {i}" for i in range(ROWS)], t=cycle("1", "2"), a=cycle("1", "2")
    )
    inferred = infer_fields(data, reserved={"t": "the target"}, text={"summary"})
    assert inferred.kinds == {"summary": FieldKind.TEXT, "a": FieldKind.NUMBER}
    assert inferred.dropped == {"t": "the target"}


def test_a_contract_says_which_and_what() -> None:
    data = table(a=cycle("1", "2"), b=cycle("1", "2"), c=cycle("1", "2"))
    contract = {"a": FieldKind.CATEGORY, "b": FieldKind.NUMBER, "absent": FieldKind.NUMBER}
    inferred = infer_fields(data, reserved={}, contract=contract)
    assert inferred.kinds == {"a": FieldKind.CATEGORY, "b": FieldKind.NUMBER}
    assert inferred.dropped == {"c": "not in the contract"}
    with pytest.raises(InputError, match="the contract says that it is a number"):
        infer_fields(data, reserved={}, text={"b"}, contract=contract)


def test_nothing_left() -> None:
    with pytest.raises(InputError, match=r"no column left.*a: no values"):
        infer_fields(table(a=cycle(""), b=cycle("1")), reserved={})


def test_words_of_a_name() -> None:
    assert name_words("callDuration_sec") == {"call", "duration", "sec"}
    assert name_words("poutcome") == {"poutcome"}
    assert name_words("CRM_ID2") == {"crm", "id"}


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


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ([f"{i} km" for i in range(ROWS)], "look like numbers with words ('0 km')"),
        ([f"~{i + 1}" for i in range(ROWS)], "look like numbers with words ('~1')"),
        ([f"2024-{i % 12 + 13}-0{i % 9 + 1}" for i in range(ROWS)], "look like dates in a form"),
        (
            [f"0{i % 9 + 1}0{i % 5 + 1}19{i % 7 + 80}" for i in range(ROWS)],
            "look like dates in a form",
        ),
        (
            cycle("01-Oct", "51-200", "Nov-50"),
            "ranges that a spreadsheet has made dates ('01-Oct')",
        ),
        (cycle("1900-01-01", "2024-05-31", "2024-06-01"), "are 1900-01-01: if that means missing"),
        (cycle("31/12/2566", "30/11/2566"), "of another calendar"),
    ],
)
def test_categories_that_resemble_numbers_or_times_are_reported(
    cells: list[str], words: str
) -> None:
    inferred = infer(x=cells)
    assert words in inferred.remarks.get("x", "") + inferred.dropped.get("x", "")


@pytest.mark.parametrize(
    "cells",
    [
        cycle("web", "fair"),
        cycle("1-10", "11-50", "200+"),
        cycle("36 months", "60 months"),
        cycle("S", "M", "L", "XL"),
        cycle("Store 1", "Store 2"),
        cycle("10115", "01067"),
    ],
)
def test_plain_levels_are_not_remarked_on(cells: list[str]) -> None:
    assert infer(x=cells).remarks.get("x") is None


@pytest.mark.parametrize(
    "column", ["Kundennummer", "客户编号", "dealer_code", "Customer No", "customer number"]
)
def test_repeated_whole_numbers_that_name_something_are_a_category(column: str) -> None:
    inferred = infer(**{column: cycle("40017", "52290", "79780", "61005")})
    assert [str(kind) for kind in inferred.kinds.values()] == ["number", "category"]
    assert "(--as COLUMN=number if not)" in inferred.remarks[column]


@pytest.mark.parametrize("column", ["no of calls", "num_employees", "price_index"])
def test_counts_stay_numbers(column: str) -> None:
    inferred = infer(**{column: cycle("4", "17", "120", "1250")})
    assert [str(kind) for kind in inferred.kinds.values()] == ["number", "number"]
