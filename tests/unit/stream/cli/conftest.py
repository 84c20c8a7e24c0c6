"""Fixtures of the command tests."""

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def aiokafka_logs_as_before() -> Iterator[None]:
    """Undo what commands do to aiokafka's logger: each has a process of its own, tests have not."""
    logger = logging.getLogger("aiokafka")
    level = logger.level
    yield
    logger.setLevel(level)
