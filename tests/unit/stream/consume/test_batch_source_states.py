"""Every order of fetch, done, revoke, assign, cut and commit failure that there may be."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError, RequestTimedOutError
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from stream.consume.partition_progress import Batch
from stream.consume.source_options import SourceOptions
from testing.fake_kafka import TOPIC, FakeKafka
from testing.jumping_time import JumpingLoop
from tests.unit.stream.consume.source_bench import Bench, make_bench

PARTITIONS = 2
OPTIONS = SourceOptions(
    max_records=5, ahead=2, linger=0.05, small_poll=3, commit_limit=2.0, revoke_limit=3.0
)
numbers = st.integers(0, PARTITIONS - 1)


class SourceStates(RuleBasedStateMachine):
    """A source, an agent that works in any order, a group and a broker that do as they like.

    At-least-once must hold, by values and not by offsets: below the committed offset
    of a partition there is no record that nobody has finished.
    """

    def __init__(self) -> None:
        super().__init__()
        self.loop = JumpingLoop()
        asyncio.set_event_loop(self.loop)
        self.in_hand: list[Batch] = []
        self.finished: set[tuple[int, Any]] = set()
        self.revoked: list[Batch] = []
        self.seen: list[Batch] = []
        self.lookups: list[asyncio.Event] = []

    def run(self, step: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(step)

    @initialize(records=st.integers(0, 12))
    def start(self, records: int) -> None:
        self.kafka = FakeKafka(PARTITIONS)
        for log in self.kafka.logs.values():
            log.append(records)

        async def start() -> Bench:
            bench = make_bench(self.kafka, OPTIONS)
            await bench.source.start()
            return bench

        self.bench = self.run(start())

    # The log

    @rule(number=numbers, count=st.integers(1, 8))
    def append(self, number: int, count: int) -> None:
        self.kafka[number].append(count)

    @rule(number=numbers)
    def leave_out(self, number: int) -> None:
        self.kafka[number].leave_out()

    @rule(number=numbers, count=st.integers(0, 3))
    def make_anew(self, number: int, count: int) -> None:
        # The client learns it from an offset out of range. So it can't know it when the new log is
        # as long as what was read of the old; nor, before it looks again, while the agent is
        # behind; nor is a commit held back that was due when the log was made anew.
        self.show_positions()
        self.catch_up()
        partition = TopicPartition(TOPIC, number)
        if count < self.bench.consumer.position_of(partition):
            self.kafka.make_anew(partition)
            self.kafka[number].append(count)
            self.run(asyncio.sleep(1.3))  # the source looks at the position each second

    # Time, and the agent

    @rule(seconds=st.sampled_from([0.0, 0.01, 0.06, 0.5, 1.0, 1.5]))
    def wait(self, seconds: float) -> None:
        self.run(asyncio.sleep(seconds))

    def catch_up(self) -> None:
        """Consume all batches, until none arrives within the second of a position check."""
        waits = True
        while waits:
            while not self.bench.source.channel.queue.empty():
                self.take()
            self.run(asyncio.sleep(1.3))
            waits = not self.bench.source.channel.queue.empty()

    @rule()
    def take(self) -> None:
        queue = self.bench.source.channel.queue
        if not queue.empty():
            for batch in queue.get_nowait():
                self.seen.append(batch)
                if batch.begin():
                    assert not any(batch is revoked for revoked in self.revoked)
                    self.in_hand.append(batch)
            self.run(asyncio.sleep(0))

    @precondition(lambda self: self.in_hand)
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        batch = self.in_hand.pop(data.draw(st.integers(0, len(self.in_hand) - 1)))
        self.deliver(batch)

    def deliver(self, batch: Batch) -> None:
        self.finished.update((batch.partition.partition, record.value) for record in batch.records)
        batch.done()

    # The group

    @rule(assigned=st.sets(numbers), finishes=st.booleans(), waits=st.sampled_from([0.0, 0.5, 4.0]))
    def rebalance(self, assigned: set[int], finishes: bool, waits: float) -> None:
        started = self.bench.source.assignment.values()
        open_batches = [batch for progress in started for batch in progress._batches]
        waiting = [batch for batch in open_batches if not batch.is_begun]

        async def move() -> None:
            moving = asyncio.create_task(self.bench.consumer.rebalance(assigned))
            await asyncio.sleep(waits)
            if finishes:
                while self.in_hand:
                    self.deliver(self.in_hand.pop())
            async with asyncio.timeout(8):
                await moving

        self.run(move())
        self.revoked += waiting

    @rule()
    def hide_positions(self) -> None:
        self.bench.consumer.lookup.clear()

    @rule()
    def show_positions(self) -> None:
        self.bench.consumer.lookup.set()

    @rule(loads=st.booleans())
    def load_coordinator(self, loads: bool) -> None:
        self.bench.consumer.coordinator_loads = loads

    @rule(answer=st.sampled_from(["refused", "late", "never"]))
    def trouble_commit(self, answer: str) -> None:
        answers = {
            "refused": CommitFailedError,
            "late": RequestTimedOutError,
            "never": asyncio.Event().wait,
        }
        self.bench.consumer.commit_answers.append(answers[answer]())

    # What must hold

    @invariant()
    def nothing_is_committed_that_is_not_finished(self) -> None:
        if not hasattr(self, "kafka"):
            return
        assert not self.bench.app.errors
        for partition, offset in self.kafka.committed.items():
            below = {
                (partition.partition, record.value)
                for record in self.kafka.logs[partition].records
                if record.offset < offset
            }
            assert below <= self.finished, f"lost in {partition}: {below - self.finished}"

    @invariant()
    def what_is_read_ahead_is_bounded(self) -> None:
        if hasattr(self, "bench"):
            assert self.bench.waiting <= OPTIONS.ahead

    def teardown(self) -> None:
        try:
            if hasattr(self, "bench"):
                self.everything_arrives_in_the_end()
        finally:
            for answer in self.bench.consumer.commit_answers if hasattr(self, "bench") else ():
                if not isinstance(answer, Exception):
                    answer.close()
            self.loop.close()
            asyncio.set_event_loop(None)

    def everything_arrives_in_the_end(self) -> None:
        """With an agent that keeps up, all is read, finished and committed; then it stops."""
        self.show_positions()
        while self.in_hand:
            self.deliver(self.in_hand.pop())
        self.run(self.bench.consumer.rebalance(range(PARTITIONS)))

        async def work() -> None:
            async with asyncio.timeout(100):
                while self.kafka.committed != {tp: log.end for tp, log in self.kafka.logs.items()}:
                    while not self.bench.source.channel.queue.empty():
                        for batch in self.bench.source.channel.queue.get_nowait():
                            if batch.begin():
                                self.deliver(batch)
                    await asyncio.sleep(0.1)
            await self.bench.source.stop()

        self.run(work())
        self.nothing_is_committed_that_is_not_finished()
        everything = {
            (tp.partition, record.value)
            for tp, log in self.kafka.logs.items()
            for record in log.records
        }
        assert everything <= self.finished


TestSourceStates = SourceStates.TestCase
TestSourceStates.settings = settings(
    max_examples=100,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
