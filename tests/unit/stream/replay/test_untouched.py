"""The last records of leads that were not touched for a time."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.replay import untouched
from stream.replay.selection import Selection
from stream.replay.untouched import LastTouches

RECORDS = st.lists(
    st.tuples(st.integers(0, 8), st.integers(0, 50), st.integers(0, 2), st.booleans()), max_size=60
)
"""Lead, time, partition, whether it is a tombstone."""


def last_by_hand(records: list[tuple[int, int, int, int]], before: int) -> set[tuple[int, int]]:
    last: dict[int, tuple[int, int, int]] = {}
    for lead, time, partition, offset in records:
        last[lead] = max(last.get(lead, (-1, -2, -1)), (time, offset, partition))
    return {(at, offset) for time, offset, at in last.values() if time < before and offset >= 0}


@pytest.mark.parametrize("pending", [1, 500_000])
@given(RECORDS, st.integers(0, 50))
def test_each_lead_is_found_at_its_last_record_if_that_is_old(
    pending: int, drawn: list[tuple[int, int, int, bool]], before: int
) -> None:
    # Offsets are those of one list, so two records of a time have an order.
    records = [
        (lead, time, partition, -1 if is_erased else offset)
        for offset, (lead, time, partition, is_erased) in enumerate(drawn)
    ]
    touches = LastTouches()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(untouched, "PENDING", pending)
        for lead, time, partition, offset in records:
            touches.add([b"L-%d" % lead], [time], partition, [offset])
    found = touches.before(before)
    places = {(at, int(offset)) for at, offsets in found.items() for offset in offsets}
    assert places == last_by_hand(records, before)
    assert all((offsets[1:] > offsets[:-1]).all() for offsets in found.values())


def test_a_lead_that_comes_again_is_touched() -> None:
    touches = LastTouches()
    touches.add([b"a", b"b", b"c"], [1, 2, 3], 0, [10, 11, 12])
    touches.add([b"a"], [90], 1, [4])
    assert {at: found.tolist() for at, found in touches.before(50).items()} == {0: [11, 12]}


def test_an_erased_lead_is_not_scored_again() -> None:
    touches = LastTouches()
    touches.add([b"a", b"b"], [1, 2], 0, [10, 11])
    touches.add([b"a"], [3], 0, [-1])
    assert {at: found.tolist() for at, found in touches.before(50).items()} == {0: [11]}


def test_a_selection_keeps_the_records_at_its_places() -> None:
    class Record:
        def __init__(self, offset: int) -> None:
            self.offset = offset

    touches = LastTouches()
    touches.add([b"a", b"b"], [1, 2], 3, [4, 900])
    selection = Selection().at(touches.before(10))
    records: Any = [Record(offset) for offset in range(1000)]
    assert [record.offset for record in selection.kept(3, records)] == [4, 900]
    assert not selection.kept(2, records)
