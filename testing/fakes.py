"""A scripted Kafka and a clock that jumps, for the tests of the source and the emitter.

The fake consumer keeps to what aiokafka does: ``getmany`` is held back from the start of a
rebalance until the new assignment; positions are forgotten and looked up anew then; a commit is
tried for ever while no coordinator answers; the position passes what ``getmany`` hands over.
"""

from __future__ import annotations

import asyncio
import functools
import selectors
from collections import defaultdict, deque
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
    Mapping,
    Sequence,
)
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import faust
from aiokafka import ConsumerRebalanceListener, OffsetAndMetadata, TopicPartition
from aiokafka.errors import (
    IllegalStateError,
    InvalidTimestampError,
    KafkaError,
    MessageSizeTooLargeError,
    OffsetOutOfRangeError,
    OutOfOrderSequenceNumber,
    ProducerClosed,
)

from stream.fetch.bounded_polls import SizedRecords
from stream.fetch.raw_batches import RawStep
from stream.fetch.raw_records import Problem, RawRecord, UnreadableRecord
from stream.kafka.commit_metadata import Commit
from stream.process.model_trial import Trials

TOPIC = "leads"


class JumpingSelector(selectors.DefaultSelector):
    """Instead of waiting, moves the clock to the next timer."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0

    def select(self, timeout: float | None = None) -> list[Any]:
        events = super().select(0)
        if not events:
            assert timeout is not None, "everything waits, and no timer will end it"
            self.now += max(timeout, 0.0)
        return events


class JumpingLoop(asyncio.SelectorEventLoop):
    """An event loop in which time passes only when everything waits: fast and repeatable."""

    def __init__(self) -> None:
        self._jumping = JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


def in_jumping_time(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run a test in a loop of jumping time."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        with asyncio.Runner(loop_factory=JumpingLoop) as runner:
            runner.run(test(*args, **kwargs))

    return run


class FakeRecord(NamedTuple):
    """As much of a record as the source looks at, and a unique value."""

    offset: int
    timestamp: int
    value: int


@dataclass
class FakePartition:
    """A log. Offsets may be left out, as by transactions and compaction, or be unreadable."""

    records: list[FakeRecord] = field(default_factory=list)
    unreadable: set[int] = field(default_factory=set)
    start: int = 0
    end: int = 0
    number_of_records: int = 0

    def append(self, count: int = 1, *, timestamp: int = 0) -> None:
        for _ in range(count):
            self.records.append(FakeRecord(self.end, timestamp, self.number_of_records))
            self.end += 1
            self.number_of_records += 1

    def leave_out(self, count: int = 1) -> None:
        self.end += count

    def remove_below(self, offset: int) -> None:
        """Remove records, as retention does."""
        self.start = offset
        self.records = [record for record in self.records if record.offset >= offset]


class FakeKafka:
    """State that outlives a consumer: logs and committed offsets.

    Attributes
    ----------
    committed_error
        What a request for a committed offset raises.
    committed_reads
        How many such requests were answered.
    """

    def __init__(self, partitions: int = 1) -> None:
        self.logs = {TopicPartition(TOPIC, n): FakePartition() for n in range(partitions)}
        self.committed: dict[TopicPartition, int] = {}
        self.metadata: dict[TopicPartition, str] = {}
        self.commits: list[dict[TopicPartition, int]] = []
        self.knows_topic = True
        self.committed_error: KafkaError | None = None
        self.committed_reads = 0

    async def read_committed(self, partition: TopicPartition) -> Commit | None:
        """Fetch a group's commit."""
        await asyncio.sleep(0.001)
        if self.committed_error:
            raise self.committed_error
        self.committed_reads += 1
        return self.commit_of(partition)

    def commit_of(self, partition: TopicPartition) -> Commit | None:
        offset = self.committed.get(partition)
        return None if offset is None else Commit(offset, self.metadata.get(partition, ""))

    def accept(self, offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
        """Store a commit of any client."""
        for partition, at in offsets.items():
            self.committed[partition] = at.offset
            self.metadata[partition] = at.metadata

    def make_anew(self, partition: TopicPartition) -> None:
        """Remove a log and what groups have committed of it, and make it again, empty."""
        self.logs[partition].records.clear()
        self.logs[partition].start = self.logs[partition].end = 0
        self.committed.pop(partition, None)

    def __getitem__(self, number: int) -> FakePartition:
        return self.logs[TopicPartition(TOPIC, number)]


class FakeConsumer:
    """A scripted consumer of a FakeKafka.

    Attributes
    ----------
    commit_answers
        What the next commits come to: an error to raise, or an awaitable to await first.
    fetch_errors
        What the next looks for records raise.
    coordinator_loads
        Whether the consumer takes its coordinator for one that knows no commit.
    fails_after_draining
        What polls raise when they have moved the positions.
    bounds_errors
        What the next questions for the start of a log raise.
    lookup
        While cleared, positions are not returned, as during the reset of an offset out of range.
    position_asked
        Set when such a position is requested.
    record_bytes
        Size of a record.
    calls
        Names of what was called, in order, fetches that found nothing left out.
    """

    record_bytes = 1

    def __init__(self, kafka: FakeKafka) -> None:
        self.kafka = kafka
        self.commit_answers: deque[KafkaError | Awaitable[object]] = deque()
        self.fetch_errors: deque[Exception] = deque()
        self.start_error: KafkaError | None = None
        self.coordinator_loads = False
        self.fails_after_draining: Exception | None = None
        self.bounds_errors: deque[KafkaError | TimeoutError] = deque()
        self.initial = frozenset(kafka.logs)
        self.fetched: list[int] = []
        self.calls: list[str] = []
        self.lookup = asyncio.Event()
        self.lookup.set()
        self.position_asked = asyncio.Event()
        self.hangs_on_stop = False
        self._listener: ConsumerRebalanceListener = None
        self._assigned: frozenset[TopicPartition] = frozenset()
        self._positions: dict[TopicPartition, int] = {}
        self._last_ends: dict[TopicPartition, int] = {}
        self._paused: set[TopicPartition] = set()
        self._settled = asyncio.Event()

    def subscribe(self, topics: Sequence[str], *, listener: ConsumerRebalanceListener) -> None:
        assert list(topics) == [TOPIC]
        self._listener = listener

    async def start(self) -> None:
        self.calls.append("start")
        if self.start_error:
            raise self.start_error
        await self._assign(self.initial)

    async def stop(self) -> None:
        self.calls.append("stop")
        if self.hangs_on_stop:
            await asyncio.Event().wait()

    # The group

    async def rebalance(self, numbers: Iterable[int]) -> None:
        """Revoke all partitions and assign these, as an eager rebalance does."""
        self._settled.clear()
        await self._listener.on_partitions_revoked(self._assigned)
        await self._assign(frozenset(TopicPartition(TOPIC, number) for number in numbers))

    async def _assign(self, partitions: frozenset[TopicPartition]) -> None:
        self._assigned = partitions
        self._positions = {}
        self._paused = set()
        await self._listener.on_partitions_assigned(set(partitions))
        self._settled.set()

    def assignment(self) -> frozenset[TopicPartition]:
        return self._assigned

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        return {tp.partition for tp in self.kafka.logs} if self.kafka.knows_topic else None

    # Reading

    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int, max_records: int
    ) -> Mapping[TopicPartition, Sequence[Any]]:
        give_up = asyncio.get_running_loop().time() + timeout_ms / 1000
        while True:
            await self._settled.wait()
            if self.fetch_errors:
                raise self.fetch_errors.popleft()
            if fetched := self._drain(max_records, partitions or self._assigned):
                if self.fails_after_draining:
                    raise self.fails_after_draining
                self.calls.append("fetch")
                self.fetched.append(sum(map(len, fetched.values())))
                return fetched
            if asyncio.get_running_loop().time() >= give_up:
                return {}
            await asyncio.sleep(0.01)

    def _drain(
        self, most: int, wanted: Iterable[TopicPartition]
    ) -> dict[TopicPartition, SizedRecords]:
        fetched: dict[TopicPartition, SizedRecords] = {}
        for partition in sorted(self._assigned.intersection(wanted) - self._paused):
            log, position = self.kafka.logs[partition], self._look_up(partition)
            if not most:
                continue
            if not log.start <= position <= log.end:
                if fetched:
                    break  # as aiokafka: the error comes with the next poll
                raise OffsetOutOfRangeError({partition: position})
            self._last_ends[partition] = log.end
            records = [record for record in log.records if record.offset >= position][:most]
            if log.unreadable.intersection(record.offset for record in records):
                # As aiokafka: what was drained of partitions before is gone, and their positions
                # have moved.
                raise UnicodeDecodeError("utf-8", b"\xe9", 0, 1, "unexpected end of data")
            last = records and records[-1] is log.records[-1]
            if last or not records:
                self._positions[partition] = log.end
            else:
                self._positions[partition] = records[-1].offset + 1
            if records:
                fetched[partition] = SizedRecords(records)
                fetched[partition].size = len(records) * self.record_bytes
                most -= len(records)
        return fetched

    def _look_up(self, partition: TopicPartition) -> int:
        begin = 0 if self.coordinator_loads else self.kafka.committed.get(partition, 0)
        return self._positions.setdefault(partition, begin)

    def position_of(self, partition: TopicPartition) -> int:
        """Return the offset up to which a partition was read, 0 if unknown."""
        return self._positions.get(partition, 0)

    async def position(self, partition: TopicPartition) -> int:
        while not self.lookup.is_set():
            self.position_asked.set()
            await self.lookup.wait()
            await asyncio.sleep(0.02)  # meanwhile records may be handed over
        if partition not in self._assigned:
            raise IllegalStateError(f"{partition} is not assigned")
        return self._look_up(partition)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        if partition not in self._assigned:
            raise IllegalStateError("not assigned")
        self._positions[partition] = offset

    async def beginning_offsets(
        self, partitions: Sequence[TopicPartition]
    ) -> Mapping[TopicPartition, int]:
        await asyncio.sleep(0.001)
        if self.bounds_errors:
            raise self.bounds_errors.popleft()
        return {partition: self.kafka.logs[partition].start for partition in partitions}

    async def end_offsets(
        self, partitions: Sequence[TopicPartition]
    ) -> Mapping[TopicPartition, int]:
        return {partition: self.kafka.logs[partition].end for partition in partitions}

    def highwater(self, partition: TopicPartition) -> int | None:
        assert partition in self._assigned
        log = self.kafka.logs[partition]
        if log.start <= self.position_of(partition) <= log.end:  # else no fetch is answered
            self._last_ends[partition] = log.end
        return self._last_ends.get(partition)

    def last_stable_offset(self, partition: TopicPartition) -> int | None:
        return -1

    def pause(self, *partitions: TopicPartition) -> None:
        assert self._assigned.issuperset(partitions)
        self._paused.update(partitions)

    def paused(self) -> set[TopicPartition]:
        return set(self._paused)

    def resume(self, *partitions: TopicPartition) -> None:
        assert self._assigned.issuperset(partitions)
        self._paused.difference_update(partitions)

    # Committing

    async def commit(self, offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
        if not self._assigned.issuperset(offsets):
            raise IllegalStateError("not assigned")
        if self.commit_answers:
            answer = self.commit_answers.popleft()
            if isinstance(answer, Exception):
                raise answer
            await answer
        self.calls.append("commit")
        self.kafka.accept(offsets)
        self.kafka.commits.append({partition: at.offset for partition, at in offsets.items()})


class FakeTrials(Trials):
    """A trial that accepts every model, or raises a given error."""

    def __init__(self, verdict: Exception | None = None) -> None:
        super().__init__()
        self.verdict = verdict
        self.tried = 0

    def __call__(self, files: Mapping[str, bytes]) -> None:
        self.tried += 1
        if self.verdict is not None:
            raise self.verdict


class _Number(int):
    """A record's value that has a size."""

    def __len__(self) -> int:
        return 1


class FakeRawReader:
    """Reads a FakeKafka's records beside the consumer, two at a time.

    Attributes
    ----------
    errors
        What the next reads raise.
    is_asked
        Set when the first read begins.
    """

    FETCHED = 20
    """Records of one fetch."""

    def __init__(self, kafka: FakeKafka) -> None:
        self.kafka = kafka
        self.errors: deque[Exception] = deque()
        self.is_asked = asyncio.Event()
        self.is_closed = False

    async def read(
        self, partition: TopicPartition, start: int, stop: int | None = None
    ) -> AsyncIterator[RawStep]:
        self.is_asked.set()
        await asyncio.sleep(0.001)
        if self.errors:
            raise self.errors.popleft()
        log = self.kafka.logs[partition]
        if not log.start <= start <= log.end:
            raise OffsetOutOfRangeError({partition: start})
        end = log.end if stop is None else min(stop, log.end)
        records: list[Any] = [
            self._read(partition, record, log.unreadable)
            for record in log.records
            if start <= record.offset < end
        ]
        for at in range(0, len(records[: self.FETCHED]), 2):
            some = records[at : at + 2]
            yield RawStep(some, some[-1].offset + 1)
            await asyncio.sleep(0.001)
        if len(records) <= self.FETCHED:
            yield RawStep((), end)

    @staticmethod
    def _read(partition: TopicPartition, record: FakeRecord, unreadable: set[int]) -> Any:
        value: Any = _Number(record.value)
        if record.offset not in unreadable:
            at = partition.partition, record.offset, record.timestamp
            return RawRecord(*at, None, value, ())
        return UnreadableRecord(
            partition.partition,
            record.offset,
            record.timestamp,
            None,
            value,
            (),
            Problem.HEADER_NAME,
            "the name of one of its headers is not UTF-8",
        )

    async def close(self) -> None:
        self.is_closed = True


class FakeApp:
    """As much of a Faust app as the source looks at."""

    def __init__(self) -> None:
        self.errors: list[BaseException] = []

    @property
    def crashed(self) -> bool:
        return bool(self.errors)

    async def crash(self, error: BaseException) -> None:
        self.errors.append(error)

    def as_faust(self) -> faust.App:
        """Be an app that makes channels as well."""
        fake = self

        class App(faust.App):
            trials = FakeTrials()
            crash = staticmethod(fake.crash)
            crashed = property(lambda _: fake.crashed)

        return App("test", broker="memory://")


# The output side


class FakeBatch:
    """A batch builder that counts a byte for each of the value, and none for the rest."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.values: list[bytes] = []
        self.timestamps: list[int] = []
        self.keys: list[bytes | None] = []
        self.is_closed = False

    def append(
        self, *, timestamp: int | None, key: bytes | None, value: bytes | None, headers: list[Any]
    ) -> object | None:
        assert type(headers) is list, "aiokafka's compiled builder takes nothing else"
        assert not self.is_closed
        if self.values and self.size() + len(value or b"") > self.most:
            self.is_closed = True
            return None
        self.values.append(value or b"")
        self.timestamps.append(timestamp or 0)
        self.keys.append(key)
        return self

    def close(self) -> None:
        self.is_closed = True

    def size(self) -> int:
        return sum(map(len, self.values))


class FakeOutput:
    """The brokers that producers write to.

    Attributes
    ----------
    limit
        Bytes of the largest batch that is taken.
    told_limits
        Limits that a limit reader returns.
    answers
        What the next batches come to: an error, or an awaitable to await before they are written.
    latest_ms
        The latest time stamp that is taken.
    is_known
        Cleared, what is sent waits for the metadata of its topic until it is set.
    """

    def __init__(self, topics: Iterable[str], partitions: int = 2, limit: int = 1000) -> None:
        self.partitions = dict.fromkeys(topics, partitions)
        self.limit = limit
        self.told_limits: dict[str, int] = {}
        self.answers: deque[KafkaError | Awaitable[object]] = deque()
        self.written: dict[TopicPartition, list[bytes]] = defaultdict(list)
        self.batches: list[int] = []
        self.producers: list[FakeProducer] = []
        self.start_errors: deque[KafkaError] = deque()
        self.limit_reads = 0
        self.latest_ms = 2**63 - 1
        self.is_known = asyncio.Event()
        self.is_known.set()

    def connect(self, max_batch_bytes: int) -> FakeProducer:
        self.producers.append(FakeProducer(self, max_batch_bytes))
        return self.producers[-1]

    async def read_limits(self, topics: Iterable[str]) -> dict[str, int]:
        self.limit_reads += 1
        return {topic: at for topic, at in self.told_limits.items() if topic in set(topics)}


class FakeProducer:
    """An idempotent producer with aiokafka's traps.

    A refused batch uses up its sequence numbers. A batch of a topic that was not asked about would
    wait for the topic's partitions, and for ever if the producer is stopped meanwhile.
    """

    def __init__(self, output: FakeOutput, max_batch_bytes: int) -> None:
        self.output = output
        self.max_batch_bytes = max_batch_bytes
        self.is_stopped = False
        self.is_started = False
        self._known: set[str] = set()
        self._poisoned: set[TopicPartition] = set()
        self._on_their_way: set[TopicPartition] = set()
        self._writes: set[asyncio.Future[None]] = set()

    async def start(self) -> None:
        if self.output.start_errors:
            raise self.output.start_errors.popleft()
        self.is_started = True

    async def stop(self) -> None:
        self.is_stopped = True
        if self._writes:
            await asyncio.wait(self._writes)

    async def partitions_for(self, topic: str) -> set[int]:
        self._known.add(topic)
        return set(range(self.output.partitions[topic]))

    def create_batch(self) -> FakeBatch:
        return FakeBatch(self.max_batch_bytes)

    async def send_batch(self, batch: Any, topic: str, *, partition: int) -> asyncio.Future[None]:
        assert self.is_started
        assert batch.is_closed
        assert topic in self._known
        assert partition in range(self.output.partitions[topic]), "Unrecognized partition"
        await self.output.is_known.wait()
        if self.is_stopped:
            raise ProducerClosed
        to = TopicPartition(topic, partition)
        assert to not in self._on_their_way, "one batch of a partition at a time"
        self._on_their_way.add(to)
        write = asyncio.ensure_future(self._write(batch, to))
        self._writes.add(write)
        write.add_done_callback(self._writes.discard)
        return asyncio.shield(write)

    async def _write(self, batch: FakeBatch, to: TopicPartition) -> None:
        try:
            if self.output.answers:
                answer = self.output.answers.popleft()
                if isinstance(answer, Exception):
                    self._poisoned.add(to)
                    raise answer
                await answer
            await asyncio.sleep(0.001)
            if to in self._poisoned:
                raise OutOfOrderSequenceNumber
            if max(batch.timestamps) > self.output.latest_ms:
                self._poisoned.add(to)
                raise InvalidTimestampError
            if batch.size() > self.output.limit:
                self._poisoned.add(to)
                raise MessageSizeTooLargeError
            self.output.batches.append(batch.size())
            self.output.written[to] += batch.values
        finally:
            self._on_their_way.discard(to)
