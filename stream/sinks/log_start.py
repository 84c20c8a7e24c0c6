"""Start offsets of a sink: the group's commit, unless it belongs to a log that was replaced."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from aiokafka import TopicPartition

from stream.consume.lost_records import Loss, LossReason, OnLoss
from stream.consume.start_offsets import Start
from stream.kafka.commit_metadata import Commit

__all__ = ["LogStart"]

log = logging.getLogger(__name__)


class LogStart:
    """Returns where a partition starts: ``start_offsets.StartOf``.

    Parameters
    ----------
    topic_id
        Returns the id of a topic; None where it has none.
    remembers
        Whether this worker has seen a commit of a partition before: it then reports itself that
        the log was replaced (stream/consume/recreated_topics.py).
    on_loss
        Called when a partition's log was replaced.
    """

    def __init__(
        self,
        topic_id: Callable[[str], Awaitable[str | None]],
        remembers: Callable[[TopicPartition], bool],
        on_loss: OnLoss,
    ) -> None:
        self._topic_id = topic_id
        self._remembers = remembers
        self._on_loss = on_loss

    async def start_of(self, partition: TopicPartition, commit: Commit | None) -> Start:
        """Return the commit's offset if it belongs to the log that is there, else its start."""
        topic_id = await self._topic_id(partition.topic)
        if commit is None:
            return Start(None, None, topic_id)
        if None in (commit.topic_id, topic_id) or commit.topic_id == topic_id:
            return Start(commit.offset, None, topic_id)
        if not self._remembers(partition):
            loss = Loss(partition, commit.offset, commit.offset, LossReason.LOG_REPLACED)
            log.error("%s", loss, extra={"loss": loss.as_fields()})
            self._on_loss(loss)
        return Start(None, None, topic_id)
