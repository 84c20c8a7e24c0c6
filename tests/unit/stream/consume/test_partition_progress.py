from __future__ import annotations

import pytest
from aiokafka import TopicPartition

from stream.consume.partition_progress import Batch, PartitionBooks
from tests.unit.stream.fakes import FakeRecord

PARTITION = TopicPartition("leads", 0)


def batch(first: int, last: int, timestamp: int = 0) -> Batch:
    records = [FakeRecord(offset, timestamp, offset) for offset in range(first, last + 1)]
    return Batch(PARTITION, records)


def finish(*batches: Batch) -> None:
    for each in batches:
        assert each.begin()
        each.done()


def test_only_the_prefix_of_done_batches_is_due() -> None:
    books = PartitionBooks()
    first, second, third = batch(0, 9), batch(10, 19), batch(20, 29)
    for each in (first, second, third):
        books.add(each)
    finish(third)
    books.settle()
    assert not books.is_due
    finish(first)
    books.settle()
    assert books.done_offset == 10
    finish(second)
    books.settle()
    assert books.done_offset == 30


def test_nothing_is_due_that_was_committed() -> None:
    books = PartitionBooks()
    books.add(batch(0, 9))
    finish(*books._batches)
    books.settle()
    assert books.is_due
    books.committed = 10
    assert not books.is_due


def test_a_gap_is_passed_only_when_nothing_is_open() -> None:
    books = PartitionBooks()
    books.add(batch(0, 9))
    books.pass_gap(12)
    assert books.done_offset is None
    finish(*books._batches)
    books.settle()
    books.pass_gap(12)
    assert books.done_offset == 12


def test_a_gap_between_batches_is_passed_with_the_batch_behind_it() -> None:
    books = PartitionBooks()
    books.add(batch(0, 4))
    books.add(batch(7, 9))
    finish(*books._batches)
    books.settle()
    assert books.done_offset == 10


def test_a_partition_is_started_by_a_commit_or_by_a_batch() -> None:
    assert not PartitionBooks().is_started
    assert PartitionBooks(0).is_started
    books = PartitionBooks()
    books.add(batch(0, 9))
    assert books.is_started


def test_a_revoked_batch_cannot_be_begun_but_one_in_hand_can_finish() -> None:
    books = PartitionBooks()
    in_hand, waiting = batch(0, 9), batch(10, 19)
    books.add(in_hand)
    books.add(waiting)
    assert in_hand.begin()
    books.revoke()
    assert not waiting.begin()
    assert books.is_in_hand
    in_hand.done()
    assert not books.is_in_hand
    assert books.has_open


def test_done_needs_begin() -> None:
    with pytest.raises(RuntimeError, match="begin"):
        batch(0, 1).done()


def test_the_oldest_time_stamp_is_that_of_the_first_batch_that_is_not_done() -> None:
    books = PartitionBooks()
    assert books.oldest_timestamp is None
    first, second = batch(0, 9, timestamp=1000), batch(10, 19, timestamp=2000)
    books.add(first)
    books.add(second)
    assert books.oldest_timestamp == 1000
    finish(first)
    assert books.oldest_timestamp == 2000
    finish(second)
    assert books.oldest_timestamp is None


def test_a_batch_that_is_never_begun_releases_its_records_once() -> None:
    released: list[int] = []
    given = Batch(PARTITION, batch(0, 3).records, size=5, on_release=released.append)
    given.revoke()
    given.release()
    assert (released, given.begin()) == ([5], False)
    assert given.next_offset == 4
