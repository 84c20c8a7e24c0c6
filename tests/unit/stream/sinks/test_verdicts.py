"""Results of verdicts on a batch: refusals by offset, and the records to write again."""

from __future__ import annotations

import pytest

from schemas.errors import FatalError
from stream.sinks.sink import SKIPPED, WRITTEN, refuse, retry_later
from stream.sinks.verdicts import refusals, to_retry
from testing.sink_writer import record

RECORDS = [record(offset) for offset in range(4)]
VERDICTS = [WRITTEN, refuse("the label"), retry_later(3.0), SKIPPED]


def test_refusals_are_by_offset() -> None:
    assert refusals(RECORDS, VERDICTS) == {1: "the label"}


def test_records_to_retry_come_with_the_waits_that_the_target_asks_for() -> None:
    assert to_retry(RECORDS, VERDICTS) == ([RECORDS[2]], [3.0])


def test_a_sink_without_a_verdict_for_each_record_has_a_fault() -> None:
    with pytest.raises(FatalError, match="expected 4 verdicts"):
        refusals(RECORDS, VERDICTS[:3])
