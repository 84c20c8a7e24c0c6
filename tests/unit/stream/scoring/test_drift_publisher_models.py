"""Drift counts when the model of a partition changes."""

from __future__ import annotations

import asyncio

from agents.drift import BLOCK
from testing.jumping_time import in_jumping_time
from tests.unit.agents.drift_log import OTHER_MODEL
from tests.unit.stream.scoring.drift_place import FakeScorer, Place, as_scorer, drained, publishing


@in_jumping_time
async def test_after_a_swap_each_model_has_its_own_counts() -> None:
    place, scorer, other = Place(), FakeScorer(), FakeScorer(OTHER_MODEL)
    place.count(0, 1000, scorer=scorer)
    (closing,) = place.count(1000, 4100, scorer=other)
    await closing
    assert place.reader.reads == [(0, 1000)]
    assert place.total() == place.expected(0, 1000)
    assert place.total(OTHER_MODEL) == place.expected(0, BLOCK)


@in_jumping_time
async def test_a_change_of_model_counts_each_lead_under_one_model() -> None:
    """The next model begins where the one before has ended, within a block and across owners."""
    place, old, new = Place(), FakeScorer(), FakeScorer(OTHER_MODEL)
    async with publishing(place) as publisher:
        place.count(0, 1000, scorer=old)
        await publisher.publish_rest([0])
        assert place.total() == place.expected(0, 1000)
        place.count(1000, 1500, scorer=new, since=1000)
    successor = place.another()
    successor.resume(0, as_scorer(new), 2, 1500, since=1000)
    await drained(
        place.count(1500, 4500, scorer=new, generation=2, publisher=successor, since=1000)
    )
    assert place.total() == place.expected(0, 1000)
    assert place.total(OTHER_MODEL) == place.expected(1000, BLOCK)
    assert place.reader.reads == [(1000, 1500)]


@in_jumping_time
async def test_a_model_that_returns_within_a_block_keeps_the_counts_of_its_first_part() -> None:
    place, first, second = Place(), FakeScorer(), FakeScorer(OTHER_MODEL)
    async with publishing(place):
        place.count(0, 1000, scorer=first)
        await place.publisher.publish_rest([0])
        place.count(1000, 2000, scorer=second, since=1000)
        await place.publisher.publish_rest([0])
        place.count(2000, 3000, scorer=first, since=2000)
    # Its next owner counts its second part again, and to the block's end.
    place.publisher = place.another()
    async with publishing(place):
        closings = place.count(3000, 5000, scorer=first, generation=2, since=2000)
        for closing in closings:
            await closing
    expected = place.expected(0, 1000)
    expected += place.expected(2000, 5000)
    assert place.total() == expected
    assert place.total(OTHER_MODEL) == place.expected(1000, 2000)
    assert place.crashes == []


@in_jumping_time
async def test_a_model_that_returns_before_the_next_record_begins_a_stretch() -> None:
    """The next owner knows where the model began last, and counts from there on."""
    place, first = Place(), FakeScorer()
    async with publishing(place):
        place.count(0, 1000, scorer=first)
        await place.publisher.publish_rest([0])
        # Another model was current since 1000, and scored nothing.
        place.count(1000, 2000, scorer=first, since=1000)
    place.publisher = place.another()
    place.publisher.resume(0, as_scorer(first), 2, 2000, since=1000)
    async with publishing(place):
        for closing in place.count(2000, 5000, scorer=first, generation=2, since=1000):
            await closing
    assert place.total() == place.expected(0, 5000)


@in_jumping_time
async def test_a_model_that_begins_with_a_block_has_no_head() -> None:
    place, new = Place(), FakeScorer(OTHER_MODEL)
    place.publisher.resume(0, as_scorer(new), 1, BLOCK, since=BLOCK)
    await drained(place.count(BLOCK, 2 * BLOCK, scorer=new, since=BLOCK))
    assert place.reader.reads == []
    assert place.published() == [(1, 2 * BLOCK)]


@in_jumping_time
async def test_the_rest_is_published_after_the_head_is_counted() -> None:
    place, old = Place(), FakeScorer()
    place.reader.may_read.clear()
    place.publisher.resume(0, as_scorer(old), 1, 1000)
    rest = asyncio.ensure_future(place.publisher.publish_rest([0]))
    await asyncio.sleep(1)
    assert not rest.done()
    place.reader.may_read.set()
    await rest
    assert place.total() == place.expected(0, 1000)


@in_jumping_time
async def test_a_change_of_model_during_counting_publishes_no_incomplete_version() -> None:
    """The partials up to an offset are a pure function of the log, which needs the log's head."""
    place, scorer, other = Place(), FakeScorer(), FakeScorer(OTHER_MODEL)
    place.reader.may_read.clear()
    place.count(2000, 2500, scorer=scorer)
    place.count(2500, 2600, scorer=other)
    await asyncio.sleep(3)
    assert place.published() == []
    place.reader.may_read.set()
    await asyncio.sleep(3)
    assert place.total() == place.expected(0, 2500)


@in_jumping_time
async def test_a_model_without_counting_counts_nothing() -> None:
    place, scorer = Place(), FakeScorer(counts=False)
    async with publishing(place):
        assert place.count(0, 5000, scorer=scorer) == ()
        place.publisher.resume(0, as_scorer(scorer), 1, 50)
        await asyncio.sleep(2)
    assert place.published() == []
