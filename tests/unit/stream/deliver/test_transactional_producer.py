"""A transactional id: each producer fences the one before, and errors are sorted by what helps."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaError,
    OutOfOrderSequenceNumber,
    ProducerFenced,
    TransactionalIdAuthorizationFailed,
)

from schemas.errors import FatalError
from stream.deliver.transactional_producer import FENCED, TransactionalId, may_pass
from stream.kafka.topic_limits import TopicLimits
from testing.fake_kafka import FakeKafka
from testing.jumping_time import in_jumping_time
from tests.unit.stream.deliver.fake_transactions import FakeCoordinator

NAME = "group/leads/0"


def coordinator() -> FakeCoordinator:
    return FakeCoordinator(FakeKafka(), ["scored"])


def id_of(kafka: FakeCoordinator, *expected: TopicPartition) -> TransactionalId:
    limits = TopicLimits(["scored"], kafka.read_limits, fallback=1000, batch_bytes=100)
    return TransactionalId(NAME, kafka.connect, limits, expected, partition_limit=5.0)


@in_jumping_time
async def test_a_new_producer_fences_the_one_before_and_closes_it() -> None:
    kafka = coordinator()
    transactional = id_of(kafka)
    await transactional.open()
    first = transactional.producer
    await transactional.open()
    assert transactional.producer is not first
    assert kafka.epochs[NAME] == 1
    await transactional.close(asyncio.get_running_loop().time() + 1)
    assert [producer.is_stopped for producer in kafka.producers] == [True, True]


@in_jumping_time
async def test_batches_are_as_large_as_the_topics_take() -> None:
    kafka = coordinator()
    await id_of(kafka).open()
    assert kafka.producers[0].max_batch_bytes == 100


@in_jumping_time
async def test_a_retriable_error_is_retried_with_a_new_producer() -> None:
    kafka = coordinator()
    kafka.script["start"].extend([KafkaConnectionError(), KafkaConnectionError()])
    transactional = id_of(kafka)
    await transactional.open()
    assert len(kafka.producers) == 3
    assert transactional.producer is kafka.producers[-1]
    await transactional.close(asyncio.get_running_loop().time() + 1)
    assert all(producer.is_stopped for producer in kafka.producers)


@in_jumping_time
async def test_a_refusal_is_raised_at_once() -> None:
    kafka = coordinator()
    kafka.script["start"].append(TransactionalIdAuthorizationFailed())
    with pytest.raises(TransactionalIdAuthorizationFailed):
        await id_of(kafka).open()
    assert len(kafka.producers) == 1


@in_jumping_time
async def test_a_partition_that_does_not_appear_is_fatal_after_its_limit() -> None:
    kafka = coordinator()
    started = asyncio.get_running_loop().time()
    with pytest.raises(FatalError, match="has no partition 7: add partitions to it"):
        await id_of(kafka, TopicPartition("scored", 7)).open()
    assert 5.0 <= asyncio.get_running_loop().time() - started < 10.0


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (KafkaError(), True),
        (OutOfOrderSequenceNumber(), True),
        (KafkaConnectionError(), True),
        (TransactionalIdAuthorizationFailed(), False),
        (ProducerFenced(), False),
        (ValueError(), False),
    ],
)
def test_a_new_producer_helps_against_broken_ones_and_not_against_refusals(
    error: Exception, passes: bool
) -> None:
    assert may_pass(error) is passes


def test_a_fenced_producer_gets_either_error() -> None:
    assert {error.__name__ for error in FENCED} == {"ProducerFenced", "InvalidProducerEpoch"}
