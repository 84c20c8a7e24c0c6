"""Which errors of a client come from a record, and which from the connection."""

from __future__ import annotations

import pytest
from aiokafka.errors import (
    CorruptRecordException,
    KafkaConnectionError,
    RecordTooLargeError,
    UnsupportedCodecError,
)

from stream.kafka.lenient_polls import may_be_unreadable


@pytest.mark.parametrize(
    "error",
    [CorruptRecordException(), UnsupportedCodecError(), RecordTooLargeError(), ValueError()],
)
def test_whatever_a_client_makes_of_a_record_is_read_past(error: Exception) -> None:
    assert may_be_unreadable(error)


def test_errors_of_the_connection_are_no_unreadable_record() -> None:
    assert not may_be_unreadable(KafkaConnectionError())
