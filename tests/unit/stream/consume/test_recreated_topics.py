"""Recreated topics: a loss is reported by the commit with which an assignment began."""

from __future__ import annotations

from aiokafka import TopicPartition

from stream.consume.lost_records import Loss, LossReason
from stream.consume.partition_progress import PartitionProgress
from stream.consume.recreated_topics import RecreatedTopics

TP = TopicPartition("leads", 0)


def test_a_model_that_is_committed_before_the_first_look_does_not_hide_the_loss() -> None:
    losses: list[Loss] = []
    topics = RecreatedTopics(losses.append)
    topics.assigned([TP])
    topics.look(TP, PartitionProgress(committed=15), generation=1, end=20)
    topics.assigned([])  # while the topic is gone
    topics.assigned([TP])
    anew = PartitionProgress(committed=None)
    anew.is_committed(0, None)
    for _ in range(2):
        topics.look(TP, anew, generation=3, end=40)
    assert losses == [Loss(TP, 15, 20, LossReason.LOG_REPLACED)]


def test_a_group_that_commits_for_the_first_time_has_lost_nothing() -> None:
    losses: list[Loss] = []
    topics = RecreatedTopics(losses.append)
    topics.assigned([TP])
    first = PartitionProgress(committed=None)
    topics.look(TP, first, generation=1, end=20)
    first.is_committed(20, None)
    topics.look(TP, first, generation=1, end=20)
    topics.look(TP, PartitionProgress(committed=20), generation=2, end=20)
    assert losses == []
