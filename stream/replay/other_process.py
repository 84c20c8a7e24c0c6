"""Recognise that another process executes a replay, before it is resumed.

Partitions are assigned by hand, so Kafka does not keep two processes apart. With exactly once the
later one fences the earlier; at least once both would score everything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from schemas.errors import FatalError, StartupError
from stream.kafka.committed_offsets import GroupOffsets
from stream.replay.plan import ReplayPlan
from stream.replay.ranges import PartitionRange
from stream.settings import Settings

__all__ = ["require_alone"]

INTERVALS, MOST_SECONDS = 1.5, 5.0
"""Commit intervals between two looks at the commits, and the most seconds of them."""


async def require_alone(
    settings: Settings, plan: ReplayPlan, ranges: Sequence[PartitionRange]
) -> None:
    """Check that no other process commits progress of some ranges.

    A process that yields to the workers, down to a stop, is not recognised.

    Raises
    ------
    StartupError
        One does.
    FatalError
        Kafka did not answer.
    """
    partitions = [TopicPartition(plan.topic, each.partition) for each in ranges]
    if not partitions:
        return
    wait = min(MOST_SECONDS, INTERVALS * plan.settings_of(settings).commit_seconds)
    offsets = GroupOffsets(settings.kafka_client_options(), plan.group_id)
    try:
        async with offsets.open() as fetch:
            before = await fetch(partitions)
            await asyncio.sleep(wait)
            after = await fetch(partitions)
    except KafkaError as error:
        raise FatalError(
            f"expected the commits of group {plan.group_id}, but Kafka answered {error!r}: check"
            " that this user may read the group"
        ) from error
    both = before.keys() & after.keys()
    moving = sorted(at.partition for at in both if before[at] != after[at])
    if moving:
        raise StartupError(
            f"expected no other process to execute replay {plan.id}, but the progress of the"
            f" partitions {moving} has moved within {wait:g} s: let that process continue, or end"
            " it first"
        )
