"""Bounded reads: where they begin and end, whatever the log has lost meanwhile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pytest
from aiokafka import TopicPartition

from stream.fetch.raw_batches import RawStep
from stream.fetch.raw_records import Problem, UnreadableRecord
from stream.kafka import log_reader
from stream.kafka.lenient_polls import UnreadableRecordError, all_readable
from stream.kafka.log_reader import LogReader
from testing.jumping_time import in_jumping_time

TP = TopicPartition("leads", 0)


class Record(NamedTuple):
    offset: int


@dataclass
class FakeLog:
    """A log, and a consumer of it that goes to the beginning where its position is gone.

    Attributes
    ----------
    offsets
        Offsets of the records that are there.
    beginning, end
        Bounds of the log; some offsets between may have no record.
    """

    offsets: list[int]
    end: int
    beginning: int = 0
    position_now: int = 0
    fetches: int = 0
    unreadable: set[int] = field(default_factory=set)

    def assign(self, partitions: Sequence[TopicPartition]) -> None:
        assert partitions == [TP]

    async def beginning_offsets(self, _: Any) -> Mapping[TopicPartition, int]:
        return {TP: self.beginning}

    async def end_offsets(self, _: Any) -> Mapping[TopicPartition, int]:
        return {TP: self.end}

    async def offsets_for_times(self, asked: Mapping[TopicPartition, int]) -> Mapping[Any, Any]:
        later = [offset for offset in self.offsets if offset >= asked[TP]]  # stamped by offset
        return {TP: Record(later[0]) if later else None}

    def seek(self, _: TopicPartition, offset: int) -> None:
        self.position_now = offset

    async def position(self, _: TopicPartition) -> int:
        return self.position_now

    async def getmany(
        self, _: TopicPartition, *, timeout_ms: int, max_records: int
    ) -> Mapping[Any, Sequence[Record]]:
        self.fetches += 1
        assert self.fetches < 50, "it reads on and on"
        if not self.beginning <= self.position_now <= self.end:
            self.position_now = self.beginning
        found = [Record(o) for o in self.offsets if o >= self.position_now][: min(3, max_records)]
        if self.unreadable.intersection(record.offset for record in found):
            raise UnicodeDecodeError("utf-8", b"\xe9", 0, 1, "unexpected end of data")
        is_last = not found or found[-1].offset == self.offsets[-1]
        self.position_now = self.end if is_last else found[-1].offset + 1
        return {TP: found} if found else {}

    def cut(self, beginning: int) -> None:
        """Forget what is old, as retention does."""
        self.beginning = beginning
        self.offsets = [offset for offset in self.offsets if offset >= beginning]


class BesideIt:
    """Reads the log beside its consumer, two records at a time."""

    def __init__(self, log: FakeLog) -> None:
        self.log = log

    async def read(self, _: TopicPartition, start: int, stop: int | None) -> Any:
        end = self.log.end if stop is None else min(stop, self.log.end)
        offsets = [offset for offset in self.log.offsets if start <= offset < end]
        for at in range(0, len(offsets), 2):
            some = offsets[at : at + 2]
            yield RawStep([self._read(offset) for offset in some], some[-1] + 1)
        yield RawStep((), end)

    def _read(self, offset: int) -> Any:
        if offset not in self.log.unreadable:
            return Record(offset)
        return UnreadableRecord(0, offset, 0, None, None, (), Problem.HEADER_NAME, "it is bad")


class FakeReader(LogReader):
    """A reader of a made-up log."""

    def __init__(self, log: FakeLog) -> None:
        super().__init__({}, "read_uncommitted")
        self.log = log

    @asynccontextmanager
    async def open(self, **_: Any) -> Any:
        yield self.log

    @asynccontextmanager
    async def open_beside(self) -> Any:  # type: ignore[override]
        yield BesideIt(self.log)


def log_of(end: int, *, without: Sequence[int] = ()) -> FakeLog:
    return FakeLog([offset for offset in range(end) if offset not in without], end)


async def read(log: FakeLog, start: int, stop: int) -> list[int]:
    reader = FakeReader(log)
    return [record.offset async for some in reader.read(TP, start, stop) for record in some]


@pytest.mark.parametrize(
    ("start", "stop", "expected"),
    [
        (2, 7, [2, 3, 4, 5, 6]),
        (0, 99, list(range(10))),
        (7, 7, []),
        (9, 3, []),
        (50, 60, []),
    ],
)
@in_jumping_time
async def test_records_between_two_offsets_are_read(
    start: int, stop: int, expected: list[int]
) -> None:
    assert await read(log_of(10), start, stop) == expected


@in_jumping_time
async def test_offsets_without_a_record_are_passed() -> None:
    assert await read(log_of(10, without=[3, 8, 9]), 2, 10) == [2, 4, 5, 6, 7]


@pytest.mark.parametrize(
    ("below", "last"), [(40, 39), (39, 38), (38, 4), (5, 4), (4, 3), (3, None)]
)
def test_the_last_record_below_an_offset_is_found_over_any_gap(
    monkeypatch: pytest.MonkeyPatch, below: int, last: int | None
) -> None:
    monkeypatch.setattr(log_reader, "FIRST_SPAN", 2)

    @in_jumping_time
    async def run() -> None:
        log = log_of(40, without=range(5, 38))
        log.cut(3)
        assert await FakeReader(log).last_offset(TP, below) == last

    run()


@in_jumping_time
async def test_a_log_that_was_cut_is_read_from_its_beginning() -> None:
    log = log_of(10)
    log.cut(6)
    assert await read(log, 2, 8) == [6, 7]
    log.cut(9)
    assert await read(log, 2, 8) == []


@in_jumping_time
async def test_a_log_that_is_cut_while_it_is_read_is_read_on() -> None:
    log, found = log_of(20), []
    async for some in FakeReader(log).read(TP, 2, 15):
        found += [record.offset for record in some]
        log.cut(12)
    assert found == [2, 3, 4, 12, 13, 14]


@in_jumping_time
async def test_a_topic_that_is_created_again_ends_the_read() -> None:
    log, found = log_of(20), []
    async for some in FakeReader(log).read(TP, 10, 20):
        found += [record.offset for record in some]
        log.offsets, log.end = [0, 1, 2], 3
    assert found == [10, 11, 12], "the other topic's records are none of ours"


@pytest.mark.parametrize(
    ("count", "limits", "expected"),
    [
        (3, {}, [7, 8, 9]),
        (99, {}, list(range(10))),
        (3, {"before": 5}, [2, 3, 4]),
        (1, {"before": 8, "since_ms": 4}, [4, 5, 6, 7]),
        (4, {"since_ms": 9}, [6, 7, 8, 9]),
        (2, {"since_ms": 1000}, [8, 9]),
    ],
)
@in_jumping_time
async def test_the_latest_records_are_read(
    count: int, limits: dict[str, int], expected: list[int]
) -> None:
    found = await FakeReader(log_of(10)).last(TP, count, **limits)
    assert [record.offset for record in found] == expected


@pytest.mark.parametrize(
    ("unreadable", "start", "stop", "expected"),
    [
        ({4}, 0, 10, [0, 1, 2, 3, 5, 6, 7, 8, 9]),
        ({0, 9}, 0, 10, [*range(1, 9)]),
        (set(range(10)), 0, 10, []),
        ({7}, 2, 7, [2, 3, 4, 5, 6]),
        ({3}, 4, 6, [4, 5]),
    ],
)
@in_jumping_time
async def test_unreadable_records_are_left_out(
    unreadable: set[int], start: int, stop: int, expected: list[int]
) -> None:
    log = log_of(10)
    log.unreadable = unreadable
    assert await read(log, start, stop) == expected


@pytest.mark.parametrize(("unreadable", "start", "stop"), [({4}, 0, 10), ({0}, 0, 5), ({9}, 7, 10)])
@in_jumping_time
async def test_an_unreadable_record_ends_a_read_that_needs_all(
    unreadable: set[int], start: int, stop: int
) -> None:
    log = log_of(10)
    log.unreadable = unreadable
    seen: list[int] = []

    async def read_all() -> None:
        async for records in FakeReader(log).read(TP, start, stop, take=all_readable):
            seen.extend(record.offset for record in records)

    at = rf"every record of leads.* it is bad, at offset {min(unreadable)} of partition 0"
    with pytest.raises(UnreadableRecordError, match=at):
        await read_all()
    assert seen == [*range(start, len(seen) + start)]
    assert all(offset < min(unreadable) for offset in seen)


@in_jumping_time
async def test_an_unreadable_record_behind_the_stop_does_not_end_a_read_that_needs_all() -> None:
    log = log_of(10)
    log.unreadable = {7}
    read = FakeReader(log).read(TP, 2, 7, take=all_readable)
    assert [record.offset async for records in read for record in records] == [2, 3, 4, 5, 6]


@in_jumping_time
async def test_a_read_that_goes_past_an_unreadable_record_ends_at_its_stop_too() -> None:
    log = log_of(10)
    log.unreadable = {4, 8}
    read = FakeReader(log).read(TP, 2, 7)
    assert [record.offset async for records in read for record in records] == [2, 3, 5, 6]


@in_jumping_time
async def test_a_bounded_read_asks_for_nothing_behind_its_stop() -> None:
    """It came upon a record there that can't be read, and every worker crashed."""

    class NothingBehind(BesideIt):
        async def read(self, _: TopicPartition, start: int, stop: int | None) -> Any:
            raise AssertionError("it was polled beyond the stop")
            yield

    class Reader(FakeReader):
        @asynccontextmanager
        async def open_beside(self) -> Any:  # type: ignore[override]
            yield NothingBehind(self.log)

    log = log_of(10)
    log.unreadable = {7}
    reader = Reader(log)
    found = [record.offset async for some in reader.read(TP, 2, 7) for record in some]
    assert found == [2, 3, 4, 5, 6]


@in_jumping_time
async def test_the_last_record_that_can_be_read_is_found() -> None:
    log = log_of(10)
    log.unreadable = {8, 9}
    assert await FakeReader(log).last_offset(TP, 10) == 7


@in_jumping_time
async def test_an_error_that_comes_of_no_record_is_raised() -> None:
    class Broken(FakeLog):
        async def getmany(self, *_: Any, **__: Any) -> Any:
            raise ZeroDivisionError

    class Nothing(BesideIt):
        async def read(self, _: TopicPartition, start: int, stop: int | None) -> Any:
            yield RawStep((), start)

    class Reader(FakeReader):
        @asynccontextmanager
        async def open_beside(self) -> Any:  # type: ignore[override]
            yield Nothing(self.log)

    with pytest.raises(ZeroDivisionError):
        [some async for some in Reader(Broken([0, 1], 2)).read(TP, 0, 2)]


@in_jumping_time
async def test_following_continues_past_unreadable_records() -> None:
    log = log_of(10)
    log.unreadable = {5}
    seen: list[int] = []
    async with aclosing(FakeReader(log).follow(TP, 2)) as followed:
        async for records in followed:
            seen += [record.offset for record in records]
            if len(seen) == 7:
                break
    assert seen == [2, 3, 4, 6, 7, 8, 9]
