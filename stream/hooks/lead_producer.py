"""Writes leads of webhooks to the leads topic, as the contract of the workers asks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from monitoring.telemetry.health import Condition, Health
from schemas.errors import StartupError
from stream.fetch.closing import closed
from stream.hooks.webhook import LeadRecord
from stream.kafka.access import Use
from stream.kafka.topic_admin import partition_counts
from stream.process.backoff import Backoff
from stream.rest.problems import Problem
from stream.settings import Settings

__all__ = ["LeadProducer", "OpenProducer", "Producer", "producer_opener"]

log = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0
"""Seconds between two attempts to open a producer."""
REQUEST_SECONDS = 5.0
NOT_WRITTEN = Problem(
    503,
    "NOT_WRITTEN",
    "expected Kafka to acknowledge the leads, but it did not (/readyz has the reason): send the"
    " webhook again",
    {"Retry-After": "5"},
)
TOO_LARGE = Problem(
    413, "LEAD_TOO_LARGE", "expected a lead that is smaller than the largest record of the topic"
)


class Producer(Protocol):
    """The part of ``aiokafka.AIOKafkaProducer`` that is used; tests have a fake."""

    async def send(
        self, topic: str, *, value: bytes, key: bytes, headers: Sequence[tuple[str, bytes]]
    ) -> Awaitable[Any]:
        """Queue a record; the result completes when all in-sync replicas have it."""

    async def stop(self) -> None:
        """Deliver what was sent, and close the connections."""


OpenProducer = Callable[[], Awaitable[Producer]]
"""Opens a producer; raises a StartupError, a KafkaError or an OSError."""


def producer_opener(settings: Settings) -> OpenProducer:
    """Return a function that opens an idempotent producer with Kafka's default partitioner."""

    async def open_one() -> Producer:
        # The producer would wait for an unknown topic, and may cause the broker to create it.
        if settings.leads_created not in await partition_counts(settings, Use.PRODUCE):
            raise StartupError(
                f"expected the topic {settings.leads_created}, but it does not exist: create it"
                " with `leadscore topics create`"
            )
        producer = AIOKafkaProducer(
            **settings.kafka_client_options(),
            client_id="leadscore-hooks",
            acks="all",
            enable_idempotence=True,
            request_timeout_ms=round(REQUEST_SECONDS * 1000),
        )
        try:
            await producer.start()
        except BaseException:
            await closed(producer.stop())
            raise
        opened: Producer = producer
        return opened

    return open_one


class LeadProducer:
    """Writes leads, and waits for Kafka's acknowledgement.

    Parameters
    ----------
    topic
        The leads topic.
    most_bytes
        Largest value of a lead.
    open_producer
        Opens a producer.
    health
        Shows whether Kafka takes leads.
    """

    def __init__(
        self, topic: str, most_bytes: int, open_producer: OpenProducer, health: Health
    ) -> None:
        self._topic = topic
        self._most_bytes = most_bytes
        self._open_producer = open_producer
        self._health = health
        self._producer: Producer | None = None
        self._is_needed = asyncio.Event()

    async def run(self) -> None:
        """Open a producer, and a new one after each error, until cancelled."""
        backoff = Backoff(FIRST_PAUSE, LONGEST_PAUSE)
        try:
            while True:
                self._is_needed.clear()
                try:
                    self._producer = await self._open_producer()
                except (KafkaError, OSError, StartupError) as error:
                    self._missed(f"{self._topic} can't be written to: {error}")
                    await asyncio.sleep(backoff.fail())
                    continue
                backoff.reset()
                self._health.meet(Condition.BROKER_REACHED)
                await self._is_needed.wait()
                await self._drop_producer()
        finally:
            await self._drop_producer()

    async def write(self, records: Sequence[LeadRecord]) -> None:
        """Write records, and return when Kafka has all of them.

        Raises
        ------
        Problem
            503: Kafka did not acknowledge all of them; some may be written. 413: one is too large,
            and none was written.
        """
        if any(len(record.value) > self._most_bytes for record in records):
            raise TOO_LARGE
        if self._producer is None:
            raise NOT_WRITTEN
        try:
            sent = [
                await self._producer.send(
                    self._topic, value=record.value, key=record.key, headers=list(record.headers)
                )
                for record in records
            ]
            # Shielded: a request that is cancelled does not take its records back.
            await asyncio.gather(*map(asyncio.shield, map(asyncio.ensure_future, sent)))
        except MessageSizeTooLargeError:
            raise TOO_LARGE from None
        except KafkaError as error:
            self._reopen(f"writing to {self._topic} failed: {error!r}")
            raise NOT_WRITTEN from None
        except asyncio.CancelledError:
            self._reopen(f"{self._topic} did not acknowledge leads in time")
            raise

    def _reopen(self, reason: str) -> None:
        """Ask for a new producer: the sequence of this one may have a gap."""
        self._missed(reason)
        self._is_needed.set()

    def _missed(self, reason: str) -> None:
        log.warning("%s", reason)
        self._health.miss(Condition.BROKER_REACHED, reason)

    async def _drop_producer(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await closed(producer.stop())
