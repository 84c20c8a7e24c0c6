from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import cast

import pytest
from aiokafka import TopicPartition

from schemas.errors import FatalError
from stream.consume.assignment import Assignment
from stream.consume.log_watch import LogWatch
from stream.consume.lost_records import Loss, LossReason
from stream.consume.open_transactions import REPORT_AFTER
from stream.kafka.consumer import Consumer
from testing.fake_kafka import TOPIC
from testing.jumping_time import in_jumping_time

TP, OTHER = TopicPartition(TOPIC, 0), TopicPartition(TOPIC, 1)


@dataclass
class Answers:
    """A consumer, as far as its last answers from the broker go."""

    assigned: set[TopicPartition] = field(default_factory=lambda: {TP, OTHER})
    stable: dict[TopicPartition, int] = field(default_factory=dict)
    ends: dict[TopicPartition, int] = field(default_factory=dict)
    existing: set[int] | None = field(default_factory=lambda: {0, 1})

    def assignment(self) -> set[TopicPartition]:
        return self.assigned

    def last_stable_offset(self, partition: TopicPartition) -> int | None:
        return self.stable.get(partition)

    def highwater(self, partition: TopicPartition) -> int | None:
        return self.ends.get(partition)

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        assert topic == TOPIC
        return self.existing


@dataclass
class Bench:
    answers: Answers = field(default_factory=Answers)
    losses: list[Loss] = field(default_factory=list)

    def __post_init__(self) -> None:
        consumer = cast("Consumer", self.answers)
        self.logs = LogWatch(consumer, TOPIC, self.losses.append, topic_limit=120.0)


def assigned(generation: int, committed: int | None, *partitions: TopicPartition) -> Assignment:
    assignment = Assignment(generation, partitions)
    for partition in partitions:
        assignment.start(partition, committed)
    return assignment


@pytest.mark.parametrize(
    ("stable", "end", "expected"),
    [(7, 9, 7), (-1, 9, 9), (None, 9, 9), (None, None, None)],
    ids=["committed records", "all records", "an old broker", "before the first fetch"],
)
def test_the_end_is_that_of_the_records_that_can_be_read(
    stable: int | None, end: int | None, expected: int | None
) -> None:
    bench = Bench()
    bench.answers.stable = {} if stable is None else {TP: stable}
    bench.answers.ends = {} if end is None else {TP: end}
    assert bench.logs.end_offset(TP) == expected


def test_a_partition_that_is_not_assigned_has_no_end() -> None:
    bench = Bench()
    bench.answers.ends = {TP: 9}
    bench.answers.assigned = {OTHER}
    assert bench.logs.end_offset(TP) is None


def test_a_log_that_lacks_the_commit_seen_before_is_reported_up_to_its_end() -> None:
    bench = Bench()
    bench.answers.ends = {TP: 20}
    bench.logs.assigned(frozenset({TP}))
    bench.logs.look_for_replaced(assigned(1, 15, TP))
    assert bench.logs.remembers(TP)
    assert not bench.logs.remembers(OTHER)
    bench.answers.ends = {TP: 3}
    bench.logs.look_for_replaced(assigned(2, None, TP))
    assert bench.losses == [Loss(TP, 15, 20, LossReason.LOG_REPLACED)]


def test_partitions_that_others_read_are_forgotten() -> None:
    bench = Bench()
    bench.logs.assigned(frozenset({TP, OTHER}))
    bench.logs.look_for_replaced(assigned(1, 15, TP, OTHER))
    bench.logs.assigned(frozenset({OTHER}))
    assert (bench.logs.remembers(TP), bench.logs.remembers(OTHER)) == (False, True)


def test_a_partition_that_no_longer_exists_is_reported() -> None:
    bench = Bench()
    bench.logs.assigned(frozenset({TP, OTHER}))
    bench.logs.look_for_replaced(assigned(1, 15, TP, OTHER))
    bench.answers.existing = {0}
    bench.logs.look_for_removed()
    assert bench.losses == [Loss(OTHER, 15, 15, LossReason.LOG_REPLACED)]


@pytest.mark.parametrize("existing", [None, set()])
def test_a_topic_that_stays_missing_is_an_error_and_its_partitions_are_not_lost(
    existing: set[int] | None,
) -> None:
    @in_jumping_time
    async def run() -> None:
        bench = Bench()
        bench.logs.assigned(frozenset({TP}))
        bench.logs.look_for_replaced(assigned(1, 15, TP))
        bench.answers.existing = existing
        bench.logs.look_for_removed()
        await asyncio.sleep(119)
        bench.logs.look_for_removed()
        await asyncio.sleep(2)
        with pytest.raises(FatalError, match="leadscore topics create"):
            bench.logs.look_for_removed()
        assert bench.losses == []

    run()


def test_a_transaction_that_stays_open_is_reported_while_its_partition_is_assigned(
    caplog: pytest.LogCaptureFixture,
) -> None:
    @in_jumping_time
    async def run() -> None:
        bench = Bench()
        bench.answers.stable, bench.answers.ends = {TP: 10, OTHER: 10}, {TP: 12, OTHER: 12}
        bench.answers.assigned = {TP}
        for _ in range(2):
            for partition in (TP, OTHER):
                bench.logs.look_for_transactions(partition)
            await asyncio.sleep(REPORT_AFTER + 1)

    run()
    [message] = caplog.messages
    assert message.startswith(f"{TOPIC}/0: 2 offsets from 10 on wait for a transaction")
