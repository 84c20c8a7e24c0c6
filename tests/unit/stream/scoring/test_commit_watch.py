"""The watch of the group's commits, and a stop."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from aiokafka import TopicPartition

from stream.consume.assignment import Assignment
from stream.scoring.commit_watch import LOOK, CommitWatch
from testing.fake_kafka import TOPIC
from testing.jumping_time import in_jumping_time

AT = TopicPartition(TOPIC, 0)


class Asked:
    """The group's commits, which are never answered."""

    def __init__(self) -> None:
        self.asked_for: list[list[TopicPartition]] = []

    async def fetch(self, partitions: list[TopicPartition]) -> dict[TopicPartition, None]:
        self.asked_for.append(partitions)
        return {}


def watching(offsets: Any) -> CommitWatch:
    assignment = Assignment(1, [AT])
    assignment.start(AT, 5)
    source: Any = SimpleNamespace(assignment=assignment)
    foreign: Any = SimpleNamespace(found_while_assigned=lambda *_: None)
    return CommitWatch(source, offsets, foreign)


@in_jumping_time
async def test_commits_of_assigned_partitions_are_looked_at_regularly() -> None:
    offsets = Asked()
    watch = watching(offsets)
    await watch.start()
    await asyncio.sleep(2.5 * LOOK)
    await watch.stop()
    assert offsets.asked_for == [[AT], [AT]]


@in_jumping_time
async def test_a_stop_asks_for_no_commits() -> None:
    """Seen once: the stop ended the pause, and so the watch asked a broker that was unavailable."""
    offsets = Asked()
    watch = watching(offsets)
    await watch.start()
    await asyncio.sleep(1)
    await watch.stop()
    assert offsets.asked_for == []
