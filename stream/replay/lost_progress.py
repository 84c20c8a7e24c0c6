"""Recognise that Kafka has forgotten the progress of a replay, before it is resumed.

Kafka deletes the commits of a group without members after ``offsets.retention.minutes``, 7 days by
default. A replay without commits looks like one that has not begun. Its outputs show that it has.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import aclosing

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from schemas.errors import FatalError
from schemas.headers import REPLAY_ID
from stream.kafka.committed_offsets import GroupOffsets
from stream.kafka.lenient_polls import UnreadableRecordError, all_readable
from stream.kafka.log_reader import LogReader
from stream.replay.plan import ReplayPlan
from stream.replay.ranges import PartitionRange
from stream.settings import Settings

__all__ = ["check_progress"]

log = logging.getLogger(__name__)

CLOCKS_MS = 600_000
"""Milliseconds by which clocks may differ: outputs of a replay are not older than its plan."""


async def check_progress(
    settings: Settings, plan: ReplayPlan, ranges: Sequence[PartitionRange]
) -> None:
    """Compare the commits of a replay that is resumed with its outputs.

    Raises
    ------
    FatalError
        With exactly once: a partition has outputs and no commit. Or Kafka did not answer.
    """
    try:
        lost = await _partitions_without_progress(settings, plan, ranges)
    except KafkaError as error:
        raise FatalError(
            f"expected to compare the commits of group {plan.group_id} with the outputs in"
            f" {plan.out}, as there are no commits, but Kafka answered {error!r}: check that this"
            " user may read the group and the topics"
        ) from error
    if not lost:
        return
    sentence = (
        f"Kafka has forgotten how far replay {plan.id} was in the partitions {lost}, though"
        f" {plan.out} has outputs of them (offsets.retention.minutes)"
    )
    if plan.settings["delivery"] == "exactly_once":
        raise FatalError(
            f"{sentence}: going on would write them twice. Start a new replay; `leadscore replay"
            f" cancel {plan.id}` ends this one"
        )
    log.warning("%s: it begins again there; repeats have the same event ids", sentence)


async def _partitions_without_progress(
    settings: Settings, plan: ReplayPlan, ranges: Sequence[PartitionRange]
) -> list[int]:
    offsets = GroupOffsets(settings.kafka_client_options(), plan.group_id)
    reader = LogReader(settings.kafka_client_options(), "read_committed")
    lost = []
    for each in ranges:
        if await offsets.read(TopicPartition(plan.topic, each.partition)) is not None:
            continue
        outputs = [TopicPartition(at, each.partition) for at in (plan.out, plan.dead_letters)]
        if any([await _has_outputs(reader, plan, at) for at in outputs]):
            lost.append(each.partition)
    return lost


async def _has_outputs(reader: LogReader, plan: ReplayPlan, output: TopicPartition) -> bool:
    """Return whether an output topic has a record of the replay; it may have those of workers.

    A record that can't be read may be one of the replay, so it counts as one.
    """
    since = round(plan.created_at.timestamp() * 1000) - CLOCKS_MS
    async with reader.open() as consumer:
        found = (await consumer.offsets_for_times({output: since}))[output]
        end = (await consumer.end_offsets([output]))[output]
    if found is None or found.offset >= end:
        return False
    mark = (REPLAY_ID, plan.id.encode())
    try:
        async with aclosing(reader.read(output, found.offset, end, take=all_readable)) as steps:
            async for records in steps:
                if any(mark in record.headers for record in records):
                    return True
    except UnreadableRecordError as error:
        log.warning("an unreadable record counts as an output of replay %s: %s", plan.id, error)
        return True
    return False
