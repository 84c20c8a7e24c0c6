from __future__ import annotations

from typing import Any

import pytest
from aiokafka import TopicPartition

from stream.consume.partition_progress import Batch, PartitionProgress
from testing.fake_kafka import FakeRecord

PARTITION = TopicPartition("leads", 0)


def batch(first: int, last: int, timestamp: int = 0) -> Batch:
    records: list[Any] = [
        FakeRecord(offset, timestamp, offset) for offset in range(first, last + 1)
    ]
    return Batch(PARTITION, records)


def finish(*batches: Batch) -> None:
    for each in batches:
        assert each.begin()
        each.done()


def test_only_the_prefix_of_done_batches_is_due() -> None:
    progress = PartitionProgress()
    first, second, third = batch(0, 9), batch(10, 19), batch(20, 29)
    for each in (first, second, third):
        progress.add(each)
    finish(third)
    progress.settle()
    assert not progress.is_due
    finish(first)
    progress.settle()
    assert progress.done_offset == 10
    finish(second)
    progress.settle()
    assert progress.done_offset == 30


def test_nothing_is_due_that_was_committed() -> None:
    progress = PartitionProgress()
    progress.add(batch(0, 9))
    finish(*progress._batches)
    progress.settle()
    assert progress.is_due
    progress.committed = 10
    assert not progress.is_due


def test_a_gap_is_passed_only_when_nothing_is_open() -> None:
    progress = PartitionProgress()
    progress.add(batch(0, 9))
    progress.pass_gap(12)
    assert progress.done_offset is None
    finish(*progress._batches)
    progress.settle()
    progress.pass_gap(12)
    assert progress.done_offset == 12


def test_a_gap_between_batches_is_passed_with_the_batch_behind_it() -> None:
    progress = PartitionProgress()
    progress.add(batch(0, 4))
    progress.add(batch(7, 9))
    finish(*progress._batches)
    progress.settle()
    assert progress.done_offset == 10


def test_a_commit_beyond_the_last_stable_offset_is_no_stall() -> None:
    """As after a change to committed records, while a transaction is open."""
    progress = PartitionProgress(committed=12)
    progress.pass_gap(12)
    progress.note_stall(10, time=1.0)
    assert progress.behind_since is None
    progress.note_stall(13, time=2.0)
    assert progress.behind_since == 2.0


def test_a_partition_is_started_by_a_commit_or_by_a_batch() -> None:
    assert not PartitionProgress().is_started
    assert PartitionProgress(0).is_started
    progress = PartitionProgress()
    progress.add(batch(0, 9))
    assert progress.is_started


def test_a_revoked_batch_cannot_be_begun_but_one_in_flight_can_finish() -> None:
    progress = PartitionProgress()
    in_hand, waiting = batch(0, 9), batch(10, 19)
    progress.add(in_hand)
    progress.add(waiting)
    assert in_hand.begin()
    progress.revoke()
    assert not waiting.begin()
    assert progress.is_in_flight
    in_hand.done()
    assert not progress.is_in_flight
    assert progress.has_open


def test_done_needs_begin() -> None:
    with pytest.raises(RuntimeError, match="begin"):
        batch(0, 1).done()


def test_the_oldest_time_stamp_is_that_of_the_first_batch_that_is_not_done() -> None:
    progress = PartitionProgress()
    assert progress.oldest_timestamp is None
    first, second = batch(0, 9, timestamp=1000), batch(10, 19, timestamp=2000)
    progress.add(first)
    progress.add(second)
    assert progress.oldest_timestamp == 1000
    finish(first)
    assert progress.oldest_timestamp == 2000
    finish(second)
    assert progress.oldest_timestamp is None


def test_a_batch_that_is_never_begun_releases_its_records_once() -> None:
    released: list[int] = []
    given = Batch(PARTITION, batch(0, 3).records, size=5, on_release=released.append)
    given.revoke()
    given.release()
    assert (released, given.begin()) == ([5], False)
    assert given.next_offset == 4


def test_the_first_batch_that_waits_begins_next() -> None:
    progress = PartitionProgress()
    assert progress.next_to_begin is None
    progress.committed = 7
    assert progress.next_to_begin == 7
    first, second = batch(10, 19), batch(25, 29)
    progress.add(first)
    progress.add(second)
    assert progress.next_to_begin == 10
    assert first.begin()
    assert progress.next_to_begin == 25
    assert second.begin()
    assert progress.next_to_begin == 30
    first.done()
    progress.settle()
    assert progress.next_to_begin == 30
