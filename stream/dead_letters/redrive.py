"""Send dead letters to the source topic again, each exactly once.

A step is a transaction: some letters of one partition, and the record of the ledger that counts
them. A run opens its producer first, which fences an earlier run and aborts the transaction that it
left open, and reads the ledger then. So a run continues where the last committed step ended, and an
error that may pass is handled like a kill: with a new producer, from the ledger.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Protocol

from aiokafka.errors import (
    IllegalOperation,
    InvalidTimestampError,
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
)

from agents.records import SourceRecord as Record
from schemas.errors import FatalError, InputError
from stream.dead_letters.account import Account, LeftReason
from stream.dead_letters.choice import Choice
from stream.dead_letters.dead_letter_log import Span
from stream.dead_letters.ledger import Ended, Ledger, Plan, Progress, ranges_of
from stream.dead_letters.source_records import SourceRecords
from stream.dead_letters.source_retention import SourceRetention
from stream.deliver.transactional_producer import FENCED, TransactionalId, may_pass
from stream.fetch.raw_records import RawRecord
from stream.kafka.producer import BatchBuilder, TransactionalProducer, as_fatal
from stream.kafka.topic_limits import TopicLimits
from stream.process.backoff import REQUEST_PAUSE
from stream.process.deadlines import now

__all__ = ["Letters", "Redrive", "Topics"]

log = logging.getLogger(__name__)

STEP_LETTERS = 2000
"""Records of the dead-letter topic after which a step ends."""
STEP_BYTES = 8 << 20
"""Bytes of the records to send after which a step ends."""
MOST_NAMED = 5
"""Re-drives that an error names."""
CLOSE_LIMIT = 2.0
"""Seconds to close the connections."""


class Letters(Protocol):
    """Bounded reads of the dead-letter topic; tests have a fake."""

    async def bounds(self, partition: int) -> Span:
        """Return the offsets that a partition has now."""

    def read(self, partition: int, span: Span) -> AsyncGenerator[Sequence[Record], None]:
        """Yield the records of a span, some at a time."""


@dataclass(frozen=True, slots=True)
class Topics:
    """Where a re-drive writes."""

    source: str
    ledger: str


@dataclass(slots=True)
class _Step:
    """The letters of one transaction."""

    partition: int
    start: int
    end: int
    read: int = 0
    records: list[RawRecord] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    left: Counter[LeftReason] = field(default_factory=Counter)
    expired: int = 0
    newest_ms: int = 0
    bytes: int = 0

    def add(self, letter: Record, choice: RawRecord | LeftReason) -> None:
        """Add a letter that was read."""
        self.read += 1
        self.end = letter.offset + 1
        if isinstance(choice, LeftReason):
            self.left[choice] += 1
            return
        self.records.append(choice)
        self.offsets.append(letter.offset)
        self.newest_ms = max(self.newest_ms, letter.timestamp)
        self.bytes += choice.held_bytes

    @property
    def is_full(self) -> bool:
        """Whether the transaction should be committed."""
        return self.read >= STEP_LETTERS or self.bytes >= STEP_BYTES

    def entry(self, plan: Plan) -> Progress:
        """Return the record of the ledger."""
        return Progress(
            redrive=plan.redrive,
            topic=plan.topic,
            partition=self.partition,
            start=self.start,
            end=self.end,
            read=self.read,
            sent=ranges_of(self.offsets),
            left=dict(self.left),
            expired=self.expired,
            newest_ms=self.newest_ms,
        )


class _AgainError(Exception):
    """The broker refused a batch for its size; the limits have been corrected."""


class Redrive:
    """One run of a re-drive.

    Parameters
    ----------
    topics
        Where it writes.
    letters
        Reads the dead-letter topic.
    sources
        Restores source records.
    read_ledger
        Reads the ledger.
    transactions
        The transactional id, which all re-drives of a group share.
    limits
        Size limits of the topics.
    retention
        Retention of the source topic.
    retry_limit
        Seconds without a committed step after which an error is final.
    stop
        Ends the run after the current step.
    on_progress
        Called with the account after each step.
    """

    def __init__(
        self,
        topics: Topics,
        *,
        letters: Letters,
        sources: SourceRecords,
        read_ledger: Callable[[], Awaitable[Ledger]],
        transactions: TransactionalId,
        limits: TopicLimits,
        retention: SourceRetention,
        retry_limit: float,
        stop: asyncio.Event,
        on_progress: Callable[[Account], None] = lambda _: None,
    ) -> None:
        self._topics = topics
        self._letters = letters
        self._sources = sources
        self._read_ledger = read_ledger
        self._id = transactions
        self._limits = limits
        self._retention = retention
        self._outlived = 0
        self._retry_limit = retry_limit
        self._stop = stop
        self._on_progress = on_progress
        self._is_open = False
        """Whether a transaction was begun and not committed."""
        self._deadline = 0.0

    async def start(self, plan: Plan) -> Account:
        """Write a plan to the ledger, and execute it.

        Raises
        ------
        FatalError
            Another re-drive was started meanwhile, or Kafka refuses or does not answer.
        """
        return await self._run(plan.redrive, plan)

    async def resume(self, redrive: str) -> Account:
        """Execute a plan of the ledger, from where its last run ended.

        Raises
        ------
        InputError
            The ledger has no such plan.
        FatalError
            Another re-drive was started meanwhile, or Kafka refuses or does not answer.
        """
        return await self._run(redrive, None)

    async def _run(self, redrive: str, new: Plan | None) -> Account:
        self._deadline = now() + self._retry_limit
        try:
            while True:
                try:
                    await self._id.open()
                    self._is_open = False
                    return await self._go_on(redrive, new, await self._read_ledger())
                except FENCED as error:
                    raise FatalError(
                        "expected to be the only re-drive of this group, but another one was"
                        " started, or a transaction took too long: what was committed counts;"
                        f" let the other one end, then resume with --resume {redrive}"
                    ) from error
                except _AgainError:
                    continue
                except (KafkaError, IllegalOperation) as error:
                    if not may_pass(error) or now() > self._deadline:
                        raise as_fatal(error) from error
                    log.warning("a step of re-drive %s failed: %r; trying again", redrive, error)
                await asyncio.sleep(REQUEST_PAUSE)
        finally:
            await self._close()

    async def _close(self) -> None:
        """Abort an open transaction, as committed readers wait for its end, and disconnect."""
        by = now() + CLOSE_LIMIT
        producer = self._id.producer
        if producer is not None and self._is_open:
            # AssertionError: aiokafka asserts that its producer has not failed.
            with suppress(KafkaError, IllegalOperation, AssertionError, TimeoutError):
                async with asyncio.timeout_at(by):
                    await producer.abort_transaction()
        await self._id.close(by)

    async def _go_on(self, redrive: str, new: Plan | None, ledger: Ledger) -> Account:
        plan = ledger.plans.get(redrive, new)
        if plan is None:
            raise _unknown(redrive, ledger, self._topics.ledger)
        if redrive not in ledger.plans:
            await self._commit(plan)
            ledger.add(plan)
        choice = Choice(plan, ledger, self._sources)
        account = ledger.account(plan)
        for partition in sorted(plan.spans):
            async with aclosing(self._steps(plan, partition, ledger, choice)) as steps:
                async for step in steps:
                    await self._commit(step.entry(plan), step.records)
                    ledger.add(step.entry(plan))
                    self._outlived += sum(
                        self._retention.is_over(record.timestamp) for record in step.records
                    )
                    account.outlived = self._outlived
                    self._on_progress(account)
                    if self._stop.is_set():
                        return account
        account.is_complete = True
        if redrive not in ledger.ended:
            await self._commit(_ended(plan, account))
        return account

    async def _steps(
        self, plan: Plan, partition: int, ledger: Ledger, choice: Choice
    ) -> AsyncGenerator[_Step, None]:
        position, end = ledger.position(plan, partition), plan.spans[partition][1]
        if position >= end or _left_to_send(plan, ledger) == 0:
            return
        bounds = await self._letters.bounds(partition)
        if bounds.end < end:
            raise FatalError(
                f"expected {plan.topic} to reach offset {end} in partition {partition}, but it ends"
                f" at {bounds.end}: the topic was deleted or truncated; start another re-drive"
            )
        start = max(position, min(bounds.start, end))
        step = _Step(partition, position, start, expired=start - position)
        async with aclosing(self._letters.read(partition, Span(start, end))) as batches:
            async for letters in batches:
                for letter in letters:
                    step.add(letter, await choice.of(letter))
                    is_last = len(step.records) == _left_to_send(plan, ledger)
                    if step.is_full or is_last:
                        yield step
                        if is_last:
                            return
                        step = _Step(partition, step.end, step.end)
        # To the end of the partition, whatever lies between the last letter and that.
        step.end = end
        yield step

    async def _commit(
        self, entry: Plan | Progress | Ended, records: Sequence[RawRecord] = ()
    ) -> None:
        """Send records and an entry of the ledger in one transaction."""
        producer = self._id.producer
        assert producer is not None, "open() comes first"
        key, value = entry.redrive.encode(), entry.model_dump_json().encode()
        marker = RawRecord(0, 0, int(time.time() * 1000), key, value, ())
        await producer.begin_transaction()
        self._is_open = True
        try:
            await self._send(producer, self._topics.source, records)
            await self._send(producer, self._topics.ledger, [marker])
        except InvalidTimestampError as error:
            raise FatalError(
                f"expected {self._topics.source} to accept the time stamps that the records had,"
                f" but Kafka answered {error!r}: raise the topic's message.timestamp.before.max.ms"
            ) from error
        await producer.commit_transaction()
        self._is_open = False
        self._deadline = now() + self._retry_limit

    async def _send(
        self, producer: TransactionalProducer, topic: str, records: Sequence[RawRecord]
    ) -> None:
        """Send records to their partitions, in order, and wait until they are delivered."""
        for batch, partition, count in _batches(producer, records):
            try:
                await (await producer.send_batch(batch, topic, partition=partition))
            except (MessageSizeTooLargeError, RecordListTooLargeError) as error:
                await self._limits.learn(topic, batch.size(), is_one_record=count == 1)
                raise _AgainError from error


def _batches(
    producer: TransactionalProducer, records: Sequence[RawRecord]
) -> Iterator[tuple[BatchBuilder, int, int]]:
    """Pack records, each with its own time stamp, into batches.

    Yields
    ------
    tuple of (BatchBuilder, int, int)
        A closed batch, its partition and its number of records.
    """
    batch, partition, count = producer.create_batch(), -1, 0
    for record in records:
        fits = record.partition == partition and _append(batch, record)
        if not fits:
            if count:
                batch.close()
                yield batch, partition, count
            batch, partition, count = producer.create_batch(), record.partition, 0
            _append(batch, record)
        count += 1
    if count:
        batch.close()
        yield batch, partition, count


def _append(batch: BatchBuilder, record: RawRecord) -> bool:
    """Return whether a batch had room for a record; an empty one always has."""
    added = batch.append(
        timestamp=record.timestamp,
        key=record.key,
        value=record.value,
        headers=[*record.headers],
    )
    return added is not None


def _left_to_send(plan: Plan, ledger: Ledger) -> int | None:
    """Return how many letters may still be sent; None: all."""
    return None if plan.limit is None else max(0, plan.limit - ledger.account(plan).sent)


def _unknown(redrive: str, ledger: Ledger, topic: str) -> InputError:
    """Return the error for an id that the ledger does not have."""
    unended = ledger.unended()[-MOST_NAMED:]
    others = f"those that did not end: {', '.join(unended)}" if unended else "all have ended"
    return InputError(
        f"expected the id of a re-drive in {topic}, but there is none {redrive!r} ({others})."
        " If it was killed before its plan was written, it has sent nothing: start another one,"
        " which sends no letter that was sent before"
    )


def _ended(plan: Plan, account: Account) -> Ended:
    return Ended(
        redrive=plan.redrive,
        at_ms=int(time.time() * 1000),
        read=account.read,
        sent=account.sent,
        left=dict(account.left),
        expired=account.expired,
    )
