"""Send leads to leads.created as a CRM would, and track the delivery of each."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple, Protocol

from aiokafka.errors import KafkaError
from aiokafka.partitioner import murmur2

from schemas.errors import ErrorCode, LeadScoreError
from stream.simulator.playing import AtOnce, Event, Lead, Pace

__all__ = ["BrokenEvent", "Clock", "LeadProducer", "Played", "partition_of", "play"]

TICK = 0.01
"""Seconds: a paced run sends due leads together, at most this late."""
LISTEN = 0.25
"""Seconds between two checks whether the run must stop, while nothing is due."""
BATCH_RECORDS = 500
ALONE_FROM = 65536
"""Bytes from which an event gets its own batch, so that its refusal affects no other event."""


class LeadProducer(Protocol):
    """The part of AIOKafkaProducer that is used."""

    async def partitions_for(self, topic: str) -> set[int]:
        """Return the topic's partitions."""
        ...

    def create_batch(self) -> Any:
        """Return an empty batch with ``append(timestamp=, key=, value=, headers=)``."""
        ...

    async def send_batch(self, batch: Any, topic: str, *, partition: int) -> asyncio.Future[Any]:
        """Queue a batch; the future's result has the ``offset`` of its first record."""
        ...


@dataclass(frozen=True, slots=True)
class Clock:
    """Clock of a run."""

    elapsed: Callable[[], float] = time.monotonic
    """Time in seconds, from any start."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    """Wait for a number of seconds."""


class BrokenEvent(NamedTuple):
    """A broken event that was delivered, and its expected error code."""

    partition: int
    offset: int
    kind: str
    code: ErrorCode
    lead_id: str


@dataclass(slots=True)
class Played:
    """Result of a run; exact once the run has ended."""

    delivered: Counter[str] = field(default_factory=Counter)
    """Acknowledged events, by kind: ``lead``, or the name of the defect."""
    failed: Counter[str] = field(default_factory=Counter)
    """Events that were not acknowledged, by error."""
    offsets: dict[int, list[range]] = field(default_factory=dict)
    """Offsets of delivered events, by partition, as ascending ranges."""
    broken: list[BrokenEvent] = field(default_factory=list)
    """The broken events among them."""
    stopped: bool = False
    """Whether the run was stopped before its leads ended."""
    seconds: float = 0.0

    def add(
        self,
        partition: int,
        first: int,
        kinds: Counter[str],
        broken: Sequence[tuple[int, Event]],
    ) -> None:
        """Count a delivered batch.

        Parameters
        ----------
        partition, first
            Partition, and offset of the first event.
        kinds
            Its events by kind.
        broken
            Its broken events, each with its position in the batch.
        """
        self.delivered.update(kinds)
        runs = self.offsets.setdefault(partition, [])
        stop = first + kinds.total()
        if runs and runs[-1].stop == first:
            runs[-1] = range(runs[-1].start, stop)
        else:
            runs.append(range(first, stop))
        for place, event in broken:
            assert event.code is not None
            self.broken.append(
                BrokenEvent(partition, first + place, event.kind, event.code, event.key.decode())
            )

    def join(self, other: Played) -> None:
        """Add what another run has sent to the same topic."""
        self.delivered.update(other.delivered)
        self.failed.update(other.failed)
        for partition, runs in other.offsets.items():
            self.offsets.setdefault(partition, []).extend(runs)
        self.broken += other.broken
        self.stopped |= other.stopped
        self.seconds += other.seconds

    @property
    def sent(self) -> int:
        """Number of events that were delivered."""
        return self.delivered.total()

    @property
    def complete(self) -> bool:
        """Whether all events were delivered."""
        return not self.failed

    @property
    def rate(self) -> float:
        """Delivered events per second."""
        return self.sent / self.seconds if self.seconds else 0.0

    def good(self) -> Iterator[tuple[int, int]]:
        """Return partition and offset of each delivered lead that is not broken."""
        broken = {(event.partition, event.offset) for event in self.broken}
        for partition, runs in self.offsets.items():
            for run in runs:
                yield from ((partition, at) for at in run if (partition, at) not in broken)

    def dead_letters(self, *, refuse_few_fields: bool) -> dict[tuple[int, int], ErrorCode]:
        """Return partition and offset of each event that must be a dead letter, with its code.

        Parameters
        ----------
        refuse_few_fields
            Whether the worker refuses leads with too few of the model's fields.
        """
        return {
            (event.partition, event.offset): event.code
            for event in self.broken
            if refuse_few_fields or event.code is not ErrorCode.FEATURES
        }


def partition_of(key: bytes, partitions: int) -> int:
    """Return a key's partition as Kafka's own clients compute it: murmur2, sign bit off, modulo."""
    return int((murmur2(key) & 0x7FFFFFFF) % partitions)


async def play(
    leads: Iterable[Lead],
    producer: LeadProducer,
    *,
    topic: str,
    as_event: Callable[[Lead], Event],
    pace: Pace | None = None,
    stop: asyncio.Event | None = None,
    on_progress: Callable[[Played], None] | None = None,
    clock: Clock | None = None,
) -> Played:
    """Send leads, each to the partition of its id, and wait for all acknowledgements.

    Parameters
    ----------
    leads
        The leads in order; consumed lazily, so they may be endless.
    producer
        A started producer.
    topic
        Destination topic.
    as_event
        Creates the event of a lead when it is due (see ``stream.simulator.events``).
    pace
        Schedule; by default all at once.
    stop
        Ends the run early: no further lead is sent, those in flight are delivered.
    on_progress
        Called with the counts when a batch is delivered or has failed.
    clock
        Clock; a fake in tests.

    Returns
    -------
    Played
        The counts. A failed delivery ends the run: batches that are already filled are still sent,
        and ``failed`` has the errors.

    Raises
    ------
    InputError
        A lead can't be encoded; those before it are delivered.
    """
    run = _Run(
        producer=producer,
        topic=topic,
        partitions=len(await producer.partitions_for(topic)),
        stop=stop or asyncio.Event(),
        on_progress=on_progress or (lambda played: None),
        clock=clock or Clock(),
    )
    return await run.play(leads, as_event, pace or AtOnce())


@dataclass(slots=True)
class _Batch:
    """A batch that is being filled."""

    builder: Any
    kinds: Counter[str] = field(default_factory=Counter)
    broken: list[tuple[int, Event]] = field(default_factory=list)
    """Each broken event with its position in the batch."""

    def add(self, event: Event) -> bool:
        """Add an event; False if the batch is full."""
        if self.builder.record_count() >= BATCH_RECORDS:
            return False
        if self.builder.record_count() and len(event.value or b"") >= ALONE_FROM:
            return False
        added = self.builder.append(
            timestamp=None, key=event.key, value=event.value, headers=event.headers
        )
        if added is None:
            return False
        if event.code is not None:
            self.broken.append((self.kinds.total(), event))
        self.kinds[event.kind] += 1
        return True


@dataclass(slots=True)
class _Run:
    """One run of the simulator."""

    producer: LeadProducer
    topic: str
    partitions: int
    stop: asyncio.Event
    on_progress: Callable[[Played], None]
    clock: Clock
    played: Played = field(default_factory=Played)
    filling: dict[int, _Batch] = field(default_factory=dict)
    """The batch that is being filled, by partition."""
    deliveries: set[asyncio.Future[Any]] = field(default_factory=set)
    """Deliveries in flight."""
    start: float = field(init=False)

    def __post_init__(self) -> None:
        self.start = self.clock.elapsed()

    async def play(
        self, leads: Iterable[Lead], as_event: Callable[[Lead], Event], pace: Pace
    ) -> Played:
        try:
            for index, lead in enumerate(leads):
                await self._until(pace.due(index, lead))
                if self._over():
                    self.played.stopped = self.stop.is_set()
                    break
                await self._add(as_event(lead))
        except LeadScoreError:
            await self._settle()
            raise
        await self._settle()
        return self.played

    def _over(self) -> bool:
        return self.stop.is_set() or not self.played.complete

    async def _until(self, due: float) -> None:
        """Wait until a lead is due; send the leads before it first."""
        while (wait := due - self._now()) > 0 and not self._over():
            await self._send_all()
            await self.clock.sleep(min(max(wait, TICK), LISTEN))

    def _now(self) -> float:
        return self.clock.elapsed() - self.start

    async def _add(self, event: Event) -> None:
        partition = partition_of(event.key, self.partitions)
        batch = self.filling.get(partition)
        if batch is None:
            batch = self.filling[partition] = _Batch(self.producer.create_batch())
        if not batch.add(event):
            await self._send(partition)
            batch = self.filling[partition] = _Batch(self.producer.create_batch())
            batch.add(event)
        if len(event.value or b"") >= ALONE_FROM:
            await self._send(partition)

    async def _send_all(self) -> None:
        for partition in list(self.filling):
            await self._send(partition)

    async def _send(self, partition: int) -> None:
        """Pass a batch to the producer, which blocks while its buffer is full."""
        batch = self.filling.pop(partition)
        batch.builder.close()
        try:
            delivery = await self.producer.send_batch(
                batch.builder, self.topic, partition=partition
            )
        except KafkaError as error:
            self._fail(batch, error)
            return
        self.deliveries.add(delivery)
        delivery.add_done_callback(partial(self._delivered, partition, batch))
        # Yields to the sender tasks, which would starve if the producer never blocks.
        await asyncio.sleep(0)

    def _delivered(self, partition: int, batch: _Batch, delivery: asyncio.Future[Any]) -> None:
        self.deliveries.discard(delivery)
        if delivery.cancelled():
            return
        error = delivery.exception()
        if error is not None:
            self._fail(batch, error)
            return
        self.played.add(partition, delivery.result().offset, batch.kinds, batch.broken)
        self.on_progress(self.played)

    def _fail(self, batch: _Batch, error: BaseException) -> None:
        self.played.failed[type(error).__name__] += batch.kinds.total()
        self.on_progress(self.played)

    async def _settle(self) -> None:
        await asyncio.gather(*(self._send(partition) for partition in list(self.filling)))
        while self.deliveries:
            await asyncio.wait(self.deliveries)
        self.played.seconds = self._now()
