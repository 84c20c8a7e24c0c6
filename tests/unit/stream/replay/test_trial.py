"""The sample of a dry run is spread over each range."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from stream.replay.ranges import PartitionRange
from stream.replay.trial import SAMPLE, SPOTS, drawn_spots, spots


@given(st.integers(0, 1000), st.integers(1, 5000), st.integers(0, 7000), st.integers(4, 500))
def test_spots_are_in_the_range_apart_and_of_the_number_that_is_asked(
    start: int, length: int, log_start: int, count: int
) -> None:
    each = PartitionRange(0, start, start + length, log_start)
    found = spots(each, count)
    first = min(max(start, log_start), each.end)
    for one, other in pairwise(found):
        assert one[0] < other[0]
    assert all(first <= begin < end <= each.end for begin, end in found)
    taken = {offset for begin, end in found for offset in range(begin, end)}
    assert len(taken) <= max(count, SPOTS)
    assert bool(taken) == (first < each.end)
    if taken:
        assert {first, each.end - 1} <= taken, "old leads and new ones"


def test_expired_records_are_not_sampled() -> None:
    assert spots(PartitionRange(0, 0, 100, 100), 40) == []


def test_each_partition_is_sampled_by_its_share_of_what_can_be_read() -> None:
    """A partition of ten records counted as much as one of a million."""
    ranges = [
        PartitionRange(0, 0, 30_000),
        PartitionRange(1, 0, 100_000, 90_000),
        PartitionRange(2, 0, 10),
    ]
    counts = {
        number: sum(stop - start for start, stop in its)
        for number, its in drawn_spots(ranges).items()
    }
    assert abs(counts[0] - 0.75 * SAMPLE) <= SPOTS
    assert abs(counts[1] - 0.25 * SAMPLE) <= SPOTS
    assert counts[2] <= SPOTS
