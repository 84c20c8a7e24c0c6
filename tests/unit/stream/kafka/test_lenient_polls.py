"""Which errors of a client come from a record, and what is made of an unreadable one."""

from __future__ import annotations

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import (
    CorruptRecordException,
    KafkaConnectionError,
    RecordTooLargeError,
    UnsupportedCodecError,
)

from stream.fetch.raw_records import Problem, RawRecord, UnreadableRecord
from stream.kafka.lenient_polls import (
    UnreadableRecordError,
    all_readable,
    may_be_unreadable,
    readable,
    with_unreadable,
)

PARTITION = TopicPartition("ledger", 0)
GOOD = RawRecord(0, 6, 0, None, b"", ())
BAD = UnreadableRecord(0, 7, 0, None, None, (), Problem.CHECKSUM, "its checksum is wrong")


@pytest.mark.parametrize(
    "error",
    [CorruptRecordException(), UnsupportedCodecError(), RecordTooLargeError(), ValueError()],
)
def test_whatever_a_client_makes_of_a_record_is_read_past(error: Exception) -> None:
    assert may_be_unreadable(error)


def test_errors_of_the_connection_are_no_unreadable_record() -> None:
    assert not may_be_unreadable(KafkaConnectionError())


def test_an_unreadable_record_is_skipped_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    assert readable(PARTITION, [GOOD, BAD]) == [GOOD]
    [message] = caplog.messages
    assert "unreadable records of" in message


def test_a_reader_that_counts_every_record_gets_the_unreadable_ones_too(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert with_unreadable(PARTITION, [GOOD, BAD]) == [GOOD, BAD]
    assert len(caplog.messages) == 1


def test_where_all_records_are_needed_an_unreadable_one_is_an_error_with_its_place() -> None:
    assert all_readable(PARTITION, [GOOD]) == [GOOD]
    with pytest.raises(
        UnreadableRecordError,
        match=r"every record of ledger, but its checksum is wrong, at offset 7 of partition 0:"
        r".*runbook\.md#bookkeeping-that-cant-be-read",
    ):
        all_readable(PARTITION, [GOOD, BAD])
