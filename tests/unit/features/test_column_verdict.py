"""The kind of one column by its values, and why a column is no feature."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

from features.column import Column, Numbers
from features.column_verdict import (
    ColumnVerdict,
    columns_of_times,
    judge,
    read_by_values,
    read_column,
    without_persons,
)
from features.table import Table
from features.table_file import parse_table
from schemas.errors import InputError
from schemas.fields import FieldKind
from schemas.number_reading import NumberReading
from schemas.time_reading import TimeReading

ROWS = 40
NUMBER, CATEGORY, DATE, TEXT = FieldKind.NUMBER, FieldKind.CATEGORY, FieldKind.DATE, FieldKind.TEXT
Times = list[tuple[str, NDArray[np.float64]]]


def table(cells: list[str], column: str = "x") -> Table:
    """Return a table with one column, beside one that has a value in every row."""
    lines = [f"{column};filler", *(f"{cell};{i % 5}" for i, cell in enumerate(cells))]
    return parse_table("\n".join(lines).encode(), "leads.csv")


def typed(column: Column) -> Table:
    return Table({"x": column}, {"x": "x"}, rows=ROWS, sha256="0" * 64)


def verdict_on(
    data: Table,
    *,
    said: FieldKind | None = None,
    contract: Mapping[str, FieldKind] | None = None,
    times: Times | None = None,
) -> ColumnVerdict:
    """Return the verdict on the first column of a table, as training finds it."""
    name = data.names[0]
    read = read_column(data, name, contract, {} if said is None else {name: said})
    judged = judge(
        data, name, read, times or [], is_said=said is not None, can_be_said=contract is None
    )
    return without_persons(data, name, judged)


def verdict(cells: list[str], column: str = "x") -> ColumnVerdict:
    return verdict_on(table(cells, column))


def cycle(*values: str) -> list[str]:
    return [values[i % len(values)] for i in range(ROWS)]


SCATTERED = [str(i * i * 7919 % 100_003) for i in range(1, ROWS + 1)]
"""Whole numbers, each different, without an order."""

# The kind


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (cycle("1", "2.5", ""), NUMBER),
        (cycle("a", "b", "1"), CATEGORY),
        (cycle("2024-05-31", "2024-06-01T10:00:00Z", ""), DATE),
        (cycle("01067", "10115"), CATEGORY),
        (cycle("yes", "no"), CATEGORY),
        (cycle("x", ""), CATEGORY),
        (SCATTERED, NUMBER),
        ([str(i / 7) for i in range(ROWS)], NUMBER),
        ([f"2024-01-{i % 28 + 1:02}T{i % 24:02}:00:00Z" for i in range(ROWS)], DATE),
        (cycle("0", "1", "2", "3", "?"), NUMBER),
        (cycle("1", "1.0", "$2", "2"), NUMBER),
    ],
)
def test_the_kind_follows_from_all_values(cells: list[str], kind: FieldKind) -> None:
    found = verdict(cells)
    assert (found.kind, found.unfit) == (kind, None)


def test_a_kind_that_an_option_names_is_not_judged() -> None:
    running = verdict_on(table([str(i) for i in range(ROWS)]), said=NUMBER)
    assert (running.kind, running.unfit, running.is_given) == (NUMBER, None, True)
    assert verdict_on(table(cycle("1", "2")), said=CATEGORY).kind is CATEGORY


def test_an_option_that_no_value_fits_is_refused() -> None:
    with pytest.raises(InputError, match=r"--as x=number: .*no values in it"):
        verdict_on(table(cycle("a", "b")), said=NUMBER)


def test_cells_that_do_not_fit_a_kind_that_an_option_names_are_counted_as_misfits() -> None:
    found = verdict_on(table(cycle(*map(str, range(9)), "tall")), said=NUMBER)
    assert found.decision is not None
    assert found.decision.misfits == {"tall": 4}


def test_the_kind_of_a_contract_counts_and_not_the_values() -> None:
    data = table(cycle("1", "2"))
    assert verdict_on(data, contract={"x": CATEGORY}).kind is CATEGORY
    with pytest.raises(InputError, match="the contract says that it is a number"):
        verdict_on(data, contract={"x": NUMBER}, said=TEXT)


def test_typed_numbers_that_are_seconds_of_a_plausible_time_are_a_date() -> None:
    found = verdict_on(typed(Numbers(np.arange(1.7e9, 1.7e9 + ROWS, dtype=np.float64))))
    assert found.kind is DATE
    assert "seconds since 1970" in (found.remark or "")


@pytest.mark.parametrize("numbers", [np.arange(ROWS) % 7.0, np.arange(ROWS) / 3, -np.arange(ROWS)])
def test_other_typed_numbers_are_numbers(numbers: NDArray[np.float64]) -> None:
    assert read_by_values(typed(Numbers(numbers.astype(np.float64))), "x").kind is NUMBER


def test_a_column_without_a_decision_has_the_usual_reading_of_its_kind() -> None:
    assert ColumnVerdict(NUMBER).reading == NumberReading()
    assert ColumnVerdict(DATE).reading == TimeReading()
    assert ColumnVerdict(CATEGORY).reading is None


# Why a column is no feature


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
def test_a_column_without_information_or_of_ids_is_dropped(cells: list[str], reason: str) -> None:
    found = verdict(cells)
    assert reason in (found.unfit or "")
    assert found.is_identifier is ("identifier" in reason)


def filled(n: int, rows: int = 20_000) -> Table:
    return table(["aaaaab"[i % 6] if i < n else "" for i in range(rows)])


@pytest.mark.parametrize(
    ("n", "rows", "is_used"),
    [
        *((19, 20_000, False), (20, 20_000, True)),
        *((9, 200, False), (10, 200, True), (8, 80, True)),
    ],
)
def test_a_column_with_values_in_less_than_a_thousandth_or_ten_rows_is_almost_empty(
    n: int, rows: int, is_used: bool
) -> None:
    found = verdict_on(filled(n, rows)).unfit
    said = f"almost empty: {n} of {rows:,} rows have a value (--as x=category keeps it)"
    assert found == (None if is_used else said)


def test_an_almost_empty_column_is_kept_where_an_option_names_its_kind() -> None:
    assert verdict_on(filled(5), said=CATEGORY).unfit is None
    by_contract = verdict_on(filled(5), contract={"x": CATEGORY})
    assert by_contract.unfit == "almost empty: 5 of 20,000 rows have a value"  # it excludes --as


def test_words_that_mean_missing_fill_no_column() -> None:
    cells = ["web" if i < 3 else "Select" for i in range(ROWS)]
    assert verdict(cells).unfit is None
    data = table(cells).with_hints(missing=["select"])
    assert "almost empty: 3 of" in (verdict_on(data).unfit or "")


def test_whole_numbers_that_differ_are_an_identifier_by_their_name() -> None:
    assert not verdict(SCATTERED, "income").is_identifier
    assert verdict(SCATTERED, "customerId").is_identifier


@pytest.mark.parametrize("name", ["num_employees", "No of calls"])
def test_a_count_is_no_identifier_by_its_name(name: str) -> None:
    assert verdict(SCATTERED, name).unfit is None


def test_amounts_in_order_are_no_identifier() -> None:
    amounts = sorted({int(1000 * 1.21**i) + i for i in range(ROWS)})
    assert verdict([*map(str, amounts)], "revenue").unfit is None


@pytest.mark.parametrize("column", ["Record ID", "Phone Number"])
def test_one_repeated_row_does_not_make_numbers_of_identifiers(column: str) -> None:
    ids = [str(18_000_000_000 + i * i * 7919 % 100_003) for i in range(1, ROWS)]
    phones = [f"+4930{i * 7919 % 1_000_000:06}" for i in range(1, ROWS)]
    cells = ids if column == "Record ID" else phones
    assert verdict([*cells, cells[0]], column).is_identifier


def test_a_number_that_grows_with_a_time_is_an_identifier() -> None:
    rows = [i * 101 % 300 for i in range(300)]
    when = [f"2024-{1 + i // 28:02}-{1 + i % 28:02}" for i in rows]
    running = [str(1000 + 17 * i + i * 7919 % 23) for i in rows]
    other = [str(i * 7919 % 100_003) for i in rows]
    lines = ["x;y;when", *map(";".join, zip(running, other, when, strict=True))]
    data = parse_table("\n".join(lines).encode(), "leads.csv")
    verdicts = {"when": read_by_values(data, "when")}
    for found in (  # a time that is reserved, and no feature, counts as well
        [*columns_of_times(data, verdicts, ())],
        [*columns_of_times(data, {}, ("when",))],
    ):
        assert [name for name, _ in found] == ["when"]
        assert "it grows with when" in (verdict_on(data, times=found).unfit or "")
        read = read_column(data, "y", None, {})
        assert judge(data, "y", read, found, is_said=False, can_be_said=True).unfit is None


# Whole numbers that name something


def test_numbers_that_the_model_cannot_keep_apart_are_a_category() -> None:
    campaigns = verdict(cycle(*(f"1202103060018001{i:02}" for i in range(5))))
    assert campaigns.kind is CATEGORY
    assert "too long" in (campaigns.remark or "")


def test_a_postal_code_is_a_category_by_its_name() -> None:
    found = verdict(cycle("10115", "11373", "20095"), "zip")
    assert found.kind is CATEGORY
    assert "postal code" in (found.remark or "")


@pytest.mark.parametrize(
    "column", ["Kundennummer", "客户编号", "dealer_code", "Customer No", "customer number"]
)
def test_repeated_whole_numbers_that_name_something_are_a_category(column: str) -> None:
    found = verdict(cycle("40017", "52290", "79780", "61005"), column)
    assert found.kind is CATEGORY
    assert "(--as COLUMN=number if not)" in (found.remark or "")


@pytest.mark.parametrize("column", ["no of calls", "num_employees", "price_index"])
def test_counts_stay_numbers(column: str) -> None:
    assert verdict(cycle("4", "17", "120", "1250"), column).kind is NUMBER


# Remarks


def test_a_column_that_is_almost_numeric_is_a_category_with_a_remark() -> None:
    found = verdict(cycle(*map(str, range(9)), "tall"))
    assert found.kind is CATEGORY
    assert "90.0% of its values are numbers" in (found.remark or "")


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
def test_values_that_resemble_numbers_or_times_are_reported(cells: list[str], words: str) -> None:
    found = verdict(cells)
    assert words in (found.remark or "") + (found.unfit or "")


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
def test_plain_levels_have_no_remark(cells: list[str]) -> None:
    assert verdict(cells).remark is None


def test_the_span_of_times_is_kept_with_their_reading() -> None:
    reading = verdict(cycle("2024-05-31", "1970-01-02")).reading
    assert isinstance(reading, TimeReading)
    assert (reading.earliest, reading.latest) == (86_400_000.0, 1_717_113_600_000.0)


# Levels that may name persons


def test_addresses_among_the_levels_are_withheld_with_a_remark_that_names_none() -> None:
    found = verdict(cycle("web", "fair", "ann@example.com"))
    assert found.unfit is None
    assert found.withheld == {"ann@example.com"}
    assert "look like e-mail addresses" in (found.remark or "")
    assert "ann" not in (found.remark or "")


def test_a_category_of_addresses_alone_is_an_identifier() -> None:
    found = verdict(cycle("ann@example.com", "bob@example.com"))
    assert found.is_identifier
    assert "its values look like e-mail addresses" in (found.unfit or "")
    assert "--group COLUMN" in (found.unfit or "")


def test_levels_are_counted_by_leads_where_a_lead_has_several_rows() -> None:
    data = table(["web"] * (ROWS - 8) + ["Jane Doe told me"] * 8)
    read = read_by_values(data, "x")
    assert without_persons(data, "x", read).withheld == frozenset()
    by_lead = without_persons(data, "x", read, np.arange(ROWS) // 4)
    assert by_lead.withheld == {"jane doe told me"}


def test_numbers_and_columns_that_are_dropped_have_no_levels_to_withhold() -> None:
    data = table(cycle("1", "2"))
    for given in (ColumnVerdict(NUMBER), ColumnVerdict(CATEGORY, unfit="no values")):
        assert without_persons(data, "x", given) is given
