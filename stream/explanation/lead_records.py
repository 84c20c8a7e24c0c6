"""The records of a lead in the topics: scored events, source records, dead letters."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from agents.records import SourceRecord as Record
from schemas.errors import FatalError, StartupError
from stream.comparison.score_values import EventReader
from stream.dead_letters.letter import DeadLetter, Place
from stream.explanation.emission import Emission, SourceRead
from stream.explanation.newest_first import newest_first
from stream.explanation.partitions import likely_partitions
from stream.explanation.subject import LeadId, RecordPlace, Subject
from stream.kafka.access import Use
from stream.kafka.log_reader import PROGRESS_LIMIT, LogReader, in_time
from stream.kafka.reachability import connected
from stream.kafka.requests import describe_topics
from stream.kafka.topic_admin import partition_counts
from stream.replay.plan_log import read_record
from stream.replay.ranges import BEGINNING, END, AtTime, PartitionRange, Point, read_bounds
from stream.settings import Settings

__all__ = ["LeadRecords", "Progress", "open_records"]

AHEAD_MS = 3_600_000
"""Clocks of a CRM and of a worker may differ: events up to this long before a lead are read."""
EVENT_ID = "ce_id"
REQUIRED = {"event_id", "score", "category", "reasons", "engine", "model_id", "model_sha256"}
"""Fields of an event, besides the lead, its source and the time, without which it is none."""
Progress = Callable[[str, int, int], None]
"""Called with a topic, the number of offsets read so far, and that of all that may be read."""


class LeadRecords:
    """Finds records of a lead by bounded reads, without a consumer group.

    Parameters
    ----------
    settings
        The topics' names.
    reader
        Reads them; only what a transaction committed has been emitted.
    counts
        Number of partitions of each topic.
    start, end
        The range of scored events and dead letters that is searched.
    progress
        See ``Progress``.
    """

    def __init__(
        self,
        settings: Settings,
        reader: LogReader,
        counts: Mapping[str, int],
        start: Point,
        end: Point = END,
        progress: Progress = lambda _topic, _read, _total: None,
    ) -> None:
        self._settings = settings
        self._reader = reader
        self._counts = counts
        self._range = start, end
        self._progress = progress
        self._events = EventReader()

    async def emissions(
        self, subject: Subject, source: Record | None = None
    ) -> AsyncGenerator[Emission, None]:
        """Yield the scored events of a lead: partition by partition, each newest first.

        Parameters
        ----------
        subject
            The lead, or the place of its record. All partitions are searched for an id, the
            likely ones first: close the generator at the first event to search no further.
        source
            The record at that place, if there is one: the search goes back to its time, also
            where the range begins later.

        Raises
        ------
        FatalError
            Kafka stopped answering.
        """
        topic = self._settings.leads_scored
        if isinstance(subject, LeadId):
            partitions = likely_partitions(subject.key, self._counts[topic])
            is_wanted = _has_key(subject.key)
        else:
            partitions = [subject.place.partition]
            is_wanted = _has_source(subject.place)
        start, end = self._range
        if source is not None:
            start = _earlier(start, source.timestamp - AHEAD_MS)
        async with aclosing(self._search(topic, partitions, start, end, is_wanted)) as found:
            async for record in found:
                emission = self._emission(topic, record)
                if emission is not None and subject in (emission.source, emission.lead):
                    yield emission

    async def emission_at(self, at: RecordPlace) -> Emission | None:
        """Read the scored event at a place; None where there is none."""
        record = (await self.source(at)).record
        return None if record is None else self._emission(at.topic, record)

    async def ages_at(self, emission: Emission) -> int | None:
        """Return when dates had their age for a score: the time of the plan of its rescore.

        Returns
        -------
        int or None
            Milliseconds since 1970. None: at the creation of the lead, as for all scores but those
            of a rescore; also where the plan is not there any more.

        Raises
        ------
        FatalError
            Kafka stopped answering, or this user may not read the plans.
        StartupError
            The plan is of a later version.
        """
        replay_id, topic = emission.event.get("replay_id"), self._settings.leads_replays
        if replay_id is None or topic not in self._counts:
            return None
        search = self._search(topic, [0], BEGINNING, END, _has_key(replay_id.encode()))
        async with aclosing(search) as found:
            async for record in found:
                return None if record.value is None else read_record(record.value).plan.ages_at
        return None

    async def source(self, at: RecordPlace) -> SourceRead:
        """Read the record of a lead."""
        return await self._read_one(at.topic, at.place)

    async def dead_letter(self, subject: Subject) -> DeadLetter | None:
        """Find the newest dead letter of a lead; by id, only if the id is its key."""
        topic = self._settings.leads_created_dlq
        if isinstance(subject, RecordPlace) and subject.topic == topic:
            record = (await self._read_one(topic, subject.place)).record
            return None if record is None else DeadLetter.from_record(record)
        if isinstance(subject, LeadId):
            partitions = likely_partitions(subject.key, self._counts[topic])
            is_wanted = _has_key(subject.key)
        else:
            partitions, is_wanted = [subject.place.partition], _is_letter_of(subject)
        async with aclosing(self._search(topic, partitions, *self._range, is_wanted)) as found:
            async for record in found:
                if (letter := DeadLetter.from_record(record)) is not None:
                    return letter
        return None

    async def newest_record(self, lead: LeadId) -> RecordPlace | None:
        """Find the newest record of the leads topic whose key is a lead's id."""
        topic = self._settings.leads_created
        partitions = likely_partitions(lead.key, self._counts[topic])
        search = self._search(topic, partitions, *self._range, _has_key(lead.key))
        async with aclosing(search) as found:
            async for record in found:
                return RecordPlace(topic, Place(record.partition, record.offset))
        return None

    def _emission(self, topic: str, record: Record) -> Emission | None:
        """Read an event; None where the value is none, such as any other JSON."""
        try:
            event = self._events.read(record.value)
            at = RecordPlace(topic, Place(record.partition, record.offset))
            emission = Emission(at, event)
            is_event = isinstance(emission.lead.text, str) and event.keys() >= REQUIRED
            return emission if is_event and emission.source and emission.scored_at else None
        except (ValueError, KeyError, TypeError):
            return None

    async def _search(
        self,
        topic: str,
        partitions: Sequence[int],
        start: Point,
        end: Point,
        is_wanted: Callable[[Record], bool],
    ) -> AsyncGenerator[Record, None]:
        count = self._counts[topic]
        bounds = await read_bounds(self._reader, topic, count, start, end)
        ranges = {each.partition: each for each in bounds}
        total = sum(_kept(ranges[n]) for n in partitions if n in ranges)
        read = 0

        def on_read(offsets: int) -> None:
            nonlocal read
            read += offsets
            self._progress(topic, read, total)

        try:
            for number in partitions:
                if number not in ranges:
                    continue
                each = ranges[number]
                steps = newest_first(
                    self._reader,
                    TopicPartition(topic, number),
                    max(each.start, each.log_start),
                    each.end,
                    is_wanted,
                    on_read,
                )
                async with aclosing(steps) as records:
                    async for record in records:
                        yield record
        except (KafkaError, TimeoutError) as error:
            raise _unreadable(topic, error) from error

    async def _read_one(self, topic: str, place: Place) -> SourceRead:
        count = self._counts.get(topic, 0)
        if place.partition >= count:
            return SourceRead(None, why=f"the topic has {count} partitions, from 0 on")
        partition = TopicPartition(topic, place.partition)
        try:
            async with asyncio.timeout(PROGRESS_LIMIT), self._reader.open() as consumer:
                start = (await consumer.beginning_offsets([partition]))[partition]
                end = (await consumer.end_offsets([partition]))[partition]
            if not start <= place.offset < end:
                held = f"has offsets {start} to {end - 1}" if end > start else "is empty"
                return SourceRead(
                    None, is_expired=place.offset < start, why=f"the partition {held}"
                )
            read = self._reader.read(partition, place.offset, place.offset + 1)
            async with aclosing(in_time(read)) as batches:
                async for records in batches:
                    for record in records:
                        if record.offset == place.offset:
                            return SourceRead(record)
        except (KafkaError, TimeoutError) as error:
            raise _unreadable(topic, error) from error
        return SourceRead(None)


async def open_records(
    settings: Settings, subject: Subject, start: Point, end: Point, progress: Progress
) -> LeadRecords:
    """Check the topics and the rights, and return what finds the records of a lead.

    Parameters
    ----------
    settings
        Kafka's address and security, and the topics.
    subject
        What the user names: a place may be in another topic of scored events.
    start, end, progress
        See ``LeadRecords``.

    Raises
    ------
    StartupError
        Kafka can't be reached, or a topic or right is missing.
    """
    counts = await partition_counts(settings, Use.EXPLAIN)
    needed = [settings.leads_created, settings.leads_scored, settings.leads_created_dlq]
    if isinstance(subject, RecordPlace) and subject.topic not in needed:
        needed.append(subject.topic)
    async with connected(settings) as client:
        others = await describe_topics(client, [settings.leads_replays, *needed[3:]])
    counts |= {name: topic.partitions for name, topic in others.items() if topic.partitions}
    for topic in needed:
        if topic not in counts:
            raise StartupError(
                f"expected the topic {topic}, but it does not exist: {_advice(topic)}"
            )
    reader = LogReader(settings.kafka_client_options(), "read_committed")
    return LeadRecords(settings, reader, counts, start, end, progress)


def _advice(topic: str) -> str:
    if "leads.rescored." in topic:
        return "`leadscore replay list` shows the replays, with their topics"
    return (
        "create it with `leadscore topics create`, or name another by its setting"
        " (docs/settings.md)"
    )


def _has_key(key: bytes) -> Callable[[Record], bool]:
    return lambda record: record.key == key


def _has_source(place: Place) -> Callable[[Record], bool]:
    """Return whether an event's id ends with the place of its lead (docs/adr/0003)."""
    suffix = b"-%d-%d" % place
    return lambda record: (dict(record.headers).get(EVENT_ID) or b"").endswith(suffix)


def _is_letter_of(source: RecordPlace) -> Callable[[Record], bool]:
    def is_letter(record: Record) -> bool:
        letter = DeadLetter.from_record(record)
        return (
            letter is not None
            and letter.source == source.place
            and letter.source_topic in (None, source.topic)
        )

    return is_letter


def _earlier(point: Point, ms: int) -> Point:
    """Return the earlier one of a point and a time."""
    return AtTime(min(point.ms, max(ms, 0))) if isinstance(point, AtTime) else point


def _kept(each: PartitionRange) -> int:
    return each.end - max(each.start, each.log_start)


def _unreadable(topic: str, error: Exception) -> FatalError:
    return FatalError(
        f"expected to read {topic}, but Kafka answered {error!r}: check that this user may read the"
        " topic, and try again"
    )
