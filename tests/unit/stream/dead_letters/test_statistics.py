"""Counts by code, age and rate."""

from __future__ import annotations

from schemas.errors import ErrorCode
from stream.dead_letters.letter import DeadLetter
from stream.dead_letters.statistics import DAY_MS, HOUR_MS, DeadLetterStatistics
from stream.fetch.raw_records import RawRecord
from testing.dead_letters import dead_letter

NOW = 10 * DAY_MS


def test_letters_are_counted_by_code_with_age_rate_and_source() -> None:
    found = DeadLetterStatistics(NOW)
    for age, partition, code in (
        (HOUR_MS - 1, 0, ErrorCode.TYPE),
        (HOUR_MS, 1, ErrorCode.TYPE),
        (DAY_MS, 1, ErrorCode.TYPE),
        (0, 0, ErrorCode.TIME),
    ):
        made = dead_letter(b"x", code=code, partition=partition)
        letter = DeadLetter.from_record(RawRecord(0, 0, NOW - age, None, b"x", made.headers))
        assert letter is not None
        found.add(letter)
    types = found.codes["TYPE"]
    assert (found.letters, types.letters) == (4, 3)
    assert (types.last_hour, types.last_day) == (1, 2)
    assert (types.oldest, types.newest) == (NOW - DAY_MS, NOW - HOUR_MS + 1)
    assert types.partitions == {0: 1, 1: 2}
    assert types.attempts == {1: 3}


def test_records_of_other_programs_are_counted_apart() -> None:
    found = DeadLetterStatistics(NOW)
    found.add_foreign()
    assert (found.letters, found.foreign) == (0, 1)
