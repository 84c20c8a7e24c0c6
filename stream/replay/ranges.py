"""Ranges of offsets of a replay: from points as a user gives them to fixed starts and ends."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from schemas.errors import FatalError, InputError
from stream.kafka.log_reader import LogReader

__all__ = [
    "BEGINNING",
    "END",
    "AtOffset",
    "AtPlaces",
    "AtTime",
    "LogEdge",
    "PartitionRange",
    "Point",
    "parse_point",
    "read_bounds",
    "resolve",
    "time_before",
]

ANSWER_LIMIT = 60.0
"""Seconds for the bounds of all partitions."""
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
SPAN = re.compile(r"(\d{1,6})\s*([smhdw])(?:\s+ago)?")
PLACES = re.compile(r"\d{1,6}/\d{1,18}(?:,\s*\d{1,6}/\d{1,18})*")


@dataclass(frozen=True, slots=True)
class AtTime:
    """The first record whose time stamp is at or after a time, in milliseconds since 1970."""

    ms: int

    def __str__(self) -> str:
        return f"{datetime.fromtimestamp(self.ms / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"


@dataclass(frozen=True, slots=True)
class AtOffset:
    """An offset, the same in every partition."""

    offset: int

    def __str__(self) -> str:
        return f"offset {self.offset}"


@dataclass(frozen=True, slots=True)
class AtPlaces:
    """An offset for each of some partitions; the others are not in the range."""

    offsets: Mapping[int, int]

    def __str__(self) -> str:
        return ",".join(f"{number}/{offset}" for number, offset in self.offsets.items())


@dataclass(frozen=True, slots=True)
class LogEdge:
    """An edge of the log."""

    is_end: bool

    def __str__(self) -> str:
        return "the end" if self.is_end else "the beginning"


BEGINNING, END = LogEdge(is_end=False), LogEdge(is_end=True)
Point = AtTime | AtOffset | AtPlaces | LogEdge


def parse_point(text: str, now: datetime) -> Point:
    """Return the point that a user means.

    Parameters
    ----------
    text
        ``beginning``, ``end``, ``now``, ``1d ago``, an offset, offsets of partitions such as
        ``0/4711,3/120``, or a time in ISO 8601 (UTC unless it says otherwise).
    now
        The time.

    Raises
    ------
    InputError
        It is none of these.

    Examples
    --------
    >>> parse_point("4711", datetime.now(UTC))
    AtOffset(offset=4711)
    """
    text = text.strip()
    if text in ("beginning", "earliest"):
        return BEGINNING
    if text in ("end", "latest", "now"):
        return END
    if text.isdecimal() and len(text) <= 18:
        return AtOffset(int(text))
    if PLACES.fullmatch(text):
        return _places(text)
    if found := SPAN.fullmatch(text):
        return time_before(now, timedelta(**{UNITS[found[2]]: int(found[1])}))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(
            f"expected beginning, end, an offset, offsets of partitions such as 0/4711,3/120, a"
            f" time such as 2026-05-31T09:30 (UTC) or a span such as '1d ago', not {text!r}"
        ) from None
    return AtTime(max(0, _ms(moment if moment.tzinfo else moment.replace(tzinfo=UTC))))


def _places(text: str) -> AtPlaces:
    pairs = [place.strip().split("/") for place in text.split(",")]
    offsets = {int(number): int(offset) for number, offset in pairs}
    if len(offsets) < len(pairs):
        raise InputError(f"expected one offset for each partition, but {text!r} has two for one")
    return AtPlaces(offsets)


def time_before(now: datetime, span: timedelta) -> AtTime:
    """Return the point in time that is so long ago; no record is older than 1970."""
    try:
        return AtTime(max(0, _ms(now - span)))
    except OverflowError:
        return AtTime(0)


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


@dataclass(frozen=True, slots=True)
class PartitionRange:
    """Offsets of one partition: start <= offset < end; the end never moves.

    Attributes
    ----------
    partition
        The partition's number.
    start, end
        The offsets.
    log_start
        Where the partition's log began when the range was fixed. Offsets of the range below it are
        expired.
    """

    partition: int
    start: int
    end: int
    log_start: int = 0

    @property
    def offsets(self) -> int:
        """Number of offsets in the range."""
        return self.end - self.start

    @property
    def expired(self) -> int:
        """Number of its offsets that had expired when it was fixed."""
        return max(0, min(self.log_start, self.end) - self.start)


class Bounds(Protocol):
    """The bounds of logs, and the offsets of times in them."""

    async def beginning(self) -> Mapping[int, int]:
        """Fetch the first offset of each partition."""

    async def end(self) -> Mapping[int, int]:
        """Fetch the offset after the last record of each partition."""

    async def at(self, ms: int) -> Mapping[int, int | None]:
        """Fetch the first offset at or after a time; None where there is no such record."""


async def resolve(bounds: Bounds, start: Point, end: Point) -> tuple[PartitionRange, ...]:
    """Return the range of each partition that has offsets between two points.

    An offset beyond the log's end is its end; one below the log's start stays: its records have
    expired, and the account of the replay says so.

    Raises
    ------
    InputError
        A point names a partition that is not there.
    """
    first, last = await bounds.beginning(), await bounds.end()
    starts = await _offsets(bounds, start, first, last)
    ends = await _offsets(bounds, end, first, last)
    return tuple(
        PartitionRange(number, starts[number], ends[number], first[number])
        for number in sorted(starts.keys() & ends.keys())
        if starts[number] < ends[number]
    )


async def _offsets(
    bounds: Bounds, point: Point, first: Mapping[int, int], last: Mapping[int, int]
) -> Mapping[int, int]:
    match point:
        case AtOffset(offset):
            return {number: min(offset, end) for number, end in last.items()}
        case AtPlaces(offsets):
            if unknown := sorted(offsets.keys() - last.keys()):
                raise InputError(
                    f"expected partitions from 0 to {max(last)}, but there is no partition"
                    f" {unknown[0]}: give PARTITION/OFFSET of others"
                )
            return {number: min(offset, last[number]) for number, offset in offsets.items()}
        case AtTime(ms):
            found = await bounds.at(ms)
            # A record that arrived after the end was fetched is not in the range.
            return {
                number: end if (at := found.get(number)) is None else min(at, end)
                for number, end in last.items()
            }
        case LogEdge(is_end=True):
            return last
        case _:
            return first


class _ConsumerBounds:
    def __init__(self, consumer: Any, partitions: Collection[TopicPartition]) -> None:
        self._consumer = consumer
        self._partitions = list(partitions)

    async def beginning(self) -> Mapping[int, int]:
        found = await self._consumer.beginning_offsets(self._partitions)
        return {partition.partition: offset for partition, offset in found.items()}

    async def end(self) -> Mapping[int, int]:
        found = await self._consumer.end_offsets(self._partitions)
        return {partition.partition: offset for partition, offset in found.items()}

    async def at(self, ms: int) -> Mapping[int, int | None]:
        found = await self._consumer.offsets_for_times(dict.fromkeys(self._partitions, ms))
        return {at.partition: None if o is None else o.offset for at, o in found.items()}


async def read_bounds(
    reader: LogReader, topic: str, partitions: int, start: Point, end: Point
) -> tuple[PartitionRange, ...]:
    """Return the ranges of a topic between two points, without a consumer group.

    Raises
    ------
    FatalError
        Kafka did not answer.
    """
    asked = [TopicPartition(topic, number) for number in range(partitions)]
    try:
        async with asyncio.timeout(ANSWER_LIMIT), reader.open() as consumer:
            return await resolve(_ConsumerBounds(consumer, asked), start, end)
    except (KafkaError, TimeoutError) as error:
        raise FatalError(
            f"expected the offsets of {topic}, but Kafka answered {error!r}: check that this user"
            " may read the topic, and try again"
        ) from error
