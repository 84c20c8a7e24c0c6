"""Dead letters of a sink, written to its target again.

A letter is a record of the topic of the sinks' dead letters, and is written as one of that log: so
every rule of the sink about repeats and order holds for it, and nothing has to be remembered. A
letter that is refused again stays where it is.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol, TypeVar

from agents.lead_grades import grade_in
from agents.records import SourceRecord as Record
from schemas.errors import InvalidEventError
from schemas.registered import framed
from stream.dead_letters.dead_letter_log import Span
from stream.dead_letters.letter import DeadLetter
from stream.process.backoff import Backoff
from stream.sinks.dead_letters import SINK_NAME
from stream.sinks.reading import Read, read_value
from stream.sinks.sink import (
    Log,
    Sink,
    SinkBatch,
    SinkRecord,
    TargetUnavailableError,
    Verdict,
    WriteResult,
)
from stream.sinks.verdicts import refusals, to_retry

__all__ = ["SinkAccount", "SinkRedrive"]

log = logging.getLogger(__name__)

T = TypeVar("T")

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 30.0
"""Seconds between two attempts to write, at first and at most."""


class Letters(Protocol):
    """Bounded reads of the topic of dead letters."""

    @property
    def topic(self) -> str:
        """The topic."""

    def read(self, partition: int, span: Span) -> AsyncGenerator[Sequence[Record], None]:
        """Yield the records of a span, some at a time."""


@dataclass(slots=True)
class SinkAccount:
    """Account of a re-drive: every letter that was read is in one of the counts.

    Attributes
    ----------
    read
        Records of the topic.
    of_others
        Those of other sinks, and of no sink.
    left_out
        Letters whose value was too large for the topic of dead letters.
    unreadable
        Letters whose value still can't be read, by error code.
    written, skipped
        Letters that the target has now, and that a filter left out.
    refused
        Letters that the target refuses again, by its reason.
    is_complete
        Whether the end was reached.
    """

    read: int = 0
    of_others: int = 0
    left_out: int = 0
    unreadable: Counter[str] = field(default_factory=Counter)
    written: int = 0
    skipped: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    is_complete: bool = False

    @property
    def remain(self) -> int:
        """Letters that the target still does not have."""
        return self.left_out + self.unreadable.total() + self.refused.total()


class SinkRedrive:
    """Writes the dead letters of one sink.

    Parameters
    ----------
    sink, name
        The sink, and its name in the letters.
    read
        Reads the values of records.
    letters
        Reads the topic.
    topic_id
        Id of the topic; empty where the cluster gives none.
    look_up
        Looks up the schema ids of letters; None: no schema registry is set.
    stop
        Ends the run after the write under way.
    on_progress
        Called with the account after each write.
    """

    def __init__(
        self,
        sink: Sink,
        name: str,
        read: Read,
        letters: Letters,
        *,
        topic_id: str,
        stop: asyncio.Event,
        look_up: Callable[[Sequence[Record]], Awaitable[None]] | None = None,
        on_progress: Callable[[SinkAccount], None] = lambda _: None,
    ) -> None:
        self._sink = sink
        self._name = name.encode()
        self._read = read
        self._letters = letters
        self._topic_id = topic_id
        self._stop = stop
        self._look_up = look_up
        self._on_progress = on_progress
        self._backoff = Backoff(FIRST_PAUSE, LONGEST_PAUSE)
        self._account = SinkAccount()

    async def run(self, spans: Mapping[int, Span]) -> SinkAccount:
        """Write the letters of spans, by partition.

        Raises
        ------
        FatalError
            Kafka stopped answering, or the sink can't continue.
        """
        try:
            await self._until_reached(self._sink.open)
            for partition, span in spans.items():
                if not self._stop.is_set():
                    await self._redrive(partition, span)
        finally:
            await self._sink.close()
        self._account.is_complete = not self._stop.is_set()
        return self._account

    async def _redrive(self, partition: int, span: Span) -> None:
        where = Log(self._letters.topic, partition, self._topic_id)
        most = self._sink.gathering.records
        waiting: list[SinkRecord] = []
        async with aclosing(self._letters.read(partition, span)) as steps:
            async for records in steps:
                waiting += await self._of_sink(records)
                while len(waiting) >= most and not self._stop.is_set():
                    await self._write(where, waiting[:most])
                    del waiting[:most]
                if self._stop.is_set():
                    return
        if waiting:
            await self._write(where, waiting)

    async def _of_sink(self, records: Sequence[Record]) -> list[SinkRecord]:
        """Return what the sink can write of some records, and count the others."""
        ours = [record for record in records if (SINK_NAME, self._name) in record.headers]
        self._account.read += len(records)
        self._account.of_others += len(records) - len(ours)
        if self._look_up is not None:
            await self._look_up(ours)
        found: list[SinkRecord] = []
        for record in ours:
            letter = DeadLetter.from_record(record)
            if letter is not None and letter.is_left_out:
                self._account.left_out += 1
                continue
            source_time = None if letter is None else letter.source_timestamp
            timestamp = record.timestamp if source_time is None else source_time
            try:
                lead_id, event = read_value(framed(record.value, record.headers), self._read)
            except InvalidEventError as error:
                self._account.unreadable[error.code] += 1
            else:
                grade = grade_in(record.headers)
                found.append(SinkRecord(record.offset, timestamp, lead_id, event, grade))
        return found

    async def _write(self, where: Log, records: Sequence[SinkRecord]) -> None:
        attempt = 1
        while records and not self._stop.is_set():
            batch = SinkBatch(where, records, attempt)
            verdicts = await self._until_reached(partial(self._sink.write, batch))
            if verdicts is None:
                return
            self._count(records, verdicts)
            records, waits = to_retry(records, verdicts)
            if records:
                await self._sleep(max(self._backoff.fail(), *waits))
            attempt += 1
        self._backoff.reset()
        self._on_progress(self._account)

    def _count(self, records: Sequence[SinkRecord], verdicts: Sequence[Verdict]) -> None:
        self._account.refused.update(refusals(records, verdicts).values())
        outcomes = Counter(verdict.outcome for verdict in verdicts)
        self._account.written += outcomes[WriteResult.WRITTEN]
        self._account.skipped += outcomes[WriteResult.SKIPPED]

    async def _until_reached(self, attempt: Callable[[], Awaitable[T]]) -> T | None:
        """Return what an attempt returns once the target answers; None: stopped before."""
        while not self._stop.is_set():
            try:
                return await attempt()
            except TargetUnavailableError as error:
                log.warning("the target can't be written to: %s; trying again", error)
                await self._sleep(max(self._backoff.fail(), error.after or 0.0))
        return None

    async def _sleep(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stop.wait()
