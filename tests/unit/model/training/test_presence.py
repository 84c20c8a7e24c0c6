"""Columns that are filled in, or left empty, for one outcome only: all found, no false alarms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from model.training.presence import OneOutcome, one_outcome_columns
from model.training.specify import Leads
from schemas.fields import FieldKind

N = 3000


def numbers(filled: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.where(filled, np.arange(len(filled)) % 7, np.nan).astype(np.float64)


def found(columns: dict[str, NDArray[Any]], labels: NDArray[np.bool_]) -> list[OneOutcome]:
    kinds = {
        name: FieldKind.CATEGORY if values.dtype == object else FieldKind.NUMBER
        for name, values in columns.items()
    }
    return one_outcome_columns(Leads.of(kinds, columns, labels))


def some(kind: NDArray[np.bool_], n: int, seed: int = 1) -> NDArray[np.bool_]:
    """Choose ``n`` of the rows of a kind."""
    chosen = np.zeros(len(kind), dtype=bool)
    chosen[np.random.default_rng(seed).permutation(np.flatnonzero(kind))[:n]] = True
    return chosen


LABELS = np.random.default_rng(3).random(N) < 0.3


@pytest.mark.parametrize("rows", [20, 60, 600])
def test_a_column_filled_for_positives_only_is_found(rows: int) -> None:
    (part,) = found({"won_date": numbers(some(LABELS, rows))}, LABELS)
    assert part == OneOutcome("won_date", is_filled=True, is_positive=True, rows=rows)
    assert part.reason == f"it has a value in {rows:,} rows, and all of them are positives"


def test_a_column_filled_for_negatives_only_is_found() -> None:
    (part,) = found({"lost_reason": numbers(some(~LABELS, 100))}, LABELS)
    assert (part.is_filled, part.is_positive) == (True, False)


def test_a_column_empty_for_one_outcome_only_is_found() -> None:
    (part,) = found({"owner": numbers(~some(LABELS, 40))}, LABELS)
    assert (part.is_filled, part.is_positive, part.rows) == (False, True, 40)
    assert part.reason == "it is empty in 40 rows, and all of them are positives"


def test_words_for_no_value_are_no_values() -> None:
    filled = some(LABELS, 50)
    words = np.array(["not applicable", "?", "Select", None, "Unknown"], dtype=object)
    levels = np.where(filled, "gold", words[np.arange(N) % 5])
    (part,) = found({"plan": levels}, LABELS)
    assert (part.is_filled, part.is_positive, part.rows) == (True, True, 50)


def test_a_rare_level_of_one_outcome_is_honest() -> None:
    levels = np.where(some(LABELS, 50), "referral", "web").astype(object)
    assert found({"source": levels}, LABELS) == []


def test_one_row_of_the_other_outcome_is_enough_to_doubt() -> None:
    filled = some(LABELS, 60) | some(~LABELS, 1)
    assert found({"note": numbers(filled)}, LABELS) == []


def test_fewer_than_twenty_rows_are_no_evidence() -> None:
    assert found({"won_date": numbers(some(LABELS, 19))}, LABELS) == []


def test_differences_by_chance_are_not_reported() -> None:
    """Twenty rows are all negative in 12 of 100 cases if nine in ten leads are negative."""
    labels = np.random.default_rng(4).random(N) < 0.1
    assert found({"fax": numbers(some(~labels, 20))}, labels) == []
    assert found({"fax": numbers(some(~labels, 90))}, labels) != []
    assert found({"won_date": numbers(some(labels, 20))}, labels) != []


def test_many_columns_raise_no_false_alarm() -> None:
    """Thousands of sparse columns that have nothing to do with the outcome."""
    rng = np.random.default_rng(5)
    for rate in (0.05, 0.3, 0.5):
        labels = rng.random(N) < rate
        columns = {f"c{i}": numbers(rng.random(N) < rng.uniform(0.004, 0.05)) for i in range(1000)}
        assert found(columns, labels) == []


def test_planted_columns_are_found_among_many() -> None:
    rng = np.random.default_rng(6)
    columns = {f"c{i}": numbers(rng.random(N) < rng.uniform(0.004, 1)) for i in range(40)}
    planted = {f"p{i}": numbers(some(LABELS, 20 + 10 * i, seed=i)) for i in range(12)}
    assert [part.column for part in found(columns | planted, LABELS)] == list(planted)


def test_an_outcome_that_is_decided_by_presence_is_named_twice() -> None:
    both = found({"won_date": numbers(LABELS)}, LABELS)
    assert [part.is_filled for part in both] == [True, False]


def test_a_column_that_is_always_filled_is_not_reported() -> None:
    assert found({"age": numbers(np.ones(N, dtype=bool))}, LABELS) == []
