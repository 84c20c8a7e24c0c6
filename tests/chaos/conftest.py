"""The chaos ring: a part of it, or as LEADSCORE_CHAOS says `all`, each once, or `long`, thrice."""

from __future__ import annotations

import os
from collections.abc import Iterator
from random import Random

import pytest

from tests.chaos.brokers import Cluster, ProxiedBroker

FORM = os.environ.get("LEADSCORE_CHAOS", "")
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
def proxied_kafka() -> Iterator[ProxiedBroker]:
    """A broker of the test's own, behind a proxy that can be told to misbehave."""
    broker = ProxiedBroker()
    yield broker
    broker.close()


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """Three brokers of the test's own."""
    cluster = Cluster()
    yield cluster
    cluster.close()
