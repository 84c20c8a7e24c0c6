"""Final outcomes as columns."""

from __future__ import annotations

from typing import Any

import orjson

from stream.outcomes.final_outcomes import final_outcomes, key_of
from stream.settings import load_settings
from tests.unit.stream.verdict.verdict_topics import AT, StoredRecord


def record(outcome: str, offset: int = 0) -> Any:
    made = {"lead_id": "L-1", "outcome": outcome, "occurred_at": AT - 5}
    return StoredRecord(orjson.dumps(made), AT, offset=offset)


def test_final_outcomes_are_rows_and_steps_on_the_way_are_not() -> None:
    found = final_outcomes(load_settings())
    found.add([record("Won", 3), record("engaged", 4)])
    found.add([record("lost", 5)])
    assert found.rows["is_positive"].tolist() == [True, False]
    assert found.rows["offset"].tolist() == [3, 5]
    assert set(found.rows["lead"]) == {key_of("L-1")}
    assert (found.rows["at"][0], found.rows["arrived"][0]) == (AT - 5, AT)


def test_a_record_that_is_no_outcome_is_counted() -> None:
    found = final_outcomes(load_settings())
    broken: list[Any] = [StoredRecord(value) for value in (None, b"{}")]
    found.add([*broken, record("won")])
    assert found.unreadable == 2
    assert len(found.rows) == 1


def test_a_tombstone_is_no_outcome_and_no_fault() -> None:
    found = final_outcomes(load_settings())
    found.add([StoredRecord(None, AT, key=b"L-1"), record("won")])
    assert (found.unreadable, len(found.rows)) == (0, 1)


def test_by_creation_an_outcome_arrives_when_it_occurs() -> None:
    found = final_outcomes(load_settings(outcome_time="created_at"))
    found.add([record("won")])
    assert found.rows["arrived"].tolist() == [AT - 5]


def test_nothing_is_no_rows() -> None:
    assert len(final_outcomes(load_settings()).rows) == 0
