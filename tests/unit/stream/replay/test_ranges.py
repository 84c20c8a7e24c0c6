"""Points as a user gives them, and the ranges of offsets that they mean."""

from __future__ import annotations

import doctest
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

import stream.replay.ranges
from schemas.errors import InputError
from stream.replay.ranges import (
    BEGINNING,
    END,
    AtOffset,
    AtPlaces,
    AtTime,
    PartitionRange,
    Point,
    parse_point,
    resolve,
    time_before,
)

NOW = datetime(2026, 5, 31, 12, tzinfo=UTC)
HOUR_MS = 3_600_000


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


@dataclass
class FakeBounds:
    """Logs of two partitions; ``times`` are the offsets that a time leads to."""

    first: Mapping[int, int] = field(default_factory=lambda: {0: 100, 1: 0})
    last: Mapping[int, int] = field(default_factory=lambda: {0: 500, 1: 50})
    times: Mapping[int, Mapping[int, int | None]] = field(default_factory=dict)

    async def beginning(self) -> Mapping[int, int]:
        return self.first

    async def end(self) -> Mapping[int, int]:
        return self.last

    async def at(self, ms: int) -> Mapping[int, int | None]:
        return self.times[ms]


def test_the_example_is_true() -> None:
    results = doctest.testmod(stream.replay.ranges, extraglobs={"UTC": UTC, "datetime": datetime})
    assert (results.attempted, results.failed) == (1, 0)


@pytest.mark.parametrize(
    ("text", "point"),
    [
        ("beginning", BEGINNING),
        ("end", END),
        ("now", END),
        ("0", AtOffset(0)),
        ("4711", AtOffset(4711)),
        ("3/4711", AtPlaces({3: 4711})),
        ("0/4711, 3/120", AtPlaces({0: 4711, 3: 120})),
        ("1d ago", AtTime(ms("2026-05-30T12:00+00:00"))),
        ("90m", AtTime(ms("2026-05-31T10:30+00:00"))),
        ("2026-05-01", AtTime(ms("2026-05-01T00:00+00:00"))),
        ("2026-05-01T09:30", AtTime(ms("2026-05-01T09:30+00:00"))),
        ("2026-05-01T09:30+02:00", AtTime(ms("2026-05-01T07:30+00:00"))),
        ("2026-05-01 09:30:15.250Z", AtTime(ms("2026-05-01T09:30:15.250+00:00"))),
        ("0001-01-01", AtTime(0)),
        ("999999w ago", AtTime(0)),
    ],
)
def test_a_point_is_an_edge_an_offset_a_span_or_a_time(text: str, point: Point) -> None:
    assert parse_point(text, NOW) == point


@pytest.mark.parametrize(
    "text", ["", "yesterday", "-1", "1.5", "1y ago", "2026-13-01", "3/", "0/1,"]
)
def test_anything_else_is_refused_with_examples(text: str) -> None:
    with pytest.raises(InputError, match="1d ago"):
        parse_point(text, NOW)


def test_a_time_before_all_times_is_that_of_the_oldest_possible_record() -> None:
    assert time_before(NOW, timedelta(hours=1)) == AtTime(ms("2026-05-31T11:00+00:00"))
    assert time_before(NOW, timedelta(days=999_999)) == AtTime(0)


def test_a_partition_with_two_offsets_is_refused() -> None:
    with pytest.raises(InputError, match="two for one"):
        parse_point("3/10,3/20", NOW)


async def test_the_whole_log_is_from_its_start_to_its_end() -> None:
    assert await resolve(FakeBounds(), BEGINNING, END) == (
        PartitionRange(0, 100, 500, 100),
        PartitionRange(1, 0, 50, 0),
    )


async def test_offsets_that_have_expired_stay_in_the_range_to_be_counted() -> None:
    [first, _] = await resolve(FakeBounds(), AtOffset(20), END)
    assert (first.start, first.log_start) == (20, 100)


async def test_an_offset_beyond_the_end_is_the_end() -> None:
    found = await resolve(FakeBounds(), AtOffset(0), AtOffset(200))
    assert [(each.start, each.end) for each in found] == [(0, 200), (0, 50)]


async def test_only_partitions_that_a_point_names_are_in_the_range() -> None:
    found = await resolve(FakeBounds(), AtPlaces({1: 20}), END)
    assert found == (PartitionRange(1, 20, 50, 0),)
    found = await resolve(FakeBounds(), AtPlaces({0: 20, 1: 20}), AtPlaces({0: 9000}))
    assert found == (PartitionRange(0, 20, 500, 100),)


async def test_a_partition_that_is_not_there_is_refused() -> None:
    with pytest.raises(InputError, match="from 0 to 1, but there is no partition 7"):
        await resolve(FakeBounds(), BEGINNING, AtPlaces({7: 1}))


async def test_a_time_leads_to_offsets_and_none_means_the_end() -> None:
    bounds = FakeBounds(times={1: {0: 120, 1: None}, 2: {0: 300, 1: None}})
    assert await resolve(bounds, AtTime(1), AtTime(2)) == (PartitionRange(0, 120, 300, 100),)


async def test_a_record_that_came_after_the_end_was_fetched_is_not_in_the_range() -> None:
    bounds = FakeBounds(times={1: {0: 510, 1: 60}})
    assert await resolve(bounds, AtTime(1), END) == ()


def test_points_are_shown_as_people_say_them() -> None:
    points = (BEGINNING, END, AtOffset(5), AtPlaces({0: 5, 3: 120}), AtTime(1_780_218_000_000))
    assert [str(point) for point in points] == [
        *("the beginning", "the end", "offset 5", "0/5,3/120", "2026-05-31 09:00:00 UTC"),
    ]


@pytest.mark.parametrize(("log_start", "expired"), [(0, 0), (25, 5), (99, 10)])
def test_offsets_below_the_start_of_the_log_have_expired(log_start: int, expired: int) -> None:
    assert PartitionRange(0, 20, 30, log_start).expired == expired


async def test_a_range_whose_end_is_before_its_start_is_none() -> None:
    assert await resolve(FakeBounds(), AtOffset(40), AtOffset(30)) == ()
