"""Partitions that are assigned and make no progress."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from aiokafka import TopicPartition

from stream.consume.partition_progress import Batch, PartitionProgress
from stream.consume.stuck_partitions import FENCED_AFTER, STUCK_AFTER, StuckPartitions
from testing.fake_kafka import FakeRecord

A, B = TopicPartition("leads", 0), TopicPartition("leads", 1)


def idle(at: int = 5) -> PartitionProgress:
    entry = PartitionProgress(at)
    entry.done_offset = at
    return entry


def busy() -> PartitionProgress:
    entry = PartitionProgress(5)
    entry.add(Batch(A, [FakeRecord(5, 0, 5)]))  # type: ignore[list-item]
    return entry


def due() -> PartitionProgress:
    entry = PartitionProgress(5)
    entry.done_offset = 9
    return entry


def behind() -> PartitionProgress:
    entry = idle()
    entry.behind_since = 0.0
    return entry


def look(
    started: Mapping[TopicPartition, PartitionProgress],
    *times: float,
    fenced: set[TopicPartition] | None = None,
    stopped_at: Mapping[TopicPartition, int] | None = None,
) -> StuckPartitions:
    stuck = StuckPartitions()
    for time in times:
        stuck.look(time, [A, B], {B: idle(), **started}, fenced or set(), stopped_at or {})
    return stuck


def test_a_partition_that_stopped_at_an_unreadable_record_is_stuck_at_once() -> None:
    stuck = look({A: idle()}, 0, stopped_at={A: 7})
    assert stuck.now == {A: "it stopped at the unreadable record 7"}


def test_partitions_without_work_are_not_stuck() -> None:
    assert look({A: idle()}, 0, 1000).now == {}


@pytest.mark.parametrize(
    ("entry", "words"),
    [(busy(), "not delivered"), (due(), "not committed"), (behind(), "receives none of them")],
)
def test_work_without_progress_is_stuck_after_a_while(entry: PartitionProgress, words: str) -> None:
    assert look({A: entry}, 0, STUCK_AFTER - 1).now == {}
    found = look({A: entry}, 0, STUCK_AFTER).now
    assert found.keys() == {A}
    assert words in found[A]


def test_a_partition_that_does_not_begin_is_stuck_after_a_while() -> None:
    found = look({}, 0, STUCK_AFTER).now
    assert "has not been found" in found[A]


def test_a_fenced_partition_is_stuck_soon() -> None:
    assert "fenced" in look({A: busy()}, 0, FENCED_AFTER, fenced={A}).now[A]
    assert "fenced" in look({}, 0, FENCED_AFTER, fenced={A}).now[A]


def test_a_worker_that_is_fenced_until_it_joins_again_is_not_stuck() -> None:
    stuck = look({A: busy()}, 0, FENCED_AFTER - 1, fenced={A})
    assert stuck.now == {}
    stuck.look(FENCED_AFTER, [A, B], {A: busy(), B: idle()}, set(), {})
    stuck.look(FENCED_AFTER + 1, [A, B], {A: busy(), B: idle()}, {A}, {})
    assert stuck.now == {}


def test_progress_ends_it(caplog: pytest.LogCaptureFixture) -> None:
    stuck, entry = StuckPartitions(), due()
    for time in (0, STUCK_AFTER, STUCK_AFTER + 1):
        stuck.look(time, [A], {A: entry}, set(), {})
    assert caplog.text.count("makes no progress") == 1
    entry.committed = 7
    stuck.look(STUCK_AFTER + 2, [A], {A: entry}, set(), {})
    assert stuck.now == {}


def test_partitions_that_are_revoked_are_forgotten() -> None:
    stuck, entry = StuckPartitions(), due()
    stuck.look(0, [A], {A: entry}, set(), {})
    stuck.look(STUCK_AFTER, [], {}, set(), {})
    stuck.look(STUCK_AFTER + 1, [A], {A: entry}, set(), {})
    assert stuck.now == {}
