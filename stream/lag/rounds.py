"""Read lags again and again, across failures of the broker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple

from aiokafka.errors import KafkaError

from stream.lag.figures import GroupLag
from stream.lag.source import Lags

__all__ = ["Connect", "Round", "rounds"]

Connect = Callable[[], AbstractAsyncContextManager[Lags]]
"""Opens a connection, and yields what reads the lags."""


class Round(NamedTuple):
    """One reading, or the reason why it failed."""

    at: float
    """Seconds since 1970, by Kafka's clock if it is known; 0 for a failure."""
    lags: Sequence[GroupLag]
    failure: str | None = None


async def rounds(connect: Connect, interval: float) -> AsyncGenerator[Round, None]:
    """Yield a round at an interval, without end; connect again after a failure.

    Close the generator when done, for example with `contextlib.aclosing`.

    Parameters
    ----------
    connect
        Opens a connection.
    interval
        Seconds from one round to the next.
    """
    while True:
        try:
            async with connect() as lags:
                while True:
                    found = await lags.read()
                    yield Round(lags.now(), found)
                    await asyncio.sleep(interval)
        except (KafkaError, OSError, TimeoutError) as error:
            yield Round(0.0, (), str(error) or type(error).__name__)
        await asyncio.sleep(interval)
