"""Totals of a worker, and dead letters in its log: bounded, with an example, without a person."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from agents.dead_letters import DeadLetter
from agents.scored_batch import ScoredBatch
from schemas.errors import ErrorCode, InvalidEventError
from schemas.headers import dead_letter_headers
from stream.scoring.tally import DeadLetterLog, Tally

NOBODY = np.empty(0, dtype=np.float32)


def letter(code: ErrorCode, offset: int) -> DeadLetter:
    headers = dead_letter_headers(
        [("x-person", b"ann@example.com")],
        topic="leads.created",
        partition=3,
        offset=offset,
        timestamp=0,
        error=InvalidEventError(code, f"expected better than {code.lower()}"),
        schema=None,
    )
    return DeadLetter(0, code, (b"ann", b"ann@example.com", headers))


def outcome(*letters: DeadLetter, scored: int = 0, dropped: Sequence[int] = ()) -> ScoredBatch:
    return ScoredBatch(
        scored=[],
        positions=list(range(scored)),
        dead_letters=list(letters),
        dropped=list(dropped),
        scores=NOBODY,
        coverage=NOBODY,
        low_coverage=NOBODY > 1,
        timestamps=np.empty(0, dtype=np.int64),
    )


def test_totals_add_up_and_what_is_new_is_their_difference() -> None:
    few = replace(outcome(letter(ErrorCode.TYPE, 1), scored=5), low_coverage=np.arange(5) < 2)
    before = Tally().plus(few)
    after = before.plus(outcome(letter(ErrorCode.TYPE, 2), scored=2, dropped=[0]))
    assert after.records == 10
    assert after.as_fields() == {
        "scored": 7, "low_coverage": 2, "dead_letters": {"TYPE": 2}, "dropped": 1
    }  # fmt: skip
    new = after.minus(before)
    assert new.as_fields() == {
        "scored": 2, "low_coverage": 0, "dead_letters": {"TYPE": 1}, "dropped": 1
    }  # fmt: skip


class Logged(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture
def logged() -> Iterator[list[logging.LogRecord]]:
    handler = Logged()
    logging.getLogger("stream.scoring.tally").addHandler(handler)
    yield handler.records
    logging.getLogger("stream.scoring.tally").removeHandler(handler)


def fields(record: logging.LogRecord, *names: str) -> tuple[object, ...]:
    return tuple(vars(record).get(name) for name in names)


def test_dead_letters_are_logged_by_code_with_the_first_as_an_example(logged: Any) -> None:
    letters = DeadLetterLog()
    letters.note(
        outcome(letter(ErrorCode.TYPE, 7), letter(ErrorCode.DECODE, 8), letter(ErrorCode.TYPE, 9))
    )
    letters.log(0.0)
    names = ("code", "records", "topic", "partition", "offset", "reason")
    assert [fields(record, *names) for record in logged] == [
        ("TYPE", 2, "leads.created", 3, 7, "expected better than type"),
        ("DECODE", 1, "leads.created", 3, 8, "expected better than decode"),
    ]
    assert {record.getMessage() for record in logged} == {"dead letters"}


def test_a_line_has_nothing_of_a_person(logged: Any) -> None:
    letters = DeadLetterLog()
    letters.note(outcome(letter(ErrorCode.TYPE, 7)))
    letters.log(0.0)
    assert "ann" not in str(vars(logged[0]))


def test_a_code_is_logged_once_a_minute_and_the_rest_at_the_end(logged: Any) -> None:
    letters = DeadLetterLog()
    for second in range(130):
        letters.note(outcome(letter(ErrorCode.TYPE, second)))
        letters.log(float(second))
    assert [fields(record, "records", "offset") for record in logged] == [(1, 0), (60, 1), (60, 61)]
    letters.log(130.0, all_of_it=True)
    assert fields(logged[-1], "records", "offset") == (9, 121)


def test_waiting_dead_letters_are_logged_after_a_minute_even_if_no_more_come(logged: Any) -> None:
    letters = DeadLetterLog()
    for second in (0.0, 1.0):
        letters.note(outcome(letter(ErrorCode.TYPE, 1)))
        letters.log(second)
    for second in (30.0, 60.0, 61.0, 300.0):
        letters.log(second)
    assert [fields(record, "records") for record in logged] == [(1,), (1,)]


def test_records_that_are_dropped_are_an_error(logged: Any) -> None:
    letters = DeadLetterLog()
    letters.note(outcome(dropped=[0, 1]))
    letters.log(0.0)
    assert (logged[0].levelname, fields(logged[0], "records")) == ("ERROR", (2,))
