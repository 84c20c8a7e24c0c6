"""Conformance checks of ``stream.deliver.delivery.Delivery``, on fakes and on a real Kafka.

A check gets a stage: one delivery with one assigned partition. The unit ring runs all checks on
fakes (``tests/unit/stream/deliver/test_delivery.py``), the integration ring runs the same ones on a
broker (``tests/integration/test_delivery.py``).
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError, NotLeaderForPartitionError, TopicAuthorizationFailedError

from schemas.errors import FatalError
from stream.consume.partition_progress import Batch, PartitionProgress
from stream.deliver.batch_producer import Output
from stream.deliver.delivery import Delivery, PartitionLostError
from stream.deliver.sending import RecordsTooLargeError
from testing.fake_kafka import FakeRecord

GENERATION = 1
LIMIT = 1000
"""``max.message.bytes`` of the output topics."""
BATCH_BYTES = 100
"""Most bytes of a batch, except for a single record that is larger."""
TOO_LARGE = b"L" * 2 * LIMIT


class Stage(Protocol):
    """A delivery on a Kafka, with one assigned partition and two output topics."""

    delivery: Delivery
    partition: TopicPartition
    """The input partition."""
    scored: str
    dead: str
    is_exactly_once: bool

    @abstractmethod
    def fail_next(self, error: KafkaError) -> None:
        """Make the next batch of outputs fail with an error."""

    @abstractmethod
    async def commit(self, progress: PartitionProgress) -> None:
        """Commit what is due: from then on readers of committed records see the outputs."""

    @abstractmethod
    async def visible(self, topic: str) -> list[bytes]:
        """Return the values that such a reader sees."""

    @abstractmethod
    async def committed(self) -> int | None:
        """Return the group's offset of the partition; None where it has none."""

    @abstractmethod
    async def give_to_next_owner(self) -> Delivery:
        """Assign the partition to a new delivery.

        Returns
        -------
        Delivery
            The previous one, which was not stopped: a worker that hangs, or does not know yet.
        """


Opener = Callable[[], AbstractAsyncContextManager[Stage]]
Check = Callable[[Stage], Awaitable[None]]


def _batch_of(stage: Stage, progress: PartitionProgress, records: int) -> Batch:
    read = [FakeRecord(offset, 0, offset) for offset in range(records)]
    batch = Batch(stage.partition, read, generation=GENERATION)  # type: ignore[arg-type]
    progress.add(batch)
    assert batch.begin()
    return batch


async def _admitted(stage: Stage, progress: PartitionProgress, records: int) -> Batch:
    batch = _batch_of(stage, progress, records)
    assert await stage.delivery.admit(batch)
    return batch


def _rows_of(values: Iterable[bytes]) -> list[Output]:
    return [(b"key", value, []) for value in values]


async def _send(delivery: Delivery, batch: Batch, topic: str, values: Iterable[bytes]) -> None:
    for sent in await delivery.send(topic, batch, _rows_of(values)):
        await sent


async def outputs_of_an_admitted_batch_are_visible_in_order_once_committed(stage: Stage) -> None:
    progress = PartitionProgress()
    batch = await _admitted(stage, progress, 3)
    await _send(stage.delivery, batch, stage.scored, [b"a", b"b"])
    await _send(stage.delivery, batch, stage.scored, [b"c"])
    await _send(stage.delivery, batch, stage.dead, [b"why"])
    stage.delivery.done(batch)
    await stage.commit(progress)
    assert await stage.visible(stage.scored) == [b"a", b"b", b"c"]
    assert await stage.visible(stage.dead) == [b"why"]


async def sends_are_ordered_even_if_nobody_waits_for_the_first(stage: Stage) -> None:
    progress = PartitionProgress()
    batch = await _admitted(stage, progress, 40)
    numbers = [b"%d" % number for number in range(40)]
    sent = [
        future
        for at in range(0, 40, 10)
        for future in await stage.delivery.send(
            stage.scored, batch, _rows_of(numbers[at : at + 10])
        )
    ]
    await asyncio.gather(*sent)
    stage.delivery.done(batch)
    await stage.commit(progress)
    assert await stage.visible(stage.scored) == numbers


async def done_makes_the_offsets_of_the_batch_due(stage: Stage) -> None:
    progress = PartitionProgress()
    batch = await _admitted(stage, progress, 5)
    await _send(stage.delivery, batch, stage.scored, [b"a"])
    progress.settle()
    assert not progress.is_due
    stage.delivery.done(batch)
    progress.settle()
    assert progress.is_due
    assert await stage.committed() is None
    await stage.commit(progress)
    assert progress.committed == 5
    assert await stage.committed() == 5


async def without_rows_there_is_nothing_to_wait_for(stage: Stage) -> None:
    batch = await _admitted(stage, PartitionProgress(), 1)
    assert list(await stage.delivery.send(stage.scored, batch, [])) == []


async def the_limits_of_the_output_topics_are_known(stage: Stage) -> None:
    limits = stage.delivery.limits
    assert (limits.max_bytes(stage.scored), limits.max_bytes(stage.dead)) == (LIMIT, LIMIT)


async def a_record_refused_as_too_large_is_named_and_the_others_are_delivered(
    stage: Stage,
) -> None:
    progress = PartitionProgress()
    batch = await _admitted(stage, progress, 3)
    with pytest.raises(RecordsTooLargeError) as refused:
        await _send(stage.delivery, batch, stage.scored, [b"a", TOO_LARGE, b"c"])
    assert refused.value.positions == (1,)
    stage.delivery.done(batch)
    await stage.commit(progress)
    assert await stage.visible(stage.scored) == [b"a", b"c"]


async def after_a_retriable_error_every_output_is_visible_once(stage: Stage) -> None:
    progress = PartitionProgress()
    batch = await _admitted(stage, progress, 2)
    stage.fail_next(NotLeaderForPartitionError())
    await _send(stage.delivery, batch, stage.scored, [b"a", b"b"])
    stage.delivery.done(batch)
    await stage.commit(progress)
    assert await stage.visible(stage.scored) == [b"a", b"b"]


async def an_error_that_no_retry_resolves_is_fatal(stage: Stage) -> None:
    batch = await _admitted(stage, PartitionProgress(), 1)
    stage.fail_next(TopicAuthorizationFailedError())
    with pytest.raises(FatalError, match="may write to them"):
        await _send(stage.delivery, batch, stage.scored, [b"a"])


async def the_next_owner_repeats_uncommitted_outputs_visibly_only_at_least_once(
    stage: Stage,
) -> None:
    lost = await _admitted(stage, PartitionProgress(), 2)
    await _send(stage.delivery, lost, stage.scored, [b"a", b"b"])
    previous = await stage.give_to_next_owner()
    assert await stage.committed() is None
    progress = PartitionProgress()
    batch = await _admitted(stage, progress, 2)
    await _send(stage.delivery, batch, stage.scored, [b"a", b"b"])
    stage.delivery.done(batch)
    await stage.commit(progress)
    if stage.is_exactly_once:
        assert await stage.visible(stage.scored) == [b"a", b"b"]
        with pytest.raises(PartitionLostError):
            await _send(previous, lost, stage.scored, [b"late"])
        assert await stage.visible(stage.scored) == [b"a", b"b"]
    else:
        assert await stage.visible(stage.scored) == [b"a", b"b", b"a", b"b"]
    assert await stage.committed() == 2


CHECKS: tuple[Check, ...] = (
    outputs_of_an_admitted_batch_are_visible_in_order_once_committed,
    sends_are_ordered_even_if_nobody_waits_for_the_first,
    done_makes_the_offsets_of_the_batch_due,
    without_rows_there_is_nothing_to_wait_for,
    the_limits_of_the_output_topics_are_known,
    a_record_refused_as_too_large_is_named_and_the_others_are_delivered,
    after_a_retriable_error_every_output_is_visible_once,
    an_error_that_no_retry_resolves_is_fatal,
    the_next_owner_repeats_uncommitted_outputs_visibly_only_at_least_once,
)
each_check = pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
