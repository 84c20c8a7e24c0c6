"""The chaos ring: LEADSCORE_CHAOS is unset (a part, for CI), `all` (each once) or `long` (thrice)."""

from __future__ import annotations

import os
from random import Random

import pytest

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
