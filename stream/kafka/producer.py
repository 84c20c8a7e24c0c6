"""The Kafka producer of the emitter, and how records are packed into batches."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from aiokafka import AIOKafkaProducer, OffsetAndMetadata, TopicPartition
from aiokafka.errors import KafkaError

from agents.records import Output
from schemas.errors import FatalError
from stream.kafka.compiled_batch import CompiledBatch
from stream.kafka.direct_sends import DirectSends
from stream.kafka.sequence_numbers import wrap_at_zero
from stream.process.backoff import REQUEST_PAUSE
from stream.process.deadlines import now
from stream.settings import Settings

__all__ = [
    "BatchBuilder",
    "Output",
    "Parcel",
    "Producer",
    "PromptProducer",
    "TransactionalOpener",
    "TransactionalProducer",
    "as_fatal",
    "await_partition",
    "is_retriable",
    "open_producer",
    "pack",
    "producer_opener",
    "record_bytes",
    "transaction_limit_ms",
    "transactional_opener",
]

ANSWER_LIMIT = 7.5
"""Seconds per request: a transaction uses two connections, and a router may have dropped both."""

LONGEST_TRANSACTION = 900.0
"""Seconds: the brokers' default limit of transactions (``transaction.max.timeout.ms``)."""

BATCH_OVERHEAD = 61
"""Bytes of a record batch's own header (KIP-98, message format 2)."""

RECORD_OVERHEAD = 41
"""Most bytes of a record beside key, value and headers: its lengths, deltas and attributes."""

HEADER_OVERHEAD = 10
"""Most bytes of a header beside name and value: their lengths."""


class BatchBuilder(Protocol):
    """The part of aiokafka's batch builder that is used. A batch can be sent once."""

    def append(
        self,
        *,
        timestamp: int | None,
        key: bytes | None,
        value: bytes | None,
        headers: list[tuple[str, bytes | None]],
    ) -> object | None:
        """Add a record; None when the batch is full. The first record is always taken."""

    def close(self) -> None:
        """Close the batch for further records."""

    def size(self) -> int:
        """Return the size in bytes; after sending, the size as sent."""


class Producer(Protocol):
    """The part of ``aiokafka.AIOKafkaProducer`` that the emitter uses; tests have a fake."""

    async def start(self) -> None:
        """Connect and get a producer id."""

    async def stop(self) -> None:
        """Deliver what was sent and close the connections."""

    async def partitions_for(self, topic: str) -> set[int]:
        """Return the partitions of a topic."""

    def create_batch(self) -> BatchBuilder:
        """Make an empty batch."""

    async def send_batch(
        self, batch: BatchBuilder, topic: str, *, partition: int
    ) -> Awaitable[object]:
        """Queue a batch; the result completes when it is delivered."""


class PromptProducer(Producer, Protocol):
    """A producer that can also send without waiting."""

    def send_batch_at_once(
        self, batch: BatchBuilder, topic: str, *, partition: int
    ) -> asyncio.Future[Any] | None:
        """Queue a batch, closed, if ``send_batch`` would neither wait nor fail.

        Returns
        -------
        asyncio.Future or None
            Completes when the batch is delivered; the caller must not cancel it. None: the batch
            was not queued.
        """


class TransactionalProducer(Producer, Protocol):
    """A producer whose records become visible together, with the offsets of their sources.

    Its ``start`` fences every earlier producer with the same transactional id and aborts its open
    transaction.
    """

    async def begin_transaction(self) -> None:
        """Begin a transaction; nothing can be sent before."""

    async def send_offsets_to_transaction(
        self, offsets: Mapping[TopicPartition, OffsetAndMetadata], group_id: str
    ) -> None:
        """Commit a group's offsets with the transaction."""

    async def commit_transaction(self) -> None:
        """Commit the transaction, once all its records are delivered."""

    async def abort_transaction(self) -> None:
        """Abort the transaction: its records never become visible."""


class _BatchProducer(AIOKafkaProducer):
    """aiokafka's producer, whose batches are written by a compiled loop where there is one.

    Parameters
    ----------
    max_batch_size, transactional_id
        As for ``AIOKafkaProducer``.
    options
        Its other options.
    """

    def __init__(
        self, *, max_batch_size: int, transactional_id: str | None = None, **options: Any
    ) -> None:
        super().__init__(
            max_batch_size=max_batch_size, transactional_id=transactional_id, **options
        )
        self._most_bytes = max_batch_size
        self._is_transactional = transactional_id is not None
        self._is_compiled = CompiledBatch.exists and options.get("compression_type") is None
        self._direct_sends = DirectSends(self)
        wrap_at_zero(self)

    async def stop(self) -> None:
        """Deliver what was sent and close the connections."""
        await super().stop()
        await self._direct_sends.stop()

    def create_batch(self) -> BatchBuilder:
        """Return an empty batch."""
        if self._is_compiled:
            return CompiledBatch(self._most_bytes, is_transactional=self._is_transactional)
        batch: BatchBuilder = super().create_batch()
        return batch

    def send_batch_at_once(
        self, batch: BatchBuilder, topic: str, *, partition: int
    ) -> asyncio.Future[Any] | None:
        """Queue a batch, closed, without waiting; return None if that is not possible."""
        accumulator, to = self._message_accumulator, TopicPartition(topic, partition)
        is_able = not (self._is_transactional or accumulator._closed or accumulator._exception)
        known = self.client.cluster.partitions_for_topic(topic) or ()
        if not is_able or partition not in known or accumulator._batches.get(to):
            return None
        return self._direct_sends.queue(batch, to)


TransactionalOpener = Callable[[str, int], TransactionalProducer]
"""Makes a producer, given its transactional id and the most bytes of its batches."""


def open_producer(
    connection: Mapping[str, Any],
    max_batch_bytes: int,
    *,
    compression: str | None = None,
    metadata_max_age: float = 15.0,
    request_timeout: float = 15.0,
    **options: Any,
) -> PromptProducer:
    """Return the idempotent producer of the emitter, not started.

    Parameters
    ----------
    connection
        aiokafka's ``bootstrap_servers`` and security options.
    max_batch_bytes
        Most bytes of a batch before compression.
    compression
        None, "gzip", "snappy", "lz4" or "zstd".
    metadata_max_age
        Seconds until new partitions are noticed.
    request_timeout
        Seconds until a request without a response is sent again on another connection, as a router
        may have dropped this one.
    options
        Any other option of ``AIOKafkaProducer``.
    """
    producer: PromptProducer = _BatchProducer(
        **connection,
        enable_idempotence=True,
        acks="all",
        linger_ms=0,  # batches come whole
        max_batch_size=max_batch_bytes,
        compression_type=compression,
        metadata_max_age_ms=round(metadata_max_age * 1000),
        request_timeout_ms=round(request_timeout * 1000),
        **options,
    )
    return producer


def producer_opener(settings: Settings) -> Callable[[int], PromptProducer]:
    """Return a function that opens a producer, given the most bytes of its batches."""

    def open_one(max_batch_bytes: int, **options: Any) -> PromptProducer:
        return open_producer(
            settings.kafka_client_options(),
            max_batch_bytes,
            compression=None if settings.compression == "none" else settings.compression,
            metadata_max_age=settings.metadata_max_age_ms / 1000,
            **options,
        )

    return open_one


def transactional_opener(settings: Settings) -> TransactionalOpener:
    """Return a function that opens a transactional producer.

    Kafka aborts a transaction only after the longest outage that a worker survives. The open
    transaction of a worker that died is aborted much earlier, by the partition's next owner.
    """
    open_one: Any = producer_opener(settings)
    limit_ms = transaction_limit_ms(settings)

    def open_transactional(transactional_id: str, max_batch_bytes: int) -> TransactionalProducer:
        producer: TransactionalProducer = open_one(
            max_batch_bytes,
            request_timeout=ANSWER_LIMIT,
            transactional_id=transactional_id,
            transaction_timeout_ms=limit_ms,
        )
        return producer

    return open_transactional


def transaction_limit_ms(settings: Settings) -> int:
    """Return how long a transaction may last before Kafka aborts it, in milliseconds."""
    lasts = settings.delivery_timeout_seconds + settings.commit_seconds
    return round(min(lasts, LONGEST_TRANSACTION) * 1000)


def as_fatal(error: BaseException) -> FatalError:
    """Return the FatalError for an error of Kafka that no retry resolves."""
    return FatalError(
        f"Kafka was expected to take what is sent, but answered {error!r}: check that the "
        "output topics exist and that this user may write to them."
    )


def is_retriable(error: BaseException) -> bool:
    """Return whether Kafka says that the same request may succeed later."""
    return isinstance(error, KafkaError) and bool(error.retriable)


async def await_partition(producer: Producer, to: TopicPartition, within: float) -> None:
    """Wait until a topic has a partition; it may be created shortly after that of the source.

    Raises
    ------
    FatalError
        The topic does not get the partition in time.
    KafkaError
        Kafka does not return the topic's partitions.
    """
    by = now() + within
    while to.partition not in await producer.partitions_for(to.topic):
        if now() > by:
            raise FatalError(
                f"Topic {to.topic} was expected to have as many partitions as the source "
                f"topic, but has no partition {to.partition}: add partitions to it "
                "(`kafka-topics.sh --alter`). If it was deleted, a client may have re-created it "
                "with the broker's default (auto.create.topics.enable)."
            )
        await asyncio.sleep(REQUEST_PAUSE)


def record_bytes(
    key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes | None]]
) -> int:
    """Return the most bytes that a batch of this one record takes, uncompressed.

    Parameters
    ----------
    key, value, headers
        The record.
    """
    size = BATCH_OVERHEAD + RECORD_OVERHEAD + len(key or b"") + len(value or b"")
    for name, content in headers:
        named = len(name) if name.isascii() else len(name.encode())
        size += HEADER_OVERHEAD + named + len(content or b"")
    return size


@dataclass(frozen=True, slots=True)
class Parcel:
    """One batch in flight, with the rows to pack it again.

    Attributes
    ----------
    rows
        The records in it.
    start
        Position of its first row in the rows to send.
    builder
        The batch.
    timestamp_ms
        The records' time stamp, milliseconds since 1970.
    """

    rows: Sequence[Output]
    start: int
    builder: BatchBuilder
    timestamp_ms: int


def pack(
    create_batch: Callable[[], BatchBuilder],
    rows: Sequence[Output],
    *,
    start: int = 0,
    timestamp_ms: int,
) -> Iterator[Parcel]:
    """Pack records into batches, in order and lazily.

    A batch is a copy of its records, so a batch that waits for others costs memory.

    Parameters
    ----------
    create_batch
        Makes an empty batch.
    rows
        The records.
    start
        Position of the first row in the rows to send.
    timestamp_ms
        Their time stamp, milliseconds since 1970.
    """
    given, first = rows if isinstance(rows, list) else list(rows), 0
    while first < len(given):
        builder = create_batch()
        end = _fill(builder, given, first, timestamp_ms)
        builder.close()
        yield Parcel(given[first:end], start + first, builder, timestamp_ms)
        first = end


def _fill(builder: BatchBuilder, rows: list[Output], first: int, timestamp_ms: int) -> int:
    """Add records to an empty batch until it is full; return the position after the last one."""
    if isinstance(builder, CompiledBatch):
        return builder.fill(rows, first, timestamp_ms)
    for position in range(first, len(rows)):
        key, value, headers = rows[position]
        listed = headers if type(headers) is list else list(headers)  # it takes nothing else
        if builder.append(timestamp=timestamp_ms, key=key, value=value, headers=listed) is None:
            return position
    return len(rows)
