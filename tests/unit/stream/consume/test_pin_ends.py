from __future__ import annotations

from typing import Any

import pytest
from aiokafka import TopicPartition

from schemas.errors import ErrorCode, InvalidEventError
from schemas.model_identity import ModelIdentity
from stream.consume.assignment import Assignment
from stream.consume.pin_ends import Fetched, divided_at_pins
from stream.fetch.bounded_polls import SizedRecords, bytes_of
from stream.kafka.commit_metadata import ModelPin
from testing.fake_kafka import FakeRecord

A, B, C = (TopicPartition("leads", number) for number in range(3))
MODEL = ModelIdentity("bank", "1", "ab")


def assigned(**ends: int | None) -> Assignment:
    """Return partitions a, b and c, each with the end of its pin; None: it has no pin."""
    partitions = {"a": A, "b": B, "c": C}
    assignment = Assignment(1, partitions.values())
    for name, until in ends.items():
        pin = None if until is None else ModelPin(MODEL, 0, until)
        assignment.start(partitions[name], 10, pin)
    return assignment


def records(*offsets: int) -> SizedRecords:
    made = SizedRecords(FakeRecord(offset, 0, offset) for offset in offsets)
    made.size = 100 * len(offsets)
    return made


def offsets(fetched: Fetched) -> dict[TopicPartition, list[int]]:
    return {at: [record.offset for record in own] for at, own in fetched.records.items()}


@pytest.mark.parametrize("until", [None, 0, 9, 10, 14, 99])
def test_a_poll_on_one_side_of_the_end_stays_whole(until: int | None) -> None:
    fetched = Fetched({A: records(10, 11, 13)}, {})
    [part] = divided_at_pins(fetched, assigned(a=until))
    assert part is fetched


@pytest.mark.parametrize(("until", "first"), [(11, [10]), (12, [10, 11]), (13, [10, 11])])
def test_a_poll_that_crosses_the_end_of_a_pin_is_divided_there(
    until: int, first: list[int]
) -> None:
    """Gaps in the offsets are usual: control records, compacted and aborted ones."""
    given = records(10, 11, 13, 14)
    below, rest = divided_at_pins(Fetched({A: given}, {}), assigned(a=until))
    assert offsets(below) == {A: first}
    assert offsets(rest) == {A: [10, 11, 13, 14][len(first) :]}
    assert bytes_of(below.records[A]) == 100 * len(first)
    assert bytes_of(below.records[A]) + bytes_of(rest.records[A]) == 400


def test_each_partition_is_divided_at_its_own_end() -> None:
    fetched = Fetched({at: records(10, 11, 12) for at in (A, B, C)}, {})
    below, rest = divided_at_pins(fetched, assigned(a=11, b=None, c=12))
    assert offsets(below) == {A: [10], B: [10, 11, 12], C: [10, 11]}
    assert offsets(rest) == {A: [11, 12], C: [12]}


def test_a_partition_that_is_not_ours_any_more_stays_as_it_is() -> None:
    [part] = divided_at_pins(Fetched({A: records(10, 11)}, {}), assigned(b=11))
    assert offsets(part) == {A: [10, 11]}


def test_verdicts_stay_with_their_records() -> None:
    verdicts: Any = {
        place: InvalidEventError(ErrorCode.UNREADABLE, str(place)) for place in (0, 2, 3)
    }
    fetched = Fetched({A: records(10, 11, 12, 13)}, verdicts)
    below, rest = divided_at_pins(fetched, assigned(a=12))
    assert below.verdicts == {0: verdicts[0]}
    assert rest.verdicts == {0: verdicts[2], 1: verdicts[3]}
