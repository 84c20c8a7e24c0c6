"""Parts: each row group in exactly one, none split, small files together."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lake.parts import split_into_parts

files = st.lists(st.lists(st.integers(0, 50), max_size=6), max_size=6)


@given(files, st.integers(1, 120))
def test_each_row_is_in_exactly_one_part(groups: list[list[int]], rows_per_part: int) -> None:
    parts = split_into_parts(groups, rows_per_part)
    found = [
        (span.file, row)
        for part in parts
        for span in part.spans
        for row in range(span.first_row, span.first_row + span.rows)
    ]
    assert found == [(file, row) for file, each in enumerate(groups) for row in range(sum(each))]
    assert [part.number for part in parts] == list(range(len(parts)))


@given(files, st.integers(1, 120))
def test_a_part_is_too_large_only_with_a_row_group_that_is(
    groups: list[list[int]], rows_per_part: int
) -> None:
    for part in split_into_parts(groups, rows_per_part):
        is_one_group = len(part.spans) == 1 and (
            part.spans[0].groups[1] - part.spans[0].groups[0] == 1
        )
        assert part.rows <= rows_per_part or is_one_group


def test_row_groups_that_follow_each_other_are_one_span() -> None:
    [first, second] = split_into_parts([[3, 3], [2, 4]], 8)
    assert [(span.file, span.groups, span.first_row, span.rows) for span in first.spans] == [
        (0, (0, 2), 0, 6),
        (1, (0, 1), 0, 2),
    ]
    assert [(span.file, span.groups, span.first_row) for span in second.spans] == [(1, (1, 2), 2)]
