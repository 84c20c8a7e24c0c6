"""A sink starts at its group's commit, and at the log's start where the log was replaced."""

from __future__ import annotations

from aiokafka import TopicPartition

from stream.consume.lost_records import Loss
from stream.kafka.commit_metadata import Commit, metadata_of
from stream.sinks.log_start import LogStart

AT = TopicPartition("leads.scored", 0)
OLD, NEW = "AAAAAAAAAAAAAAAAAAAAAQ", "AAAAAAAAAAAAAAAAAAAAAg"


def start(topic_id: str | None, losses: list[Loss], *, remembers: bool = False) -> LogStart:
    async def read(_: str) -> str | None:
        return topic_id

    return LogStart(read, lambda _: remembers, losses.append)


def commit(topic_id: str | None) -> Commit:
    return Commit(17, metadata_of(17, None, topic_id))


async def test_the_commit_of_the_log_is_where_it_starts() -> None:
    losses: list[Loss] = []
    found = await start(OLD, losses).start_of(AT, commit(OLD))
    assert (found.committed, found.topic_id, losses) == (17, OLD, [])


async def test_without_a_commit_it_starts_at_the_logs_start() -> None:
    found = await start(OLD, []).start_of(AT, None)
    assert (found.committed, found.topic_id) == (None, OLD)


async def test_a_commit_of_a_log_that_was_replaced_is_a_reported_loss() -> None:
    losses: list[Loss] = []
    found = await start(NEW, losses).start_of(AT, commit(OLD))
    assert (found.committed, found.topic_id) == (None, NEW)
    assert [loss.partition for loss in losses] == [AT]


async def test_a_loss_that_the_source_reports_itself_is_not_reported_twice() -> None:
    losses: list[Loss] = []
    await start(NEW, losses, remembers=True).start_of(AT, commit(OLD))
    assert losses == []


async def test_a_cluster_without_ids_is_trusted() -> None:
    assert (await start(None, []).start_of(AT, commit(None))).committed == 17
