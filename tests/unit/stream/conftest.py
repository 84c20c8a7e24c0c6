from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stream.process.logging import OURS, set_up_logging
from stream.settings import load_settings

Show = Callable[[], list[str]]


@pytest.fixture
def shown() -> Iterator[Show]:
    """Log for people; returns the lines so far."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers = []
    stream = io.StringIO()
    set_up_logging(load_settings(log_format="human"), stream)
    yield lambda: stream.getvalue().splitlines()
    root.handlers = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    for name in OURS:
        logging.getLogger(name).setLevel(logging.NOTSET)


@pytest.fixture
def leads_csv(tmp_path: Path) -> Path:
    """Two leads, the later one first."""
    path = tmp_path / "leads.csv"
    path.write_text(
        "lead_id,created_at,page_views,industry\nb,2024-01-02,7,retail\na,2024-01-01,3,\n"
    )
    return path


@pytest.fixture
def current_loop() -> Iterator[None]:
    """An event loop of the test's own, as a Faust app wants one when it is made."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    loop.close()
    asyncio.set_event_loop(None)
