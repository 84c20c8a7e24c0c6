"""Watches the workers beside a replay: their lag, and the end-to-end latency of their events."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from typing import Any, Protocol

import numpy as np
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from schemas.headers import SourceOf
from schemas.record_time import age_ms
from stream.consume.partition_progress import Record
from stream.fetch.raw_batches import RawReader
from stream.kafka.committed_offsets import Commits, GroupOffsets
from stream.kafka.lenient_polls import Polled, poll
from stream.kafka.log_reader import LogReader
from stream.lag.uncommitted import uncommitted_offsets
from stream.replay.throttle import LiveState
from stream.settings import Settings

__all__ = ["LiveWatch", "latency_of", "read_lately"]

log = logging.getLogger(__name__)

LOOK = 2.0
"""Seconds between two looks."""
ANSWER_LIMIT = 10.0
"""Seconds for one look; without an answer the rate stays."""
RECENT_MS = 10_000
"""Events older than this do not show how fast the workers are now."""
POLL_MS = 500
LATEST = 50
"""Latest offsets of a partition of scored events, and of the leads', that a look reads."""


def latency_of(
    leads: Iterable[Record], events: Iterable[Record], source_of: SourceOf, now_ms: float
) -> float | None:
    """Return the 99th percentile of the latency of recent events, in milliseconds.

    The latency of an event is the time from the time stamp of its lead's record to its own; leads
    with an implausible time stamp do not count.

    Parameters
    ----------
    leads, events
        The latest records of a partition of leads, and of the scored events.
    source_of
        Finds the lead of an event; events of replays have none.
    now_ms
        The time, milliseconds since 1970.

    Returns
    -------
    float or None
        None where no event is recent.
    """
    arrived = {
        lead.offset: lead.timestamp for lead in leads if age_ms(lead.timestamp, now_ms) is not None
    }
    found = [
        event.timestamp - arrived[source]
        for event in events
        if event.timestamp > now_ms - RECENT_MS
        and (source := source_of(event.headers)) is not None
        and source in arrived
    ]
    return float(np.percentile(found, 99)) if found else None


class LiveWatch:
    """Looks at the workers' group at regular times, so that a replay can slow down for it.

    Parameters
    ----------
    settings
        Those of the workers, not of the replay: their group and topics.
    partitions
        Partitions of the leads topic.
    on_state
        Called with their lag and latency.
    """

    def __init__(
        self, settings: Settings, partitions: int, on_state: Callable[[LiveState], None]
    ) -> None:
        connection = settings.kafka_client_options()
        self._settings = settings
        self._on_state = on_state
        self._partitions = [
            TopicPartition(settings.leads_created, number) for number in range(partitions)
        ]
        self._offsets = GroupOffsets(connection, settings.group_id)
        self._reader = LogReader(connection, "read_committed")
        self._next = 0

    async def run(self) -> None:
        """Look at regular times, without end; an error of Kafka leaves the rate as it is."""
        is_known = True
        while True:
            try:
                async with (
                    self._offsets.open() as commits_of,
                    self._reader.open() as consumer,
                    self._reader.open_beside() as beside,
                ):
                    while True:
                        async with asyncio.timeout(ANSWER_LIMIT):
                            self._on_state(await self.state(consumer, beside, commits_of))
                        is_known = True
                        await asyncio.sleep(LOOK)
            except (KafkaError, TimeoutError) as error:
                if is_known:
                    log.warning(
                        "the workers' lag and latency are not known: %r; the replay does not yield"
                        " to them until they are",
                        error,
                    )
                is_known = False
            await asyncio.sleep(LOOK)

    async def state(
        self,
        consumer: Any,
        beside: RawReader,
        commits_of: Callable[[Collection[TopicPartition]], Awaitable[Commits]],
    ) -> LiveState:
        """Return how the workers are doing now.

        Parameters
        ----------
        consumer
            Reads the ends of the logs, and the latest events.
        beside
            Reads records that the consumer can't decode.
        commits_of
            Fetches the commits of the workers' group.

        Raises
        ------
        KafkaError
            Kafka did not answer, or this user may not read the group or the scored events.
        """
        commits = await commits_of(self._partitions)
        committed = {at: commit.offset for at, commit in commits.items() if commit is not None}
        if not committed:
            return LiveState()
        ends = await consumer.end_offsets(self._partitions)
        # One partition per look, in turn: all of them would cost the broker more than it is worth.
        self._next = (self._next + 1) % len(self._partitions)
        latency = await self._latency(consumer, beside, self._partitions[self._next])
        return LiveState(uncommitted_offsets(ends, committed), latency)

    async def _latency(
        self, consumer: Any, beside: RawReader, source: TopicPartition
    ) -> float | None:
        number = source.partition
        output = TopicPartition(self._settings.leads_scored, number)
        end = (await consumer.end_offsets([output]))[output]
        events = await read_lately(consumer, beside, output, end - LATEST, end)
        source_of = SourceOf(source.topic, number, None)
        offsets = [at for event in events if (at := source_of(event.headers)) is not None]
        if not offsets:
            return None
        leads = await read_lately(consumer, beside, source, min(offsets), max(offsets) + 1)
        return latency_of(leads, events, source_of, time.time() * 1000)


class Assignable(Polled, Protocol):
    """The part of an aiokafka consumer that is used here."""

    def assign(self, partitions: Sequence[TopicPartition]) -> None:
        """Read these partitions."""

    def unsubscribe(self) -> None:
        """Read none."""


async def read_lately(
    consumer: Assignable, beside: RawReader, partition: TopicPartition, start: int, end: int
) -> Sequence[Record]:
    """Return the readable records of a few offsets, as far as one poll brings them."""
    if end <= 0:
        return ()
    consumer.assign([partition])
    consumer.seek(partition, max(start, 0))
    found: list[Record] = []
    steps = poll(consumer, beside, {partition: end}, timeout_ms=POLL_MS, max_records=LATEST * 2)
    async for polled in steps:
        found += polled.get(partition, ())
    consumer.unsubscribe()
    return found
