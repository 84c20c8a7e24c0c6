"""How columns write numbers: decided over all values at once."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from features.number_decision import NumberDecision, decide_numbers, number_share
from features.written_cells import SAMPLE, Hints
from schemas.number_reading import NumberReading, read_number

NO_HINTS = Hints()
BELOW = [str(i) for i in range(100, 999, 9)]


def numbers(cells: list[str], hints: Hints = NO_HINTS, **options: Any) -> NumberDecision:
    decision = decide_numbers(Counter(cells), hints, **options)  # type: ignore[arg-type]
    assert decision is not None
    return decision


def marks(cells: list[str], hints: Hints = NO_HINTS) -> tuple[str, str, bool]:
    decision = numbers(cells, hints)
    return decision.reading.decimal, decision.reading.grouping, decision.is_open


@pytest.mark.parametrize(
    ("cells", "decimal", "grouping"),
    [
        (["1,250.50", "12"], ".", ","),
        (["1.250,50", "12"], ",", "."),
        (["1.250.000", "12"], ",", "."),
        (["1,250,000", "12"], ".", ","),
        (["1 250,5", "12"], ",", " "),
        (["1'250", "12"], ".", "'"),
        (["1.5", "2.25", "1250"], ".", ""),
        (["1,5", "2,25", "1250"], ",", ""),
        ([*BELOW, "1.250", "2.500", "12.500"], ",", "."),
        ([*BELOW, "1,250", "2,500", "12,500"], ".", ","),
        (["1.250", "2.500", "12.500", "2500", "1800"], ".", ""),
        (["0.125", "0.250", "0.375"], ".", ""),
    ],
)
def test_evidence_decides_the_separators(cells: list[str], decimal: str, grouping: str) -> None:
    assert marks(cells) == (decimal, grouping, False)


@pytest.mark.parametrize(
    ("hints", "expected"),
    [
        (Hints(decimal="."), (".", "", True)),
        (Hints(decimal=","), (",", ".", True)),
        (Hints(decimal=",", is_decimal_given=True), (",", ".", False)),
        (Hints(decimal=".", is_decimal_given=True), (".", "", False)),
    ],
)
def test_an_ambiguous_column_is_decided_by_the_file_and_reported(
    hints: Hints, expected: tuple[str, str, bool]
) -> None:
    assert marks(["1.250", "2.500"], hints) == expected


def test_one_slip_does_not_turn_thousands_into_decimals() -> None:
    cells = [*BELOW, *(f"{i}.{i + 100}" for i in range(1, 300)), "12.5"]
    decision = numbers(cells)
    assert decision.reading.grouping == "."
    assert decision.misfits == {"12.5": 1}


def test_a_few_decimals_among_whole_numbers_are_no_thousands() -> None:
    assert marks([*BELOW, "2.5", "3.5", "4.25"]) == (".", "", False)


def test_a_sorted_file_is_judged_by_all_of_it() -> None:
    cells = [str(i) for i in range(1, SAMPLE)] + [f"{i},000" for i in range(1, 999)]
    decision = numbers([cell for cell in cells if len(cell) < 4] + cells[SAMPLE:])
    assert decision.reading.grouping == ","


def test_words_are_missing_and_one_slip_is_a_misfit() -> None:
    decision = numbers([*BELOW, "N/A", "?", "n.a.", "abc"])
    assert dict(decision.words) == {"N/A": 1, "?": 1, "n.a.": 1}
    assert dict(decision.misfits) == {"abc": 1}
    assert decide_numbers(Counter([*BELOW, *"abcdefg"])) is None
    assert numbers([*BELOW, *"abcdefg"], tolerated=1.0).misfits.keys() == {*"abcdefg"}


def test_a_word_that_somebody_names_is_missing_and_stays_so() -> None:
    decision = numbers([*BELOW, *["Not asked"] * 50], missing={"not asked"})
    assert decision.words == {"Not asked": 50}
    assert read_number("NOT ASKED", decision.reading) != read_number("1", decision.reading)
    assert read_number("NOT ASKED", decision.reading) is not None


@pytest.mark.parametrize(
    "cells",
    [
        ["01067", "10115"] * 50,
        ["+49 30 901820", "5"] * 50,
        ["a", "b", "1"] * 50,
        ["12 kg", "13 kg"],
    ],
)
def test_other_cells_are_no_column_of_numbers(cells: list[str]) -> None:
    assert decide_numbers(Counter(cells)) is None


def test_a_models_reading_holds_where_the_cells_do_not_show_another() -> None:
    german, plain = NumberReading(decimal=",", grouping="."), NumberReading()
    assert numbers(["1.250"], known=german).reading.grouping == "."
    assert numbers(["1.250", "5", "1.750", "2.250"], known=plain).reading == plain
    assert numbers(["1250.5", "12.25"], known=german).reading.decimal == "."
    assumed = NumberReading(assumed=True)
    assert numbers([*BELOW, "1.250", "2.500", "12.500"], known=assumed).reading.grouping == "."
    assert numbers(["7", "8"], known=assumed).reading == assumed


def test_1_and_0_are_yes_and_no() -> None:
    assert numbers(["1", "0", "1", ""]).reading.truth
    assert not numbers(["1", "0", "2"]).reading.truth
    assert numbers(["Yes", "No"], known=NumberReading(truth=True)).misfits == {}


def test_the_share_of_numbers_leaves_out_what_means_missing() -> None:
    assert number_share(Counter([*["1"] * 9, "x", "n/a"])) == 0.9
    assert number_share(Counter(["n/a"])) == 0.0


def test_letters_that_multiply_are_read_where_the_column_has_them() -> None:
    cells = [*(str(n) for n in range(100, 160)), *(f"{n}.5k" for n in range(1, 40)), "1.2M"]
    decision = numbers(cells)
    assert decision.reading.scaled
    assert read_number("1.2M", decision.reading) == 1_200_000
    assert not numbers([*BELOW, "12.5"]).reading.scaled


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (["$1,250", "€1,250", "£950"], "several currencies"),
        (["USD 5", "EUR 7"], "several currencies (usd, eur)"),
        (["12 %", "0.12"], "1 of its values have a percent sign and 1 do not"),
        (["12 %", "5%"], "leads must not have 0.12 for it"),
        (["2024.05", "2024.06", "2023.12"], "may be months"),
        (["10.2024", "11.2024", "12.2023"], "may be months"),
    ],
)
def test_mixed_currencies_and_percent_signs_are_reported(cells: list[str], words: str) -> None:
    assert words in (numbers(cells).mixed or "")


def test_numbers_of_one_currency_are_not_mixed() -> None:
    assert numbers(["$1,250", "$950", "-$3"]).mixed is None
