"""Raw records, and the verdict on one that cannot be read."""

from __future__ import annotations

import pytest

from schemas.errors import ErrorCode
from stream.fetch.raw_records import Problem, RawRecord, UnreadableRecord


def unreadable(problem: Problem, detail: str = "its checksum is wrong") -> UnreadableRecord:
    return UnreadableRecord(3, 17, 1000, b"key", b"secret", (), problem, detail)


@pytest.mark.parametrize(
    ("problem", "code", "remedy"),
    [
        (Problem.BATCH_TOO_LARGE, ErrorCode.TOO_LARGE, "raise LEADSCORE_MEMORY_BUDGET_MB"),
        (Problem.TOO_LARGE, ErrorCode.TOO_LARGE, "raise LEADSCORE_MAX_EVENT_BYTES"),
        (Problem.CHECKSUM, ErrorCode.UNREADABLE, "docs/runbook.md#a-record-that-cant-be-read"),
        (Problem.HEADER_NAME, ErrorCode.UNREADABLE, "fix what sends it"),
    ],
)
def test_the_verdict_has_the_detail_and_what_to_do(
    problem: Problem, code: ErrorCode, remedy: str
) -> None:
    error = unreadable(problem).error
    assert error.code is code
    assert "its checksum is wrong" in error.message
    assert remedy in error.message
    assert "secret" not in error.message


def test_a_record_that_is_too_large_is_not_damaged() -> None:
    sound = {problem for problem in Problem if not problem.is_damage}
    assert sound == {Problem.TOO_LARGE, Problem.BATCH_TOO_LARGE}


@pytest.mark.parametrize(
    ("record", "size"),
    [
        (RawRecord(0, 0, 0, None, None, ()), 0),
        (RawRecord(0, 0, 0, b"key", b"value", [("name", b"x"), ("n", None)]), 14),
        (unreadable(Problem.FORMAT), 9),
    ],
)
def test_the_bytes_of_a_record_are_those_of_its_parts(record: RawRecord, size: int) -> None:
    assert record.held_bytes == size
