"""Outcomes of leads by row and by id."""

from __future__ import annotations

import pytest

from features.table_file import parse_table
from schemas.errors import InputError
from stream.comparison.outcomes import OutcomeColumn, outcomes_by_id, outcomes_by_row

TABLE = parse_table(b"lead_id,won\na,yes\nb,no\na,no\nc,\n", "outcomes.csv")


def test_outcomes_are_known_by_row() -> None:
    found = outcomes_by_row(TABLE, OutcomeColumn("won"))
    assert found.known.tolist() == [True, True, True, False]
    assert found.positive.tolist() == [True, False, False, False]


def test_by_id_the_last_known_outcome_counts() -> None:
    found = outcomes_by_id(TABLE, OutcomeColumn("won"), "lead_id", ["c", "a", "x", "b", "a"])
    assert found.known.tolist() == [False, True, False, True, True]
    assert not found.positive.any()
    assert not found.has_both_kinds


def test_success_may_be_named() -> None:
    found = outcomes_by_row(TABLE, OutcomeColumn("won", positive=("no",)))
    assert found.positive.tolist() == [False, True, True, False]


def test_a_column_that_is_not_there_is_named() -> None:
    with pytest.raises(InputError, match=r"no column 'win' \(--target\).*'won'"):
        outcomes_by_row(TABLE, OutcomeColumn("win"))
