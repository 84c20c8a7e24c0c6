"""Recreated topics: a loss is reported by the commit with which an assignment began."""

from __future__ import annotations

import pytest
from aiokafka import TopicPartition

from stream.consume.lost_records import Loss, LossReason
from stream.consume.partition_progress import PartitionProgress
from stream.consume.recreated_topics import RecreatedTopics

TP = TopicPartition("leads", 0)


def test_a_model_that_is_committed_before_the_first_look_does_not_hide_the_loss() -> None:
    losses: list[Loss] = []
    topics = RecreatedTopics(losses.append)
    topics.assigned([TP], {0})
    topics.look(TP, PartitionProgress(committed=15), generation=1, end=20)
    topics.assigned([], ())  # while the topic is gone
    topics.assigned([TP], {0})
    anew = PartitionProgress(committed=None)
    anew.is_committed(0, None)
    for _ in range(2):
        topics.look(TP, anew, generation=3, end=40)
    assert losses == [Loss(TP, 15, 20, LossReason.LOG_REPLACED)]


def test_a_group_that_commits_for_the_first_time_has_lost_nothing() -> None:
    losses: list[Loss] = []
    topics = RecreatedTopics(losses.append)
    topics.assigned([TP], {0})
    first = PartitionProgress(committed=None)
    topics.look(TP, first, generation=1, end=20)
    first.is_committed(20, None)
    topics.look(TP, first, generation=1, end=20)
    topics.look(TP, PartitionProgress(committed=20), generation=2, end=20)
    assert losses == []


def test_a_log_that_is_read_from_elsewhere_than_the_commit_is_not_replaced() -> None:
    """An archive worker ended with that, in a rebalance before its first file."""
    losses: list[Loss] = []
    topics = RecreatedTopics(losses.append)
    topics.assigned([TP], {0})
    topics.look(TP, PartitionProgress(committed=15), generation=1, end=20)
    topics.look(TP, PartitionProgress(None, has_commit=True), generation=2, end=20)
    assert losses == []
    topics.look(TP, PartitionProgress(None), generation=3, end=20)
    assert losses == [Loss(TP, 15, 20, LossReason.LOG_REPLACED)]


def seen(losses: list[Loss], *numbers: int) -> RecreatedTopics:
    """Return the memory of a worker that has read partitions up to offset 15 of 20."""
    topics = RecreatedTopics(losses.append)
    partitions = [TopicPartition("leads", number) for number in numbers]
    topics.assigned(partitions, {0, 1, 2, 3})
    for partition in partitions:
        topics.look(partition, PartitionProgress(committed=15), generation=1, end=20)
    return topics


@pytest.mark.parametrize("assigned", [[TP], []], ids=["one is left to it", "none is left to it"])
def test_partitions_that_the_new_topic_lacks_are_lost(assigned: list[TopicPartition]) -> None:
    """They were forgotten like partitions that other workers read from now on."""
    losses: list[Loss] = []
    topics = seen(losses, 0, 2, 3)
    topics.assigned([], ())  # while the topic is gone
    topics.look_for_removed(())
    assert losses == []
    topics.assigned(assigned, {0})
    for _ in range(2):
        topics.look_for_removed({0})
    assert losses == [
        Loss(TopicPartition("leads", number), 15, 20, LossReason.LOG_REPLACED) for number in (2, 3)
    ]


def test_partitions_that_others_read_from_now_on_are_not_lost() -> None:
    losses: list[Loss] = []
    topics = seen(losses, 0, 1, 2, 3)
    topics.assigned([TP], {0, 1, 2, 3})
    topics.look_for_removed({0, 1, 2, 3})
    topics.look_for_removed({0})
    assert losses == []
    assert not topics.remembers(TopicPartition("leads", 1))
