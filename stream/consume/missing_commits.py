"""Warns at the start if a group has no commits though its outputs show that it had some.

Kafka deletes the commits of a topic with the topic, and those of a group without members after
``offsets.retention.minutes``. A topic that is deleted and created again while no worker runs then
looks like one that the group has never read. It is read from its start; unread records of the old
log are lost, and their number is unknown. A running worker remembers the commits
(stream/consume/recreated_topics.py).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from stream.fetch.closing import closed
from stream.kafka.log_reader import LogReader
from stream.settings import Settings

__all__ = ["partitions_read_again", "warn_of_missing_commits"]

log = logging.getLogger(__name__)

ANSWER_LIMIT = 5.0
"""Seconds for all requests; without an answer the worker starts without the check."""
WITHOUT_MEMBERS = ("Empty", "Dead")
"""States of a group; with members, a commit may be missing because it is about to come."""
STATE = 2
"""Position of the state in the description of a group."""


async def warn_of_missing_commits(settings: Settings) -> None:
    """Log the partitions that are read from their start though their leads were scored before."""
    try:
        async with asyncio.timeout(ANSWER_LIMIT):
            partitions = await _partitions_without_commits(settings)
    except (KafkaError, TimeoutError) as error:
        log.info("could not check whether the group lacks commits: %r", error)
        return
    if partitions:
        log.warning(
            "group %s has no commit for partitions %s of %s, but %s has events of them: the topic"
            " was created again, or its commits have expired or were deleted. The log is read from"
            " its start: leads that were scored before are scored again, and what was unread of an"
            " earlier log is lost (docs/runbook.md#leadscoreleadslost)",
            *(settings.group_id, partitions, settings.leads_created, settings.leads_scored),
        )


async def _partitions_without_commits(settings: Settings) -> list[int]:
    connection = settings.kafka_client_options()
    admin = AIOKafkaAdminClient(**connection)
    try:
        await admin.start()
        [described] = await admin.describe_consumer_groups([settings.group_id])
        [group] = described.groups
        if group[STATE] not in WITHOUT_MEMBERS:
            return []
        commits = await admin.list_consumer_group_offsets(settings.group_id)
        [topic] = await admin.describe_topics([settings.leads_scored])
    finally:
        await closed(admin.close())
    committed = {at.partition for at in commits if at.topic == settings.leads_created}
    outputs = [
        TopicPartition(settings.leads_scored, partition["partition"])
        for partition in topic["partitions"]
    ]
    async with LogReader(connection, "read_uncommitted").open() as consumer:
        ends = await consumer.end_offsets(outputs)
    return partitions_read_again(committed, {at.partition: end for at, end in ends.items()})


def partitions_read_again(committed: Collection[int], ends: Mapping[int, int]) -> list[int]:
    """Return the partitions without a commit whose leads were scored before.

    Parameters
    ----------
    committed
        Partitions of the source topic that the group has a commit for.
    ends
        Offset after the last event of each partition of the scored topic, which has as many.
    """
    return sorted(number for number, end in ends.items() if end and number not in committed)
