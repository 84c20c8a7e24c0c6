"""The chaos ring: a part of it, or as LEADSCORE_CHAOS says `all`, each once, or `long`, thrice."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterator
from random import Random

import pytest

from stream.broker import Broker
from testing.kafka_client import TopicFactory
from tests.chaos.brokers import Cluster, ConfiguredBroker, ProxiedBroker, StoppableBroker
from tests.conftest import StageSetter
from tests.integration.worker_process import Stage

FORM = os.environ.get("LEADSCORE_CHAOS", "")
OpenStage = Callable[..., Awaitable[Stage]]
SEEDS = (1, 2, 3) if FORM == "long" else (1,)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the thorough ones to `make chaos`."""
    left_out = [item for item in items if not FORM and item.get_closest_marker("thorough")]
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)


@pytest.fixture(params=SEEDS)
def seed(request: pytest.FixtureRequest) -> int:
    return request.param


@pytest.fixture
def chance(seed: int) -> Random:
    """When faults come, and whom they hit."""
    return Random(seed)


@pytest.fixture(params=["at_least_once", pytest.param("exactly_once", marks=pytest.mark.thorough)])
def delivery(request: pytest.FixtureRequest) -> str:
    """How often an output is seen; the audit allows no repeat where it is exactly once."""
    return request.param


@pytest.fixture
def open_stage(
    kafka: Broker, topics: TopicFactory, set_stage: StageSetter, delivery: str
) -> OpenStage:
    """Make a stage on the shared broker, of each kind of delivery, given more settings."""

    async def opened(**settings: str) -> Stage:
        stage = set_stage(
            kafka.bootstrap,
            LEADSCORE_TOPIC_PREFIX=topics.prefix,
            LEADSCORE_DELIVERY=delivery,
            **settings,
        )
        await stage.create_topics()
        return stage

    return opened


@pytest.fixture
async def stage(open_stage: OpenStage) -> Stage:
    """A stage on the shared broker as it is by default."""
    return await open_stage()


@pytest.fixture
def proxied_kafka() -> Iterator[ProxiedBroker]:
    """A broker of the test's own, behind a proxy that misbehaves on request."""
    broker = ProxiedBroker()
    yield broker
    broker.close()


@pytest.fixture
def stoppable_kafka() -> Iterator[StoppableBroker]:
    """A broker of the test's own, whose files it may change."""
    broker = StoppableBroker()
    yield broker
    broker.close()


@pytest.fixture
def creating_kafka() -> Iterator[ConfiguredBroker]:
    """A broker of the test's own that creates a missing topic when a client asks for it."""
    broker = ConfiguredBroker({"auto.create.topics.enable": "true", "num.partitions": "1"})
    yield broker
    broker.close()


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """Three brokers of the test's own."""
    cluster = Cluster()
    yield cluster
    cluster.close()
