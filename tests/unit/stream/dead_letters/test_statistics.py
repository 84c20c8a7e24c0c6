"""Counts by code, age and rate."""

from __future__ import annotations

from schemas.errors import ErrorCode
from stream.dead_letters.letter import DeadLetter
from stream.dead_letters.source_retention import SourceRetention
from stream.dead_letters.statistics import DAY_MS, HOUR_MS, DeadLetterStatistics
from stream.fetch.raw_records import Problem, RawRecord, UnreadableRecord
from testing.dead_letters import dead_letter

NOW = 10 * DAY_MS
RETENTION = SourceRetention("leads.created", 7 * DAY_MS, NOW)


def test_letters_are_counted_by_code_with_age_rate_and_source() -> None:
    found = DeadLetterStatistics(RETENTION)
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


def test_records_of_other_programs_and_unreadable_ones_are_counted_apart() -> None:
    found = DeadLetterStatistics(RETENTION)
    found.add_other(RawRecord(0, 0, NOW, None, b"x", ()))
    damaged = UnreadableRecord(0, 1, NOW, None, None, (), problem=Problem.CHECKSUM, detail="")
    found.add_other(damaged)
    assert (found.letters, found.foreign, found.unreadable) == (0, 1, 1)


def test_letters_whose_value_is_only_in_a_record_that_has_expired_are_counted() -> None:
    found = DeadLetterStatistics(RETENTION)
    for age, value in ((8, None), (6, None), (8, b"x")):
        made = dead_letter(value, code=ErrorCode.TOO_LARGE, timestamp=NOW - age * DAY_MS)
        letter = DeadLetter.from_record(RawRecord(0, 0, NOW, None, value, made.headers))
        assert letter is not None
        found.add(letter)
    counts = found.codes["TOO_LARGE"]
    assert (counts.letters, counts.left_out, counts.out_of_reach) == (3, 2, 1)
    assert found.out_of_reach == 1
