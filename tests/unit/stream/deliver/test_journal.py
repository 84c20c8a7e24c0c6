from __future__ import annotations

from typing import Any

import pytest
from aiokafka import TopicPartition

from stream.consume.partition_progress import Batch
from stream.deliver.journal import Journal, JournalEntry
from testing.fake_kafka import FakeRecord

TP = TopicPartition("leads", 0)


def entry(rows: int = 1) -> JournalEntry:
    return JournalEntry("scored", [(b"key", b"%d" % row, []) for row in range(rows)])


def batch(size: int = 1) -> Batch:
    records: list[Any] = [FakeRecord(0, 0, 0)]
    return Batch(TP, records, size=size)


@pytest.mark.parametrize(("rows", "sizes", "is_full"), [(9, [40, 59], False), (10, [], True)])
def test_a_transaction_is_full_by_its_rows(rows: int, sizes: list[int], is_full: bool) -> None:
    journal = Journal(most_rows=10, most_bytes=100)
    journal.add(entry(rows - 1))
    journal.add(entry(1))
    for size in sizes:
        journal.admit(batch(size))
    assert journal.is_full is is_full


def test_a_transaction_is_full_by_the_bytes_of_its_batches() -> None:
    journal = Journal(most_rows=10, most_bytes=100)
    journal.admit(batch(99))
    assert not journal.is_full
    journal.admit(batch(1))
    assert journal.is_full


def test_it_is_complete_once_all_batches_are_done() -> None:
    journal = Journal(most_rows=10, most_bytes=100)
    assert journal.is_complete
    one = batch()
    journal.admit(one)
    assert not journal.is_complete
    assert one.begin()
    one.done()
    assert journal.is_complete


def test_rows_that_are_written_are_written_again_after_an_abort_in_their_order() -> None:
    journal = Journal(most_rows=10, most_bytes=100)
    first, second = entry(1), entry(2)
    journal.add(first)
    journal.add(second)
    first.is_written = True
    assert list(journal.unwritten()) == [second]
    journal.mark_unwritten()
    assert list(journal.unwritten()) == [first, second]


def test_refused_rows_are_not_kept() -> None:
    one = entry(4)
    one.refused |= {0, 2}
    assert one.kept == [1, 3]


def test_a_committed_transaction_leaves_nothing() -> None:
    journal = Journal(most_rows=1, most_bytes=1)
    journal.admit(batch())
    journal.add(entry())
    assert journal.is_full
    journal.clear()
    assert not journal.is_full
    assert journal.is_complete
    assert list(journal.unwritten()) == []
