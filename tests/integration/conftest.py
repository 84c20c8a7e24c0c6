"""Real Kafka for the integration ring: given, in Docker, or from its jars; never the mock."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator

import pytest

from schemas.errors import StartupError
from stream.broker import BreakableBroker, Broker, BrokerKind, open_broker, pick_broker
from tests.kafka_client import TopicFactory

REMEDY = "the integration ring runs on real Kafka only and does not skip"


@pytest.fixture(scope="session")
def kafka() -> Iterator[Broker]:
    """The broker that all tests share; keep to topics and groups of your own."""
    try:
        opened = open_broker(require_real=True)
        broker = opened.__enter__()
    except StartupError as error:
        pytest.fail(f"{error}; {REMEDY}", pytrace=False)
    yield broker
    opened.__exit__(None, None, None)


@pytest.fixture
def breakable_kafka() -> Iterator[BreakableBroker]:
    """A broker of the test's own, to pause, kill and restart."""
    try:
        broker = pick_broker((BrokerKind.DOCKER, BrokerKind.JAVA))
    except StartupError as error:
        pytest.fail(f"{error}; {REMEDY}", pytrace=False)
    yield broker
    broker.close()


@pytest.fixture
async def topics(kafka: Broker) -> AsyncIterator[TopicFactory]:
    """Topics of this test alone: `name = await topics.create("leads.created", partitions=4)`."""
    factory = TopicFactory(kafka.bootstrap, f"t{uuid.uuid4().hex[:12]}.")
    yield factory
    await factory.delete_all()
