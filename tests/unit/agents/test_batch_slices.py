"""Which rows of a result belong to which of the batches that were processed together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.batch_slices import slices_of


@pytest.mark.parametrize(
    ("positions", "sizes", "expected"),
    [
        ([0, 1, 2, 3], [2, 2], [[0, 1], [2, 3]]),
        ([1, 4], [2, 1, 3], [[1], [], [4]]),
        ([], [2, 3], [[], []]),
        ([0], [0, 1, 0], [[], [0], []]),
        ([], [], []),
    ],
    ids=["all", "some", "none", "empty batches", "no batch"],
)
def test_each_batch_gets_the_positions_of_its_own_records(
    positions: list[int], sizes: list[int], expected: list[list[int]]
) -> None:
    assert [positions[rows] for rows in slices_of(positions, sizes)] == expected


@given(st.lists(st.lists(st.booleans(), max_size=8), max_size=8))
def test_whatever_the_sizes_no_position_is_lost_repeated_or_moved(
    batches: list[list[bool]],
) -> None:
    flat = [is_kept for batch in batches for is_kept in batch]
    positions = [position for position, is_kept in enumerate(flat) if is_kept]
    found = [positions[rows] for rows in slices_of(positions, [*map(len, batches)])]
    assert [len(part) for part in found] == [sum(batch) for batch in batches]
    assert [position for part in found for position in part] == positions
