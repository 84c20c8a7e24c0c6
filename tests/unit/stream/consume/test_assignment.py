"""State of an assignment; a later one is never changed through an earlier one."""

from __future__ import annotations

from typing import Any

from aiokafka import TopicPartition

from stream.consume.assignment import Assignment
from stream.consume.partition_progress import Batch
from testing.fake_kafka import FakeRecord

A, B = TopicPartition("leads", 0), TopicPartition("leads", 1)


def batch(partition: TopicPartition, offset: int = 5) -> Batch:
    record: Any = FakeRecord(offset, 0, offset)
    return Batch(partition, [record])


def test_a_partition_is_there_once_its_start_offset_is_known() -> None:
    assignment = Assignment(1, (A, B))
    assert set(assignment) == set()
    assignment.start(A, 7)
    assert set(assignment) == {A}
    assert assignment[A].committed == 7
    assert assignment.partitions == {A, B}


def test_a_start_offset_that_comes_after_the_end_is_ignored() -> None:
    assignment = Assignment(1, (A,))
    assignment.end()
    assignment.start(A, 7)
    assert not assignment
    assert assignment.has_ended


def test_an_end_while_somebody_iterates_changes_nothing_for_them() -> None:
    assignment = Assignment(1, (A, B))
    assignment.start(A)
    assignment.start(B)
    seen = []
    for partition in assignment:
        assignment.end()
        seen.append(partition)
    assert seen == [A, B]


def test_a_partition_that_is_lost_begins_no_batch_and_is_gone() -> None:
    assignment = Assignment(1, (A,))
    assignment.start(A)
    waiting = batch(A)
    assignment[A].add(waiting)
    assignment.lose(A)
    assert A not in assignment
    assert not waiting.begin()


def test_a_revocation_does_not_wait_for_a_batch_of_a_partition_that_is_lost() -> None:
    assignment = Assignment(1, (A,))
    assignment.start(A)
    progress, begun = assignment[A], batch(A)
    progress.add(begun)
    assert begun.begin()
    assert progress.is_in_flight
    assignment.lose(A)
    assert not progress.is_in_flight


def test_a_restart_forgets_batches_of_the_old_log() -> None:
    assignment = Assignment(1, (A,))
    assignment.start(A, 100)
    old = batch(A, 100)
    assignment[A].add(old)
    assert old.begin()
    assignment.restart(A)
    old.done()
    assignment[A].settle()
    assert assignment[A].done_offset is None
    assert not assignment[A].is_due
    assignment.restart(B)
    assert B not in assignment, "it was not assigned"


def test_revoked_batches_are_not_begun_and_those_in_flight_may_finish() -> None:
    assignment = Assignment(1, (A,))
    assignment.start(A)
    begun, waiting = batch(A, 5), batch(A, 6)
    assignment[A].add(begun)
    assignment[A].add(waiting)
    assert begun.begin()
    assignment.revoke()
    assert not waiting.begin()
    assert assignment[A].is_in_flight
    begun.done()
    assert not assignment[A].is_in_flight
