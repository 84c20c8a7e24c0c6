from __future__ import annotations

from collections import OrderedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.drift_windows import BlockSet, Watermark, WindowCounts, WindowKey, summed
from agents.partials import Partial, decode_partial
from features.counts import LeadCounts
from tests.unit.agents.drift_log import LAYOUT, MODEL, leads, partials_of

LOG = leads(600, step_ms=0)  # two blocks that get whole, and one that does not, in one window
EXPECTED = LAYOUT.count(LOG.bins, LOG.scores, label=0.5)
TOLD = [
    *partials_of(LOG, every=50),
    *partials_of(LOG, every=90),  # a zombie, that sees the same log
    *partials_of(LOG, every=64, from_block=1),  # who took over
]


def total(partials: list[Partial]) -> LeadCounts:
    window = WindowCounts.empty_for(partials[0])
    for partial in partials:
        window.add(partial)
    return summed([window.total()], LAYOUT.size)


@given(order=st.permutations(range(len(TOLD))), repeated=st.lists(st.sampled_from(TOLD)))
def test_a_window_holds_every_block_once_in_any_order_of_partials(
    order: list[int], repeated: list[Partial]
) -> None:
    partials = [*repeated, *(TOLD[i] for i in order)]
    assert total(partials) == EXPECTED


@given(until=st.integers(1, len(TOLD)))
def test_a_log_that_was_compacted_says_the_same(until: int) -> None:
    latest: OrderedDict[bytes, Partial] = OrderedDict()
    workers = [partials_of(LOG, every=50), partials_of(LOG, every=64, from_block=1)]
    partials = [partial for worker in workers for partial in worker]
    for partial in partials[:until]:
        latest[partial.key] = partial
        latest.move_to_end(partial.key)
    rest = partials[until:]
    assert total([*latest.values(), *rest]) == EXPECTED


@given(st.permutations(TOLD), st.integers(0, len(TOLD)))
def test_a_window_continues_from_the_table_as_if_it_had_never_left(
    partials: list[Partial], cut: int
) -> None:
    window = WindowCounts.empty_for(partials[0])
    for partial in partials[:cut]:
        window.add(decode_partial(partial.encode()))
    again = WindowCounts.decode(window.encode())
    assert again.encode() == window.encode()
    for partial in partials[cut:]:
        again.add(partial)
    assert summed([again.total()], LAYOUT.size) == EXPECTED
    assert (again.topic, again.model, again.window_ms) == ("leads", MODEL, 1000)


def test_only_what_is_new_changes_a_window() -> None:
    first, second, *_, closed = partials_of(leads(256, step_ms=0), every=100)
    window = WindowCounts.empty_for(first)
    assert window.add(second)
    assert not window.add(first), "an older version came late"
    assert not window.add(second)
    assert window.add(closed)
    assert not window.add(closed)
    assert not window.add(second), "a zombie tells an older version of a block that is whole"
    assert window.total().leads == 256


@pytest.mark.parametrize(
    "value",
    [b"", b"{", b"[]", b"null", b'{"format_version": 2}', b'{"format_version": 1}', b"\xff"],
)
def test_bytes_that_are_no_window_are_refused(value: bytes) -> None:
    with pytest.raises(ValueError, match="expected a window of format 1"):
        WindowCounts.decode(value)


def test_counts_of_another_model_are_not_summed() -> None:
    with pytest.raises(ValueError, match="expected counts of 5 bins"):
        summed([EXPECTED], 5)


@given(st.lists(st.integers(-3, 40)))
def test_a_block_set_is_a_set(added: list[int]) -> None:
    blocks, known = BlockSet(), set[int]()
    for block in added:
        assert blocks.add(block) == (block not in known)
        known.add(block)
    assert {block for block in range(-5, 45) if block in blocks} == known
    edges = [edge for run in blocks.runs for edge in run]
    assert edges == sorted(set(edges)), "the runs are apart from each other"


def test_a_key_is_read_as_it_is_written() -> None:
    key = WindowKey.from_partial(TOLD[0])
    assert WindowKey.parse(str(key)) == key
    assert WindowKey.parse(str(WindowKey("3f", 1, -1000))) == WindowKey("3f", 1, -1000)


# The watermark. Its clock begins at 0; what is idle for 10 s is not waited for.

LATER = 10**15
"""Time of the wall clock, after all leads."""


class Asked:
    """A watermark that is asked for every half second, as by the drift worker."""

    def __init__(self) -> None:
        self.mark = Watermark(idle_after=10, started_at=0)
        self.saw = self.mark.saw
        self._asked_at = 0.0

    def at(self, now: float, wall_ms: int = LATER) -> int | None:
        while self._asked_at + 0.5 < now:
            self._asked_at += 0.5
            self.mark.at(self._asked_at, wall_ms)
        return self.mark.at(now, wall_ms)


def test_there_is_no_watermark_before_all_partitions_can_have_been_heard_of() -> None:
    mark = Asked()
    assert mark.at(1) is None
    mark.saw(0, 9000, 1)
    assert mark.at(9) is None
    mark.saw(0, 9000, 9)
    mark.saw(1, 4000, 9)
    assert mark.at(10) == 4000


def test_without_a_lead_there_is_no_watermark() -> None:
    assert Asked().at(100) is None


def test_the_watermark_is_that_of_the_partition_that_is_furthest_behind() -> None:
    mark = Asked()
    mark.saw(0, 9000, 9)
    mark.saw(1, 5000, 9)
    mark.saw(1, 3000, 9.5)  # a late lead takes nothing back
    assert mark.at(10) == 5000
    mark.saw(1, 7000, 11)
    assert mark.at(12) == 7000


def test_a_partition_that_is_quiet_is_not_waited_for() -> None:
    mark = Asked()
    mark.saw(0, 1000, 5)
    mark.saw(1, 2000, 9)
    mark.saw(1, 2000, 13)
    assert mark.at(14.9) == 1000
    assert mark.at(15) == 2000


@pytest.mark.parametrize("silence", [4, 7, 9.5, 11, 15, 19, 21])
def test_no_partition_is_idle_because_all_were_silent(silence: float) -> None:
    """A worker was unavailable; it comes back with one partition seconds before the other."""
    mark = Asked()
    mark.saw(0, 1000, 9)
    mark.saw(1, 1000, 9)
    back = 9 + silence
    mark.at(back)
    mark.saw(0, 90_000, back)
    assert mark.at(back + 4.5) == 1000
    mark.saw(1, 2000, back + 4.5)
    assert mark.at(back + 5) in {1000, 2000}, "it may stand"


def test_a_partition_that_stays_empty_is_not_waited_for_where_leads_are_few() -> None:
    mark = Asked()
    for now in range(0, 45, 9):
        mark.saw(0, 1000 * now, now)
        if not now:
            mark.saw(1, 0, now)
        mark.at(now)
    assert mark.at(36) == 36_000


def test_the_watermark_stands_when_a_partition_comes_back_with_what_is_older() -> None:
    mark = Asked()
    mark.saw(0, 1000, 1)
    mark.saw(1, 9000, 5)
    mark.saw(1, 9000, 9)
    assert mark.at(12) == 9000
    mark.saw(0, 2000, 13)
    assert mark.at(14) == 9000


def test_time_continues_by_the_clock_where_all_are_quiet() -> None:
    mark = Asked()
    mark.saw(0, 1000, 5)
    mark.saw(1, 9000, 6)
    assert mark.at(16) == 9000 + 10_000
    assert mark.at(20) == 9000 + 14_000


def test_leads_of_an_outage_are_waited_for_when_they_come_at_last() -> None:
    """The scoring workers were unavailable; the leads were not. Some partitions are read sooner."""
    mark = Asked()
    mark.saw(0, 1000, 5)
    mark.saw(1, 1000, 5)
    assert mark.at(600) == 596_000
    mark.saw(0, 300_000, 600.5)  # of the outage, as fast as it can be read
    assert mark.at(600.5) == 1000, "the clock alone had taken it further"
    mark.saw(1, 20_000, 605)
    assert mark.at(605) == 1000
    mark.saw(0, 610_000, 609)
    mark.saw(1, 400_000, 609)
    assert mark.at(610.5) == 400_000


def test_leads_few_and_far_between_hold_no_window_open() -> None:
    mark = Asked()
    for now in range(0, 200, 20):
        mark.saw(0, 1000 * now, now)
        assert mark.at(now) in {None, max(0, 1000 * (now - 20))}
        assert mark.at(now + 19.5) == 1000 * now + 19_500


def test_a_lead_from_the_future_does_not_close_what_is_open() -> None:
    mark = Asked()
    year_2100 = 4_102_444_800_000
    mark.saw(0, year_2100, 9)
    assert mark.at(10, wall_ms=50_000) == 50_000
    assert mark.at(30, wall_ms=70_000) == 70_000


def test_a_worker_that_was_stopped_takes_no_partition_for_quiet() -> None:
    """Taken for dead, it would close windows by the clock that others still fill."""
    mark = Asked()
    mark.saw(0, 1000, 9)
    assert mark.at(10) == 1000
    assert mark.mark.at(300, LATER) == 1000
    assert mark.at(309) == 1000
    assert mark.at(310) == 302_000, "it is not, and time continues"


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 10**6), st.floats(0, 9), st.booleans()),
        max_size=60,
    )
)
def test_while_leads_come_the_watermark_never_goes_back(
    seen: list[tuple[int, int, float, bool]],
) -> None:
    mark, now, last = Watermark(idle_after=10, started_at=0), 0.0, -1
    for partition, event, pause, is_asked in seen:
        mark.saw(partition, event, now)
        if is_asked:
            found = mark.at(now, LATER)
            assert found is None or found >= last
            last = last if found is None else found
            assert mark.reached == found
        now += pause
