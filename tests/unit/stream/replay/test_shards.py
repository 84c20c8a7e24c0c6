"""Shards of a plan: each range in exactly one, whoever computes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import InputError
from schemas.headers import EventIds
from stream.replay.ranges import PartitionRange
from stream.replay.shards import Shard, parse_shard, split

RANGES = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 30)), max_size=12).map(
    lambda found: tuple(
        PartitionRange(number, start, start + count) for number, (start, count) in enumerate(found)
    )
)
IDS = EventIds("leads.created", "ab")


def ids_of(ranges: tuple[PartitionRange, ...]) -> list[bytes]:
    return [
        event_id
        for each in ranges
        for event_id in IDS.of([each.partition] * each.offsets, range(each.start, each.end))
    ]


@given(RANGES, st.integers(1, 9), st.integers(1, 4))
def test_any_split_gives_the_same_set_of_event_ids(
    ranges: tuple[PartitionRange, ...], machines: int, workers: int
) -> None:
    parts = [
        split(ranges, (Shard(machine, machines), Shard(worker, workers)))
        for machine in range(machines)
        for worker in range(workers)
    ]
    found = [event_id for part in parts for event_id in ids_of(part)]
    assert sorted(found) == sorted(ids_of(ranges))


@given(RANGES, st.integers(1, 5))
def test_shards_are_of_similar_size(ranges: tuple[PartitionRange, ...], count: int) -> None:
    loads = [sum(each.offsets for each in Shard(i, count).of(ranges)) for i in range(count)]
    largest = max((each.offsets for each in ranges), default=0)
    assert max(loads) - min(loads) <= largest


@pytest.mark.parametrize(
    ("text", "environment", "shard"),
    [
        ("1/4", {}, Shard(0, 4)),
        ("4/4", {}, Shard(3, 4)),
        ("/4", {"JOB_COMPLETION_INDEX": "0"}, Shard(0, 4)),
        ("/4", {"JOB_COMPLETION_INDEX": "3"}, Shard(3, 4)),
        ("2/4", {"JOB_COMPLETION_INDEX": "3"}, Shard(1, 4)),
    ],
)
def test_a_shard_is_given_or_that_of_the_pod(
    text: str, environment: dict[str, str], shard: Shard
) -> None:
    assert parse_shard(text, environment) == shard


@pytest.mark.parametrize("text", ["", "1", "0/4", "5/4", "1/0", "a/b", "/4", "-1/4"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="I/N"):
        parse_shard(text, {})


def test_an_index_beyond_the_number_of_shards_is_refused() -> None:
    with pytest.raises(InputError, match="4"):
        parse_shard("/4", {"JOB_COMPLETION_INDEX": "4"})
