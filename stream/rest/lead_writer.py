"""Writes leads of requests to the topic of leads, before they are answered.

A worker scores them there like all others, so every consumer of scores, drift counts and archives
has each of them once. The answer names the record's place, by which its event_id is that of the
worker's scored event.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from monitoring.telemetry.health import Condition, Health
from monitoring.telemetry.rest_metrics import RestMetrics
from schemas.errors import StartupError
from schemas.headers import EventIds
from stream.fetch.closing import closed
from stream.kafka.access import Use
from stream.kafka.producer import record_bytes
from stream.kafka.topic_admin import partition_counts
from stream.kafka.topic_limits import limit_reader
from stream.process.background_tasks import BackgroundTasks
from stream.rest.leads import RestLead
from stream.rest.problems import Problem
from stream.settings import Settings

__all__ = ["LeadProducer", "LeadWriter", "OpenProducer", "producer_opener"]

log = logging.getLogger(__name__)

PROBE_SECONDS = 2.0
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
        """Queue a record; the result has the record's partition and offset."""

    async def stop(self) -> None:
        """Deliver what was sent and close the connections."""


OpenProducer = Callable[[], Awaitable[tuple[LeadProducer, int]]]
"""Opens a producer; returns it, started, with the most bytes of a record. Raises a StartupError or
a KafkaError."""


def producer_opener(settings: Settings) -> OpenProducer:
    """Return a function that opens an idempotent producer for the topic of leads."""
    topic = settings.leads_created

    async def open_one() -> tuple[LeadProducer, int]:
        # The producer would wait for an unknown topic, and may cause the broker to create it.
        if topic not in await partition_counts(settings, Use.SERVE):
            raise StartupError(
                f"expected the topic {topic}, but it does not exist: create it with `leadscore"
                " topics create`"
            )
        limits = await limit_reader(settings.kafka_client_options())([topic])
        most_bytes = limits.get(topic, FALLBACK_BYTES)
        producer = AIOKafkaProducer(
            **settings.kafka_client_options(),
            client_id="leadscore-serve",
            acks="all",
            enable_idempotence=True,
            request_timeout_ms=round(REQUEST_SECONDS * 1000),
            max_request_size=most_bytes,
        )
        try:
            await producer.start()
        except BaseException:
            await closed(producer.stop())
            raise
        return producer, most_bytes

    return open_one


class LeadWriter:
    """Writes leads, and answers with their places.

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
    seconds
        Longest wait of a request.
    metrics, health
        Show what was written, and whether Kafka answers.
    """

    def __init__(
        self,
        topic: str,
        open_producer: OpenProducer,
        ask: Callable[[], Awaitable[str | None]],
        *,
        most_waiting: int,
        seconds: float,
        metrics: RestMetrics,
        health: Health,
    ) -> None:
        self._topic = topic
        self._open_producer = open_producer
        self._ask = ask
        self._most_waiting = most_waiting
        self._seconds = seconds
        self._metrics = metrics
        self._health = health
        self._producer: LeadProducer | None = None
        self._most_bytes = FALLBACK_BYTES
        self._waiting = 0
        self._retiring = BackgroundTasks()
        self._must_look = asyncio.Event()

    async def write(
        self, leads: Sequence[RestLead], events: Sequence[Mapping[str, Any]]
    ) -> list[dict[str, Any]]:
        """Write leads; return their scored events with the places and ids that they have in Kafka.

        Parameters
        ----------
        leads
            Leads that were scored.
        events
            Their scored events.

        Raises
        ------
        Problem
            503: Kafka did not acknowledge all of them in time, or too many wait; 413: a lead is too
            large for the topic, and none was written.
        """
        keys = [event["lead_id"].encode() for event in events]
        self._require_size(keys, leads)
        if self._waiting and self._waiting + len(leads) > self._most_waiting:
            raise TOO_MANY
        producer = self._producer
        if producer is None or not self._health.meets(Condition.BROKER_REACHED):
            self._failed(len(leads))
            raise NOT_WRITTEN
        try:
            async with asyncio.timeout(self._seconds):
                written = await self._send(producer, keys, leads)
        except TimeoutError:
            self._must_look.set()
            self._failed(len(leads))
            reason = f"Kafka did not acknowledge a lead within {self._seconds:g} s"
            self._health.miss(Condition.BROKER_REACHED, reason)
            raise NOT_WRITTEN from None
        except KafkaError as error:
            log.warning("writing to %s failed: %s; opening a new producer", self._topic, error)
            self._failed(len(leads))
            self._retire(producer)
            raise NOT_WRITTEN from None
        self._metrics.wrote_leads(len(leads), was_written=True)
        return [
            _placed(event, self._topic, record.partition, record.offset)
            for event, record in zip(events, written, strict=True)
        ]

    async def _send(
        self, producer: LeadProducer, keys: Sequence[bytes], leads: Sequence[RestLead]
    ) -> list[Any]:
        sent = []
        for key, lead in zip(keys, leads, strict=True):
            self._waiting += 1
            try:
                acknowledged = await producer.send(
                    self._topic,
                    value=lead.value,
                    key=key,
                    timestamp_ms=lead.timestamp,
                    headers=list(lead.headers),
                )
            except BaseException:
                self._waiting -= 1
                raise
            acknowledged.add_done_callback(self._acknowledged)
            sent.append(acknowledged)
        # Shielded: a request that waits no longer does not take its records back.
        return list(await asyncio.gather(*map(asyncio.shield, sent)))

    def _require_size(self, keys: Sequence[bytes], leads: Sequence[RestLead]) -> None:
        """Refuse leads before one is sent: a refusal by the broker makes the producer useless."""
        for key, lead in zip(keys, leads, strict=True):
            if record_bytes(key, lead.value, lead.headers) > self._most_bytes:
                raise Problem(
                    413,
                    "LEAD_TOO_LARGE",
                    f"expected leads whose records have at most {self._most_bytes:,} bytes, as the"
                    f" topic {self._topic} takes: nothing of the request was written",
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
                reason = f"{self._topic} can't be written to: {error}"
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
        self._metrics.wrote_leads(leads, was_written=False)


async def _stopped(producer: LeadProducer) -> None:
    await producer.stop()


def _placed(event: Mapping[str, Any], topic: str, partition: int, offset: int) -> dict[str, Any]:
    """Return a scored event as the worker writes it that scores this record with this model."""
    source = {"topic": topic, "partition": partition, "offset": offset}
    [event_id] = EventIds(topic, event["model_sha256"]).of([partition], [offset])
    return {**event, "event_id": event_id.decode(), "source": source}
