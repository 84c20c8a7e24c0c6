"""Fixtures of the tests of a process."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from stream.process.logging import OURS


@pytest.fixture
def logging_as_it_was() -> Iterator[None]:
    """Restore the loggers after a test that sets up logging."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers = []
    yield
    root.handlers = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    for name in OURS:
        logging.getLogger(name).setLevel(logging.NOTSET)
