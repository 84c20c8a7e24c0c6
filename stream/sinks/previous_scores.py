"""The score that each lead had before, read from the log that the sink reads.

The score before an offset is a function of the log: it is kept in memory while batches follow each
other, and read again after a crash or a rebalance. So nothing has to be stored, and what a filter
lets pass does not depend on which worker reads the partition, or when.

The log is read back for a number of offsets only. A score that is further back, or that retention
has removed, counts as none; filters then let the record pass (stream/sinks/webhook_filters.py).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from aiokafka import TopicPartition

from agents.records import SourceRecord
from schemas.errors import InvalidEventError
from schemas.registered import framed
from stream.schema_registry.lookup import SchemaLookup
from stream.sinks.sink import Log, SinkBatch

__all__ = ["PreviousScores", "Score"]

MOST_LEADS = 200_000
"""Leads of a partition whose score is kept, about 40 MB; those that were not scored for longest are
dropped first."""

ReadLog = Callable[[TopicPartition, int, int], AsyncGenerator[Sequence[SourceRecord], None]]
"""Yields the records of a partition from an offset up to another one, which is left out."""


class Score(NamedTuple):
    """A score of a lead."""

    score: float
    category: str


@dataclass(slots=True)
class _Scores:
    """The latest scores of a log's leads, up to an offset."""

    end: int
    """Offset after the last record that was taken into account."""
    generation: int
    latest: dict[str, Score] = field(default_factory=dict)
    before: dict[int, Score | None] = field(default_factory=dict)
    """Scores before each offset of the last batch, for its repeated writes."""

    def add(self, offset: int, lead_id: str, event: Mapping[str, Any]) -> Score | None:
        """Add a score, and return the one before it."""
        self.end = offset + 1
        earlier = self.latest.pop(lead_id, None)  # the lead moves to the end
        with suppress(KeyError, TypeError, ValueError):  # what has no score is refused elsewhere
            self.latest[lead_id] = Score(float(event["score"]), str(event["category"]))
        if len(self.latest) > MOST_LEADS:
            del self.latest[next(iter(self.latest))]
        return earlier


class PreviousScores:
    """Returns the score that each lead of a batch had before.

    Parameters
    ----------
    read_log
        Reads the topic.
    read
        Reads a record's value; raises an InvalidEventError.
    lookback
        Number of offsets before the first batch that are read back.
    schemas
        Looks up the schema ids of records that are read back; None: no registry is set.
    """

    def __init__(
        self,
        read_log: ReadLog,
        read: Callable[[bytes | None], Mapping[str, Any]],
        lookback: int,
        schemas: SchemaLookup | None = None,
    ) -> None:
        self._read_log = read_log
        self._read = read
        self._lookback = lookback
        self._schemas = schemas
        self._logs: dict[Log, _Scores] = {}

    async def before(self, batch: SinkBatch) -> list[Score | None]:
        """Return the score before each record of a batch; None where there was none.

        Raises
        ------
        KafkaError
            The topic can't be read.
        """
        scores = self._logs.get(batch.log)
        if scores is None or not all(at.offset in scores.before for at in batch.records):
            scores = await self._up_to(batch)
            scores.before = {
                at.offset: scores.add(at.offset, at.lead_id, at.event) for at in batch.records
            }
        return [scores.before[at.offset] for at in batch.records]

    async def close(self) -> None:
        """Close the connections to the schema registry."""
        if self._schemas is not None:
            await self._schemas.close()

    async def _up_to(self, batch: SinkBatch) -> _Scores:
        """Return the scores up to the first record of a batch."""
        first = batch.records[0].offset
        start = max(0, first - self._lookback)
        scores = self._logs.get(batch.log)
        if scores is None or not start <= scores.end <= first:
            scores = _Scores(start, batch.generation - 1)
        if scores.generation != batch.generation:
            await self._catch_up(batch.log, scores, first)
            scores.generation = batch.generation
        replaced = [
            log
            for log in self._logs
            if (log.topic, log.partition) == (batch.log.topic, batch.log.partition)
        ]
        for log in replaced:
            del self._logs[log]
        self._logs[batch.log] = scores
        return scores

    async def _catch_up(self, log: Log, scores: _Scores, stop: int) -> None:
        if scores.end >= stop:
            return
        reading = self._read_log(TopicPartition(log.topic, log.partition), scores.end, stop)
        async with aclosing(reading) as steps:
            async for records in steps:
                if self._schemas is not None:
                    await self._schemas.resolve(records)
                for record in records:
                    try:
                        event = self._read(framed(record.value, record.headers))
                    except InvalidEventError:
                        continue
                    lead_id = event.get("lead_id")
                    if isinstance(lead_id, str):
                        scores.add(record.offset, lead_id, event)
