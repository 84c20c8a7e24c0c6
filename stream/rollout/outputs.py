"""The latest outputs of the workers, read beside any group: a sample where they are many.

A rollout needs what happens now, not every record: if it falls behind, it continues near the end.
Which records it leaves out does not depend on their model.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from aiokafka import TopicPartition

from agents.canary_mark import CanaryMark
from agents.records import SourceRecord as Record
from agents.rollout.evidence import Seen
from schemas.errors import InvalidEventError
from schemas.headers import REPLAY_ID
from schemas.lead_outcome import OutcomeReader
from schemas.registered import framed
from schemas.scored_event_reader import ScoredEventReader
from schemas.store import SchemaStore
from stream.kafka.lenient_polls import poll
from stream.kafka.log_reader import LogReader
from stream.kafka.topic_ids import TopicIds
from stream.schema_registry.lookup import SchemaLookup
from stream.settings import Settings

__all__ = ["NewOutputs", "OutputTail"]

log = logging.getLogger(__name__)

POLL_MS = 200
MAX_RECORDS = 5000
"""Most records of a look: decoding them takes about a tenth of a second."""
MOST_BEHIND = 50_000
"""Records of a partition after which the reader continues near its end."""
NEAR_END = 5_000


@dataclass(frozen=True, slots=True)
class NewOutputs:
    """Outputs that were read.

    Attributes
    ----------
    seen
        Scored events and dead letters.
    converted
        Leads that converted.
    """

    seen: list[Seen] = field(default_factory=list)
    converted: list[bytes] = field(default_factory=list)


class OutputTail:
    """Reads scored events, dead letters and outcomes from a time on.

    Parameters
    ----------
    settings
        The topics.
    reader
        Opens the consumer.
    topic_ids
        Knows the partitions of topics.
    schemas
        Looks up the schema ids of events in Confluent's framing; None: no registry is set.
    """

    def __init__(
        self,
        settings: Settings,
        reader: LogReader,
        topic_ids: TopicIds,
        schemas: SchemaLookup | None = None,
    ) -> None:
        self._reader = reader
        self._topic_ids = topic_ids
        self._opened = AsyncExitStack()
        self._schemas = schemas
        self._events = ScoredEventReader(None if schemas is None else schemas.registered)
        self._outcomes = OutcomeReader(SchemaStore.load(*settings.schema_folders))
        self._scored_topic = settings.leads_scored
        self._positive = frozenset(settings.outcome_positive)
        self._readers: Mapping[str, Callable[[Record, NewOutputs], None]] = {
            settings.leads_scored: self._scored,
            settings.leads_created_dlq: self._dead,
            settings.leads_outcomes: self._outcome,
        }
        self._consumer: Any = None
        self._beside: Any = None
        self._partitions: Sequence[TopicPartition] = ()

    async def start_at(self, since_ms: int) -> None:
        """Go to the first records at or after a time, but not far from the end.

        Parameters
        ----------
        since_ms
            Milliseconds since 1970.
        """
        await self._open()
        counts = {topic: await self._topic_ids.partitions(topic) for topic in self._readers}
        self._partitions = [
            TopicPartition(topic, number)
            for topic, count in counts.items()
            for number in range(count or 0)
        ]
        consumer = self._consumer
        consumer.assign(self._partitions)
        found = await consumer.offsets_for_times(dict.fromkeys(self._partitions, since_ms))
        for partition, end in (await consumer.end_offsets(self._partitions)).items():
            at = found.get(partition)
            start = end if at is None else at.offset
            consumer.seek(partition, max(start, end - MOST_BEHIND))

    async def read(self) -> NewOutputs:
        """Return what has come since the last look; nothing before ``start_at``."""
        outputs = NewOutputs()
        if not self._partitions:
            return outputs
        stops = dict.fromkeys(self._partitions)
        async for polled in poll(
            self._consumer, self._beside, stops, timeout_ms=POLL_MS, max_records=MAX_RECORDS
        ):
            for partition, records in polled.items():
                if self._schemas is not None and partition.topic == self._scored_topic:
                    await self._schemas.resolve(records)
                for record in records:
                    self._readers[partition.topic](record, outputs)
        await self._catch_up()
        return outputs

    async def stop(self) -> None:
        """Close the connections."""
        await self._opened.aclose()
        if self._schemas is not None:
            await self._schemas.close()
        self._consumer, self._partitions = None, ()

    async def _open(self) -> None:
        if self._consumer is None:
            self._consumer = await self._opened.enter_async_context(self._reader.open())
            self._beside = await self._opened.enter_async_context(self._reader.open_beside())

    async def _catch_up(self) -> None:
        for partition in self._partitions:
            end = self._consumer.highwater(partition)
            if end and end - await self._consumer.position(partition) > MOST_BEHIND:
                self._consumer.seek(partition, end - NEAR_END)

    def _scored(self, record: Record, outputs: NewOutputs) -> None:
        if any(name == REPLAY_ID for name, _ in record.headers):
            return
        mark = CanaryMark.read(record.headers)
        try:
            # Without a mark only the lead counts: whether it was split at all.
            score = 0.0 if mark is None else self._score(record)
        except (InvalidEventError, ValueError, KeyError, TypeError):
            return
        seen = Seen(record.timestamp, record.key, mark, score, record.partition)
        outputs.seen.append(seen)

    def _score(self, record: Record) -> float:
        return float(self._events.read(framed(record.value, record.headers))["score"])

    def _dead(self, record: Record, outputs: NewOutputs) -> None:
        mark = CanaryMark.read(record.headers)
        if mark is not None and not any(name == REPLAY_ID for name, _ in record.headers):
            outputs.seen.append(Seen(record.timestamp, record.key, mark, None))

    def _outcome(self, record: Record, outputs: NewOutputs) -> None:
        try:
            outcome = self._outcomes.read(record.value, record.timestamp)
        except InvalidEventError:
            return  # the outcome worker makes a dead letter of it
        if outcome.outcome in self._positive:
            outputs.converted.append(outcome.lead_id.encode())
