"""Writes leads of HTTP requests to the topic of leads, before the requests are answered.

A worker scores them there like all others, so every consumer of scores, drift counts and archives
has each of them once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, Protocol

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from monitoring.telemetry.health import Condition, Health
from schemas.errors import StartupError
from stream.fetch.closing import closed
from stream.kafka.access import Use
from stream.kafka.producer import record_bytes
from stream.kafka.sequence_numbers import wrap_at_zero
from stream.kafka.topic_admin import partition_counts
from stream.kafka.topic_limits import limit_reader
from stream.process.background_tasks import BackgroundTasks
from stream.rest.problems import Problem
from stream.settings import Settings

__all__ = [
    "NOT_WRITTEN",
    "LeadProducer",
    "LeadRecord",
    "LeadWriter",
    "OpenProducer",
    "Place",
    "make_lead_writer",
]

log = logging.getLogger(__name__)

PROBE_SECONDS = 2.0
WRITE_SHARE = 0.5
"""Part of a request's time in which Kafka must acknowledge its leads."""
REQUEST_SECONDS = 5.0
"""Seconds until a request without a response is sent again on another connection."""
FALLBACK_BYTES = 1_000_000
"""Assumed limit of a topic whose ``max.message.bytes`` can't be read."""
NOT_WRITTEN = Problem(
    503,
    "NOT_WRITTEN",
    "expected Kafka to acknowledge the leads, but it did not (/readyz has the reason): they may be"
    " written or not; send the request again",
    {"Retry-After": "2"},
)
TOO_MANY = Problem(
    503,
    "OVERLOADED",
    "expected fewer leads that wait for Kafka's acknowledgement: nothing of the request was"
    " written; try again after a second",
    {"Retry-After": "1"},
)


class LeadRecord(NamedTuple):
    """A lead as it is written to Kafka: the key is its id, which determines the partition."""

    key: bytes
    value: bytes
    headers: Sequence[tuple[str, bytes | None]]
    timestamp_ms: int
    """Milliseconds since 1970."""


class Place(Protocol):
    """Where a record was written: ``aiokafka.structs.RecordMetadata``."""

    @property
    def partition(self) -> int:
        """Its partition."""

    @property
    def offset(self) -> int:
        """Its offset."""


class LeadProducer(Protocol):
    """The part of ``aiokafka.AIOKafkaProducer`` that is used; tests have a fake."""

    async def send(
        self,
        topic: str,
        *,
        value: bytes,
        key: bytes,
        timestamp_ms: int,
        headers: Sequence[tuple[str, bytes | None]],
    ) -> asyncio.Future[Any]:
        """Queue a record; the result, a ``Place``, is there once all in-sync replicas have it."""

    async def stop(self) -> None:
        """Deliver what was sent and close the connections."""


OpenProducer = Callable[[], Awaitable[tuple[LeadProducer, int]]]
"""Opens a producer; returns it, started, with the most bytes of a record. Raises a StartupError or
a KafkaError."""


def _producer_opener(settings: Settings, use: Use) -> OpenProducer:
    """Return a function that opens an idempotent producer for the topic of leads."""
    topic = settings.leads_created

    async def open_one() -> tuple[LeadProducer, int]:
        # The producer would wait for an unknown topic, and may cause the broker to create it.
        if topic not in await partition_counts(settings, use):
            raise StartupError(
                f"expected the topic {topic}, but it does not exist: create it with `leadscore"
                " topics create`"
            )
        limits = await limit_reader(settings.kafka_client_options())([topic])
        most_bytes = limits.get(topic, FALLBACK_BYTES)
        producer = AIOKafkaProducer(
            **settings.kafka_client_options(),
            client_id=f"leadscore-{use}",
            acks="all",
            enable_idempotence=True,
            request_timeout_ms=round(REQUEST_SECONDS * 1000),
            max_request_size=most_bytes,
        )
        wrap_at_zero(producer)
        try:
            await producer.start()
        except BaseException:
            await closed(producer.stop())
            raise
        return producer, most_bytes

    return open_one


class LeadWriter:
    """Writes leads, and returns their places.

    Parameters
    ----------
    topic
        The topic of leads.
    open_producer
        Opens a producer.
    ask
        Returns why Kafka does not answer; None: it does.
    most_waiting
        Leads that may wait for acknowledgements; a request beyond them is refused.
    largest
        Most bytes of a lead's value; the topic may take less.
    seconds
        Longest wait of a request.
    health
        Shows whether Kafka answers.
    count
        Called with a number of leads and whether Kafka acknowledged them.
    """

    def __init__(
        self,
        topic: str,
        open_producer: OpenProducer,
        ask: Callable[[], Awaitable[str | None]],
        *,
        most_waiting: int,
        largest: int,
        seconds: float,
        health: Health,
        count: Callable[[int, bool], None] = lambda _leads, _was_written: None,
    ) -> None:
        self.topic = topic
        self._open_producer = open_producer
        self._ask = ask
        self._most_waiting = most_waiting
        self._seconds = seconds
        self._largest = largest
        self._count = count
        self._health = health
        self._producer: LeadProducer | None = None
        self._most_bytes = FALLBACK_BYTES
        self._waiting = 0
        self._retiring = BackgroundTasks()
        self._must_look = asyncio.Event()

    async def write(self, leads: Sequence[LeadRecord]) -> list[Place]:
        """Write leads; return their places once Kafka has all of them.

        Raises
        ------
        Problem
            503: Kafka did not acknowledge all of them in time, or too many wait; 413: a lead is too
            large for the topic, and none was written.
        """
        self._require_size(leads)
        if self._waiting and self._waiting + len(leads) > self._most_waiting:
            raise TOO_MANY
        producer = self._producer
        if producer is None or not self._health.meets(Condition.BROKER_REACHED):
            self._failed(len(leads))
            raise NOT_WRITTEN
        try:
            async with asyncio.timeout(self._seconds):
                places = await self._send(producer, leads)
        except TimeoutError:
            self._must_look.set()
            self._failed(len(leads))
            reason = f"Kafka did not acknowledge a lead within {self._seconds:g} s"
            self._health.miss(Condition.BROKER_REACHED, reason)
            raise NOT_WRITTEN from None
        except KafkaError as error:
            log.warning("writing to %s failed: %s; opening a new producer", self.topic, error)
            self._failed(len(leads))
            self._retire(producer)
            raise NOT_WRITTEN from None
        self._count(len(leads), True)
        return places

    async def _send(self, producer: LeadProducer, leads: Sequence[LeadRecord]) -> list[Place]:
        sent = []
        for lead in leads:
            self._waiting += 1
            try:
                acknowledged = await producer.send(
                    self.topic,
                    value=lead.value,
                    key=lead.key,
                    timestamp_ms=lead.timestamp_ms,
                    headers=list(lead.headers),
                )
            except BaseException:
                self._waiting -= 1
                raise
            acknowledged.add_done_callback(self._acknowledged)
            sent.append(acknowledged)
        # Shielded: a request that waits no longer does not take its records back.
        return list(await asyncio.gather(*map(asyncio.shield, sent)))

    def _require_size(self, leads: Sequence[LeadRecord]) -> None:
        """Refuse leads before one is sent: a refusal by the broker makes the producer useless."""
        for lead in leads:
            if (
                len(lead.value) > self._largest
                or record_bytes(lead.key, lead.value, lead.headers) > self._most_bytes
            ):
                raise Problem(
                    413,
                    "LEAD_TOO_LARGE",
                    f"expected leads of at most {self._largest:,} bytes, in records of at most"
                    f" {self._most_bytes:,} bytes, as the topic {self.topic} takes: nothing of the"
                    " request was written",
                )

    def _acknowledged(self, acknowledged: asyncio.Future[Any]) -> None:
        self._waiting -= 1
        if not acknowledged.cancelled():
            acknowledged.exception()  # the request may have stopped to wait for it

    async def run(self) -> None:
        """Open a producer and look whether Kafka answers, at each interval, until cancelled."""
        while True:
            self._must_look.clear()
            await self.look()
            with suppress(TimeoutError):
                async with asyncio.timeout(PROBE_SECONDS):
                    await self._must_look.wait()

    async def look(self) -> None:
        """Look whether Kafka answers; open a producer if there is none."""
        reason = await self._ask()
        if reason is None and self._producer is None:
            try:
                self._producer, self._most_bytes = await self._open_producer()
            except (KafkaError, OSError, StartupError) as error:
                reason = f"{self.topic} can't be written to: {error}"
        if reason is None:
            self._health.meet(Condition.BROKER_REACHED)
        else:
            self._health.miss(Condition.BROKER_REACHED, reason)

    async def close(self) -> None:
        """Deliver what waits, within the time of a request, and close the connections."""
        if self._producer is not None:
            try:
                async with asyncio.timeout(self._seconds):
                    await self._producer.stop()
            except TimeoutError:
                log.warning("stopped before Kafka acknowledged %d leads", self._waiting)

    def _retire(self, producer: LeadProducer) -> None:
        """Open a new producer soon: the next records of this one may be out of order."""
        if self._producer is producer:
            self._producer = None
            self._must_look.set()
            self._retiring.start(_stopped(producer))

    def _failed(self, leads: int) -> None:
        self._count(leads, False)


async def _stopped(producer: LeadProducer) -> None:
    await producer.stop()


def make_lead_writer(
    settings: Settings,
    use: Use,
    ask: Callable[[], Awaitable[str | None]],
    health: Health,
    *,
    count: Callable[[int, bool], None] = lambda _leads, _was_written: None,
    open_producer: OpenProducer | None = None,
) -> LeadWriter:
    """Return a writer by the settings.

    Parameters
    ----------
    settings
        Kafka's address, the topic, the time of a request, and limits.
    use
        What leads are written for: an error names the rights that this needs.
    ask, health, count
        See ``LeadWriter``.
    open_producer
        Opens a producer; None: one of aiokafka.
    """
    return LeadWriter(
        settings.leads_created,
        open_producer or _producer_opener(settings, use),
        ask,
        most_waiting=settings.rest_max_unwritten_leads,
        largest=settings.max_event_bytes,
        seconds=settings.rest_timeout_seconds * WRITE_SHARE,
        health=health,
        count=count,
    )
