"""Readings of a group, from a view of the log that a test sets."""

from __future__ import annotations

import logging

import pytest
from aiokafka.errors import GroupLoadInProgressError, OffsetOutOfRangeError

from stream.lag.figures import LagState
from stream.lag.reader import GroupTopics, LagReader
from testing.fake_kafka import FakeKafka
from testing.fake_raw_reader import FakeRawReader
from testing.jumping_time import in_jumping_time
from tests.unit.stream.consume.source_bench import TP
from tests.unit.stream.lag.fake_log_view import FakeLogView

NOW = 1_790_000_000.0


class Bench:
    """A reader, its log and its clock."""

    def __init__(self, partitions: int = 1) -> None:
        self.kafka = FakeKafka(partitions)
        self.raw = FakeRawReader(self.kafka)
        self.view = FakeLogView(self.kafka, self.raw)
        self.at = 0.0
        self.reader = LagReader(self.view, now=lambda: NOW, monotonic=lambda: self.at)


@in_jumping_time
async def test_a_group_is_read_on_the_topics_that_it_committed() -> None:
    bench = Bench(2)
    bench.kafka[0].append(5, timestamp=int(NOW - 9) * 1000)
    bench.kafka[1].append(3, timestamp=int(NOW) * 1000)
    assert await bench.reader.read([GroupTopics("g")]) == []
    bench.kafka.committed = {TP: 2}
    behind, unknown = await bench.reader.read([GroupTopics("g")])
    assert (behind.state, behind.messages, behind.seconds) == (LagState.BEHIND, 3, 9.0)
    assert (unknown.state, unknown.messages) == (LagState.NO_COMMIT, None)


@in_jumping_time
async def test_a_named_topic_is_shown_without_a_commit() -> None:
    [lag] = await Bench().reader.read([GroupTopics("g", (TP.topic,))])
    assert lag.state is LagState.NO_COMMIT


@in_jumping_time
async def test_other_topics_are_left_out_if_some_are_named() -> None:
    bench = Bench()
    bench.kafka.committed = {TP: 0}
    assert await bench.reader.read([GroupTopics("g", ("other",), only_these=True)]) == []


def test_a_coordinator_that_is_loading_is_no_group_without_commits_and_no_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """`leadscore lag` showed warnings on standard error where the cluster was new."""

    @in_jumping_time
    async def read() -> None:
        bench = Bench()
        bench.kafka.committed = {TP: 0}
        bench.view.commit_errors = [GroupLoadInProgressError(), GroupLoadInProgressError()]
        [lag] = await bench.reader.read([GroupTopics("g")])
        assert lag.state is LagState.CAUGHT_UP

    caplog.set_level(logging.INFO)
    read()
    assert [record.levelno for record in caplog.records] == [logging.INFO] * 2


@in_jumping_time
async def test_records_are_read_once_while_nothing_moves() -> None:
    bench = Bench()
    bench.kafka[0].append(5, timestamp=int(NOW) * 1000)
    bench.kafka.committed = {TP: 2}
    first = await bench.reader.read([GroupTopics("g")])
    bench.raw.errors.append(AssertionError("read again"))
    bench.at = 0.5
    assert await bench.reader.read([GroupTopics("g")]) == first


@in_jumping_time
async def test_records_that_expire_during_the_reading_leave_the_age_unknown() -> None:
    bench = Bench()
    bench.kafka[0].append(5, timestamp=int(NOW) * 1000)
    bench.kafka.committed = {TP: 2}
    bench.raw.errors.append(OffsetOutOfRangeError())
    [lag] = await bench.reader.read([GroupTopics("g")])
    assert (lag.messages, lag.is_exact, lag.seconds) == (3, False, None)


@in_jumping_time
async def test_the_estimate_follows_two_readings() -> None:
    bench = Bench()
    bench.kafka[0].append(100, timestamp=int(NOW) * 1000)
    bench.kafka.committed = {TP: 0}
    [first] = await bench.reader.read([GroupTopics("g")])
    bench.at, bench.kafka.committed = 10.0, {TP: 50}
    bench.kafka[0].append(10, timestamp=int(NOW) * 1000)
    [second] = await bench.reader.read([GroupTopics("g")])
    assert first.eta is None
    assert second.rates == (5.0, 1.0)
    assert second.eta == 60 / 4
