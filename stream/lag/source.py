"""Lags of some groups on one broker, by Kafka's clock: what the command and the exporter read."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

from stream.kafka.broker_clock import clock_reader
from stream.lag.figures import GroupLag
from stream.lag.kafka_time import KafkaTime
from stream.lag.log_view import open_log_view
from stream.lag.reader import GroupTopics, LagReader
from stream.settings import Settings

__all__ = ["READ_LIMIT", "LagSource", "Lags", "open_lags"]

READ_LIMIT = 30.0
"""Seconds that one reading of all lags may take."""


class Lags(Protocol):
    """Reads lags; tests have a fake."""

    def now(self) -> float:
        """Return seconds since 1970, by Kafka's clock if it is known."""

    async def read(self) -> list[GroupLag]:
        """Read all lags."""


class LagSource:
    """Reads the lags of some groups: `open_lags` opens one.

    Parameters
    ----------
    reader
        Reads lags.
    asked
        Groups and topics.
    clock
        The clock that ``reader`` uses.
    """

    def __init__(self, reader: LagReader, asked: Sequence[GroupTopics], clock: KafkaTime) -> None:
        self._reader = reader
        self._asked = asked
        self._clock = clock

    def now(self) -> float:
        """Return seconds since 1970, by Kafka's clock if it is known."""
        return self._clock.now()

    async def read(self) -> list[GroupLag]:
        """Read all lags.

        Raises
        ------
        KafkaError
            Kafka does not answer or refuses.
        TimeoutError
            It took longer than ``READ_LIMIT``.
        """
        try:
            async with asyncio.timeout(READ_LIMIT):
                await self._clock.refresh()
                return await self._reader.read(self._asked)
        except TimeoutError as error:
            raise TimeoutError(f"no answer within {READ_LIMIT:g} s") from error


@asynccontextmanager
async def open_lags(
    settings: Settings, asked: Sequence[GroupTopics], isolation_level: str
) -> AsyncIterator[LagSource]:
    """Connect to Kafka until the body ends.

    Parameters
    ----------
    settings
        Kafka's address.
    asked
        Groups and topics.
    isolation_level
        See ``stream.lag.log_view.open_log_view``.

    Raises
    ------
    KafkaError
        Kafka can't be reached.
    """
    connection = settings.kafka_client_options()
    clock = KafkaTime(clock_reader(connection))
    async with open_log_view(connection, isolation_level) as view:
        reader = LagReader(view, now=clock.now, monotonic=time.monotonic)
        yield LagSource(reader, asked, clock)
