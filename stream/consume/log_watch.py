"""Watches the logs of the partitions that are read: their ends, losses and open transactions.

The broker's answers to fetches and its metadata show them, so a look sends no request.
"""

from __future__ import annotations

from collections.abc import Collection

from aiokafka import TopicPartition

from stream.consume.assignment import Assignment
from stream.consume.lost_records import OnLoss
from stream.consume.missing_topic import MissingTopic
from stream.consume.open_transactions import OpenTransactions
from stream.consume.recreated_topics import RecreatedTopics
from stream.kafka.consumer import Consumer
from stream.process.deadlines import now

__all__ = ["LogWatch"]


class LogWatch:
    """Reports logs that were replaced or removed, open transactions, and a missing topic.

    Parameters
    ----------
    consumer
        Reads the topic.
    topic
        The topic.
    on_loss
        Called for each loss.
    topic_limit
        Seconds for which the topic may be missing.
    """

    def __init__(self, consumer: Consumer, topic: str, on_loss: OnLoss, topic_limit: float) -> None:
        self._consumer = consumer
        self._topic = topic
        self._recreated_topics = RecreatedTopics(on_loss)
        self._open_transactions = OpenTransactions()
        self._missing_topic = MissingTopic(topic, topic_limit)

    def end_offset(self, partition: TopicPartition) -> int | None:
        """Return the offset after the last record that can be read, as of the last fetch.

        None before the first fetch, and for partitions that are not assigned to this worker.
        """
        if partition not in self._consumer.assignment():
            return None
        stable = self._consumer.last_stable_offset(partition)
        return stable if stable is not None and stable >= 0 else self._consumer.highwater(partition)

    def remembers(self, partition: TopicPartition) -> bool:
        """Return whether this worker has seen a commit of a partition before."""
        return self._recreated_topics.remembers(partition)

    def assigned(self, partitions: frozenset[TopicPartition]) -> None:
        """Forget the partitions that others read from now on."""
        self._recreated_topics.assigned(partitions, self._existing)
        self._open_transactions.keep(partitions)

    def look_for_replaced(self, assignment: Assignment) -> None:
        """Report logs without the commit that was seen before: call it before each commit."""
        for partition, progress in assignment.items():
            end = self.end_offset(partition)
            self._recreated_topics.look(partition, progress, assignment.generation, end)

    def look_for_transactions(self, partition: TopicPartition) -> None:
        """Report a transaction that holds back the records of a partition for long."""
        consumer = self._consumer
        if partition in consumer.assignment():
            stable, end = consumer.last_stable_offset(partition), consumer.highwater(partition)
            self._open_transactions.look(partition, stable, end, now())

    def look_for_removed(self) -> None:
        """Report partitions that no longer exist.

        Raises
        ------
        FatalError
            The whole topic has been missing for longer than the limit.
        """
        existing = self._existing
        self._recreated_topics.look_for_removed(existing)
        self._missing_topic.look(is_known=bool(existing))

    @property
    def _existing(self) -> Collection[int]:
        """The numbers of the topic's partitions, as far as the client knows them."""
        return self._consumer.partitions_for_topic(self._topic) or ()
