from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.drift import BLOCK, OUTLIERS, SPREAD, BlockCounts, CountedLeads, Counting
from features.aspect_bins import further_bins
from features.binning import build_reference
from features.counts import CountLayout
from features.field_spec import NumberField, TextField
from features.matrix import FeatureEncoder
from features.spec import FeatureSpec
from tests.unit.agents.drift_log import LAYOUT, MODEL, WINDOW_MS, counting, encoded, leads


def test_bins_of_further_aspects_are_found_when_leads_are_counted() -> None:
    spec = FeatureSpec(
        fields=(NumberField(name="visits"), TextField(name="title", keywords=("a",)))
    )
    columns: dict[str, Any] = {"visits": np.arange(60.0), "title": ["a b", "c", None, "d e f"] * 15}
    scores = np.linspace(0, 1, 60, dtype=np.float32)
    reference = build_reference(spec, columns, 60, scores)
    encoder, finder = FeatureEncoder(spec, reference), further_bins(spec, reference)
    assert finder is not None
    features = encoder.encode(columns, 60)
    log = CountedLeads(
        np.arange(60), np.arange(60), features.bins, scores, finder.values(features.matrix)
    )
    model = Counting(MODEL, CountLayout(reference), 0.5, WINDOW_MS, finder)
    joined = CountedLeads.joined([log.take(slice(0, 7)), log.take(slice(7, None))])
    assert model.bins_of(joined).tolist() == encoder.counted_bins(features).tolist()
    block = BlockCounts(model, "leads", 0, 0)
    block.add(log)
    [partial] = block.partials(BLOCK)
    assert partial.counts.counts.tolist() == CountLayout(reference).reference_counts.tolist()


def some_block() -> BlockCounts:
    return BlockCounts(counting(), "leads", 2, 0)


def disordered(count: int) -> CountedLeads:
    """Leads whose event times go back and forth over four windows."""
    log = leads(count)
    return log._replace(events=log.events * 769 % (4 * WINDOW_MS) - WINDOW_MS)


@settings(deadline=None)
@given(data=st.data())
def test_batches_are_no_part_of_what_is_counted(data: st.DataObject) -> None:
    log = disordered(200)
    whole = some_block()
    whole.add(log)
    cuts = sorted(data.draw(st.sets(st.integers(1, 199))))
    parts = [log.take(slice(a, b)) for a, b in zip([0, *cuts], [*cuts, None], strict=True)]
    block = some_block()
    for part in data.draw(st.permutations(parts)):
        block.add(part)
        if data.draw(st.booleans()):  # earlier partials do not change it either
            block.partials(0)
    assert encoded(block.partials(BLOCK)) == encoded(whole.partials(BLOCK))


@given(first=st.integers(0, 200), second=st.integers(0, 200))
def test_a_version_says_what_was_counted_below_its_offset(first: int, second: int) -> None:
    log = disordered(200)
    below, above = sorted((first, second))
    block = some_block()
    block.add(log.take(slice(0, below)))
    block.partials(below * 16)
    block.add(log.take(slice(below, above)))
    afresh = some_block()
    afresh.add(log.take(slice(0, above)))
    news, everything = block.partials(above * 16), afresh.partials(above * 16)
    windows = {partial.window_start for partial in news}
    assert encoded(news) == encoded([p for p in everything if p.window_start in windows])
    assert windows == set((log.events[below:above] // WINDOW_MS * WINDOW_MS).tolist())


def test_every_lead_is_counted_in_its_window_once() -> None:
    log = disordered(250)
    block = some_block()
    block.add(log)
    partials = block.partials(BLOCK)
    starts = (log.events // WINDOW_MS * WINDOW_MS).tolist()
    assert {p.window_start: p.counts.leads for p in partials} == Counter(starts)
    assert [p.window_start for p in partials] == [-1000, 0, 1000, 2000]
    for partial in partials:
        rows = np.flatnonzero(np.array(starts) == partial.window_start)
        visits, industry, scores = LAYOUT.parts(partial.counts.counts)
        expected = np.bincount(log.bins[rows, 0], minlength=len(visits))
        assert visits.tolist() == expected.tolist()
        assert industry[:2].tolist() == np.bincount(log.bins[rows, 1], minlength=2).tolist()
        assert scores.sum() == len(rows)
        assert partial.counts.engaged == np.count_nonzero(log.scores[rows] > 0.5)
        assert (partial.first_event, partial.last_event) == (
            log.events[rows].min(),
            log.events[rows].max(),
        )
        assert partial.sample.offsets.tolist() == log.offsets[rows].tolist()
        assert (partial.model, partial.partition, partial.is_closed) == (MODEL, 2, True)


def test_one_lead_in_sixteen_is_sampled() -> None:
    log = leads(100)
    block = some_block()
    block.add(log._replace(offsets=np.arange(100)))
    (partial,) = block.partials(BLOCK)
    assert partial.sample.offsets.tolist() == list(range(0, 100, 16))
    assert partial.sample.scores.tolist() == log.scores[::16].tolist()
    assert partial.sample.codes.tolist() == log.bins[::16].tolist()


def test_a_complete_block_publishes_all_its_windows_again() -> None:
    block = some_block()
    block.add(disordered(100))
    assert len(block.partials(1600)) == 4
    assert block.partials(1600) == []
    closed = block.partials(BLOCK + 300)
    assert [(p.next_offset, p.is_closed) for p in closed] == [(BLOCK, True)] * 4


def test_a_block_without_leads_publishes_nothing() -> None:
    block = some_block()
    block.add(leads(0))
    assert block.partials(BLOCK) == []


def test_leads_are_split_by_block_in_the_order_of_the_log() -> None:
    log = leads(700)
    parts = dict(log.by_block())
    assert list(parts) == [0, 1, 2]
    assert [len(part.offsets) for part in parts.values()] == [256, 256, 188]
    assert CountedLeads.joined(list(parts.values())).offsets.tolist() == log.offsets.tolist()
    assert list(leads(0).by_block()) == []


def test_blocks_without_a_lead_are_skipped() -> None:
    log = leads(2)._replace(offsets=np.array([5, 3 * BLOCK]))
    assert [block for block, _ in log.by_block()] == [0, 3]


def test_a_lead_is_not_from_the_future() -> None:
    log = leads(4)
    year_5138 = 100_000_000_000_000
    created_at, timestamps = np.array([[year_5138, 50, year_5138, 0], [70, 70, -1, 70]])
    found = CountedLeads.from_records(np.arange(4), created_at, timestamps, log.bins, log.scores)
    assert found.events.tolist() == [70, 50, year_5138, 0]


def test_event_times_as_large_as_leads_may_have_are_counted() -> None:
    year_9999 = 253_402_300_799_999
    block = some_block()
    block.add(leads(2)._replace(events=np.array([year_9999, 0])))
    partials = block.partials(BLOCK)
    assert [p.window_start for p in partials] == [0, 253_402_300_799_000]
    assert [p.last_event for p in partials] == [0, year_9999]


YEAR_MS = 366 * 86_400_000
FIVE_MINUTES = 300_000


def scattered(count: int, *, first: int = 0) -> CountedLeads:
    """Leads of a whole block's offsets whose event times are anywhere in ten years."""
    log = leads(count)
    mixed = np.arange(first, first + count) * 2_654_435_761 % 2**32 / 2**32
    return log._replace(offsets=np.arange(count), events=(mixed * 10 * YEAR_MS).astype(np.int64))


def block_of_days(log: CountedLeads) -> BlockCounts:
    block = BlockCounts(replace(counting(), window_ms=FIVE_MINUTES), "leads", 2, 0)
    block.add(log)
    return block


def plainly_in_order(log: CountedLeads) -> list[bool]:
    """The rule, word by word."""
    starts = (log.events // FIVE_MINUTES * FIVE_MINUTES).tolist()
    return [
        at < OUTLIERS or start >= sorted(starts[:at])[-OUTLIERS] - SPREAD * FIVE_MINUTES
        for at, start in enumerate(starts)
    ]


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 1000), first=st.integers(1, 500), second=st.integers(1, 500))
def test_which_leads_are_out_of_order_is_the_same_whoever_counts_and_from_wherever(
    seed: int, first: int, second: int
) -> None:
    log = scattered(500, first=seed)
    below, above = sorted((first, second))
    block = block_of_days(log.take(slice(0, below)))
    block.partials(below)
    block.add(log.take(slice(below, above)))
    block.partials(above)
    block.add(log.take(slice(above, None)))
    partials = block.partials(BLOCK)
    assert encoded(partials) == encoded(block_of_days(log).partials(BLOCK))
    assert sum(partial.counts.leads for partial in partials) == sum(plainly_in_order(log))
    assert block.take_out_of_order() == len(log.offsets) - sum(plainly_in_order(log))
    assert block.take_out_of_order() == 0


def test_leads_scattered_over_ten_years_do_not_make_a_window_each() -> None:
    log = scattered(BLOCK)
    assert len(set((log.events // FIVE_MINUTES).tolist())) > 4000
    block = block_of_days(log)
    assert len(block.partials(BLOCK)) < 200


def test_leads_that_come_slowly_all_count() -> None:
    log = leads(BLOCK)._replace(
        offsets=np.arange(BLOCK), events=np.arange(BLOCK) * 10 * FIVE_MINUTES
    )
    block = block_of_days(log)
    assert sum(partial.counts.leads for partial in block.partials(BLOCK)) == BLOCK
    assert block.take_out_of_order() == 0


def test_a_few_wrong_clocks_put_no_other_lead_out_of_order() -> None:
    log = leads(BLOCK)._replace(offsets=np.arange(BLOCK), events=np.full(BLOCK, 10 * YEAR_MS))
    log.events[: OUTLIERS - 1] += 100 * YEAR_MS
    block = block_of_days(log)
    assert sum(partial.counts.leads for partial in block.partials(BLOCK)) == BLOCK


def test_leads_out_of_order_that_another_worker_has_counted_are_not_reported_again() -> None:
    log = scattered(1000)
    block = BlockCounts(replace(counting(), window_ms=FIVE_MINUTES), "leads", 2, 0, own_from=900)
    block.add(log)
    block.partials(1000)
    assert block.take_out_of_order() == 100 - sum(plainly_in_order(log)[900:])
