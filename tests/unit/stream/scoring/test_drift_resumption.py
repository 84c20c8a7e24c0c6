"""Drift counts that continue where an earlier owner has stopped."""

from __future__ import annotations

from typing import Any

from aiokafka import TopicPartition

from stream.kafka.commit_metadata import ModelPin
from testing.fake_kafka import TOPIC
from tests.unit.small_model import SmallModel
from tests.unit.stream.scoring.role import Place

AT = TopicPartition(TOPIC, 0)


async def test_before_a_change_the_head_of_an_earlier_owner_is_counted(
    model: SmallModel,
) -> None:
    """Seen once: the partition was assigned a moment before, and its head was in no count."""
    place = Place(registry=str(model.registry))
    await place.role.models.reload()
    serving = place.role.changes.current
    assert serving is not None
    place.role.source.assignment.start(AT, 2209, ModelPin(serving.identity, 100))
    heads = []

    async def count_head(number: int, scorer: Any, block: Any, since: int, stop: int) -> None:
        heads.append((number, since, stop))

    place.role.drift._count_head = count_head  # type: ignore[method-assign]
    await place.role.resumption.publish_rest({AT: 2209})
    assert heads == [(0, 100, 2209)]
