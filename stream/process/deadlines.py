"""Deadlines: times of the event loop's clock by which something must have ended, in seconds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from schemas.errors import FatalError

__all__ = ["fail_at", "now", "time_left"]


def now() -> float:
    """Return the time of the running event loop's clock."""
    return asyncio.get_running_loop().time()


def time_left(by: float) -> float:
    """Return the seconds until a deadline; 0 once it has passed."""
    return max(0.0, by - now())


@asynccontextmanager
async def fail_at(by: float, sentence: str) -> AsyncIterator[None]:
    """Cancel the body at a deadline.

    Parameters
    ----------
    by
        The deadline.
    sentence
        What was expected, and what to check.

    Raises
    ------
    FatalError
        With the sentence: the body had not ended by the deadline.
    """
    try:
        async with asyncio.timeout_at(by):
            yield
    except TimeoutError:
        raise FatalError(sentence) from None
