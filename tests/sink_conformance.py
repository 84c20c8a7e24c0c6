"""Conformance checks of ``stream.sinks.sink.Sink``: each sink passes them, on its real target.

A check gets a stage: one target, and sinks that write to it. The unit ring runs the checks on files
and SQLite, the integration ring on a PostgreSQL server. ``killed`` runs a process that is killed.
"""

from __future__ import annotations

import asyncio
import os
import sys
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from random import Random
from typing import NamedTuple, Protocol

import pytest

from stream.sinks.sink import Sink, SinkBatch, SinkRecord, TargetUnavailableError, WriteResult
from testing.sink_writer import LOG, record

OTHER_LOG = replace(LOG, topic_id="Xq81aa")
"""The log of the topic after it was deleted and created again."""
NEIGHBOUR = replace(LOG, partition=1)


class Row(NamedTuple):
    """A row as a reader of the target sees it."""

    lead_id: str
    score: float
    offset: int


class Stage(Protocol):
    """A target of a sink."""

    keeps_latest: bool
    """Whether the target keeps the latest row per lead; else every row."""
    environment: Mapping[str, str]
    """Settings of a sink that writes to it."""

    @abstractmethod
    def sink(self) -> Sink:
        """Make a sink, as a new process would."""

    @abstractmethod
    async def rows(self) -> list[Row]:
        """Return what a reader sees: sorted by lead where the latest is kept, else in order."""

    @abstractmethod
    def away(self) -> AbstractAsyncContextManager[None]:
        """Keep the target from answering until the body ends."""

    @abstractmethod
    def refused(self, offset: int) -> SinkRecord:
        """Return a record that the target refuses."""


Opener = Callable[[], AbstractAsyncContextManager[Stage]]
Check = Callable[[Stage], Awaitable[None]]


def expected(stage: Stage, offsets: Sequence[int]) -> list[Row]:
    """Return the rows that a reader is to see of these offsets, written in this order."""
    rows = [
        Row(record(offset).lead_id, record(offset).event["score"], offset) for offset in offsets
    ]
    if not stage.keeps_latest:
        return rows
    return sorted({row.lead_id: row for row in rows}.values())


async def opened(stage: Stage) -> Sink:
    sink = stage.sink()
    await sink.open()
    return sink


def batch(start: int, stop: int) -> SinkBatch:
    return SinkBatch(LOG, [record(offset) for offset in range(start, stop)])


async def written(sink: Sink, *batches: SinkBatch) -> None:
    for some in batches:
        verdicts = await sink.write(some)
        assert [verdict.outcome for verdict in verdicts] == [WriteResult.WRITTEN] * len(
            some.records
        )


async def every_record_is_written(stage: Stage) -> None:
    sink = await opened(stage)
    await written(sink, batch(0, 10), batch(10, 25))
    assert await stage.rows() == expected(stage, range(25))
    await sink.close()


async def a_repeated_batch_changes_nothing(stage: Stage) -> None:
    sink = await opened(stage)
    await written(sink, batch(0, 10), batch(0, 10))
    assert await stage.rows() == expected(stage, range(10))
    await sink.close()


async def the_next_writer_repeats_what_was_not_committed(stage: Stage) -> None:
    dead = await opened(stage)  # it is closed at the end alone: its process was killed
    await written(dead, batch(0, 10), batch(10, 20))
    sink = await opened(stage)
    await written(sink, batch(5, 12), batch(12, 30))
    assert await stage.rows() == expected(stage, range(30))
    for each in (dead, sink):
        await each.close()


async def a_writer_that_was_replaced_writes_nothing_twice(stage: Stage) -> None:
    replaced, sink = await opened(stage), await opened(stage)
    await written(replaced, batch(0, 10))
    await written(sink, batch(5, 20))
    await written(replaced, batch(10, 15))
    await written(sink, batch(20, 30))
    assert await stage.rows() == expected(stage, range(30))
    for each in (replaced, sink):
        await each.close()


async def an_older_record_never_replaces_a_newer_one(stage: Stage) -> None:
    sink = await opened(stage)
    await written(sink, batch(0, 30), batch(0, 7))
    assert await stage.rows() == expected(stage, range(30))
    await sink.close()


async def a_refused_record_does_not_keep_the_others_from_being_written(stage: Stage) -> None:
    sink = await opened(stage)
    records = [record(0), record(1), stage.refused(2), record(3)]
    verdicts = await sink.write(SinkBatch(LOG, records))
    assert [verdict.outcome for verdict in verdicts] == [
        *(WriteResult.WRITTEN, WriteResult.WRITTEN, WriteResult.REFUSED, WriteResult.WRITTEN)
    ]
    assert "lead-" not in verdicts[2].error, "no field value in an error"
    assert verdicts[2].error
    assert await stage.rows() == expected(stage, [0, 1, 3])
    await sink.close()


async def while_the_target_is_unavailable_the_batch_is_to_be_repeated(stage: Stage) -> None:
    sink = await opened(stage)
    await written(sink, batch(0, 5))
    async with stage.away():
        with pytest.raises(TargetUnavailableError):
            await sink.write(batch(5, 10))
    await written(sink, batch(5, 10))
    assert await stage.rows() == expected(stage, range(10))
    await sink.close()


async def a_sink_can_be_opened_once_its_target_answers(stage: Stage) -> None:
    sink = stage.sink()
    async with stage.away():
        with pytest.raises(TargetUnavailableError):
            await sink.open()
    await sink.open()
    await written(sink, batch(0, 5))
    assert await stage.rows() == expected(stage, range(5))
    await sink.close()


async def a_topic_that_was_created_again_starts_at_its_first_offset(stage: Stage) -> None:
    sink = await opened(stage)
    await written(sink, batch(20, 25))
    later = [replace(record(at), event={**record(at + 100).event}) for at in range(7)]
    for at in later:
        assert at.event["lead_id"] == f"lead-{(at.offset + 100) % 7}"
    moved = [replace(at, lead_id=at.event["lead_id"]) for at in later]
    await written(sink, SinkBatch(OTHER_LOG, moved))
    rows = await stage.rows()
    assert {row.score for row in rows} >= {at.event["score"] for at in moved}
    assert len(rows) == (7 if stage.keeps_latest else 12)
    await sink.close()


async def partitions_do_not_disturb_each_other(stage: Stage) -> None:
    sink = await opened(stage)
    theirs = [replace(at, lead_id=f"other-{at.offset}") for at in batch(0, 3).records]
    await written(sink, batch(10, 15), SinkBatch(NEIGHBOUR, theirs), batch(15, 17))
    rows = await stage.rows()
    assert len(rows) == 10
    assert {row.lead_id for row in rows} >= {"other-0", "other-1", "other-2"}
    await sink.close()


CHECKS: tuple[Check, ...] = (
    every_record_is_written,
    a_repeated_batch_changes_nothing,
    the_next_writer_repeats_what_was_not_committed,
    a_writer_that_was_replaced_writes_nothing_twice,
    an_older_record_never_replaces_a_newer_one,
    a_refused_record_does_not_keep_the_others_from_being_written,
    while_the_target_is_unavailable_the_batch_is_to_be_repeated,
    a_sink_can_be_opened_once_its_target_answers,
    a_topic_that_was_created_again_starts_at_its_first_offset,
    partitions_do_not_disturb_each_other,
)
each_check = pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)


async def killed(stage: Stage, *, records: int, size: int, kills: int, chance: Random) -> None:
    """Write in a process that is killed at drawn moments, and repeat from earlier offsets."""
    printed = [0]
    for number in range(kills + 1):
        begin = chance.choice(printed[-3:])
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "testing.sink_writer"),
            *(str(begin), str(records), str(size)),
            env={**os.environ, **stage.environment},
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        until = chance.randrange(1, 1 + records // size // (kills + 1))
        lines = 0
        while line := await process.stdout.readline():
            printed.append(int(line))
            lines += 1
            if number < kills and lines == until:
                await asyncio.sleep(chance.uniform(0.0, 0.02))  # the moment is what is drawn
                process.kill()
        await process.wait()
    assert printed[-1] == records
    assert await stage.rows() == expected(stage, range(records))
