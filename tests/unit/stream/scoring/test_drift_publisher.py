"""Blocks of drift counts as a worker publishes them: order, gaps, deliveries, errors."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence

import numpy as np
import pytest

from agents.drift import BLOCK
from schemas.errors import FatalError
from stream.deliver.delivery import PartitionLostError
from testing.jumping_time import in_jumping_time
from tests.unit.stream.scoring.drift_place import (
    FakeScorer,
    Place,
    Record,
    as_scorer,
    drained,
    publishing,
)


@in_jumping_time
async def test_a_complete_block_is_published_before_its_batch_is_done() -> None:
    place, scorer = Place(), FakeScorer()
    place.emitter.may_deliver.clear()
    assert place.count(0, 4000, scorer=scorer) == []
    (closing,) = place.count(4000, 4500, scorer=scorer)
    done = asyncio.ensure_future(closing)
    await asyncio.sleep(5)
    assert not done.done()
    assert place.published() == []
    place.emitter.may_deliver.set()
    await done
    assert place.published() == [(0, BLOCK)]
    assert place.total() == place.expected(0, BLOCK)


@in_jumping_time
async def test_a_batch_over_several_blocks_waits_for_each() -> None:
    place = Place()
    closings = place.count(0, 3 * BLOCK, scorer=FakeScorer())
    for closing in closings:
        await closing
    assert [block for block, _ in place.published(closed=True)] == [0, 1, 2]
    assert place.total() == place.expected(0, 3 * BLOCK)


@in_jumping_time
async def test_a_changed_open_block_is_published_once_a_second() -> None:
    place, scorer = Place(), FakeScorer()
    async with publishing(place):
        for start in range(0, 300, 10):
            place.count(start, start + 10, scorer=scorer)
            await asyncio.sleep(0.1)
        await asyncio.sleep(10)
        assert len(place.published()) in {3, 4}
        assert place.published()[-1] == (0, 300)
        assert place.total() == place.expected(0, 300)


@in_jumping_time
async def test_a_stop_publishes_new_counts() -> None:
    place = Place()
    async with publishing(place):
        place.count(0, 30, scorer=FakeScorer())
    assert place.published() == [(0, 30)]


@in_jumping_time
async def test_a_stop_keeps_to_its_limit() -> None:
    place = Place()
    place.publisher.start()
    place.count(0, 30, scorer=FakeScorer())
    place.emitter.may_deliver.clear()
    begun = asyncio.get_running_loop().time()
    await place.publisher.stop(within=5)
    assert asyncio.get_running_loop().time() - begun == pytest.approx(5, abs=0.1)
    place.emitter.may_deliver.set()


@in_jumping_time
async def test_blocks_are_published_in_order() -> None:
    """Event time advances in the published counts: the order of blocks makes no lead late."""
    place, scorer = Place(), FakeScorer()
    place.reader.may_read.clear()
    async with publishing(place):
        place.count(3000, 4200, scorer=scorer)
        place.count(4200, 4300, scorer=scorer)
        await asyncio.sleep(3)
        assert place.published() == []
        place.reader.may_read.set()
        await asyncio.sleep(3)
    assert place.published() == [(0, BLOCK), (1, 4300)]


@in_jumping_time
async def test_a_gap_within_a_generation_is_one_of_the_log() -> None:
    log = [Record(o) for o in (*range(100), *range(200, 300), *range(3 * BLOCK, 3 * BLOCK + 9))]
    place, scorer = Place(log), FakeScorer()
    place.count(0, 100, scorer=scorer)
    place.count(200, 300, scorer=scorer)
    (closing,) = place.count(3 * BLOCK, 3 * BLOCK + 9, scorer=scorer)
    await closing
    assert place.reader.reads == []
    assert place.published() == [(0, BLOCK)]
    await place.publisher.stop(within=1)
    assert place.total() == place.expected(0, BLOCK)


@in_jumping_time
async def test_a_gap_between_generations_was_read_by_another_worker() -> None:
    place, scorer = Place(), FakeScorer()
    place.count(0, 100, scorer=scorer)
    (closing,) = place.count(4000, 4100, scorer=scorer, generation=2)
    await closing
    assert place.reader.reads == [(0, 4000)]
    assert place.total() == place.expected(0, BLOCK)


@in_jumping_time
async def test_no_gap_between_generations_is_no_reason_to_read_again() -> None:
    place, scorer = Place(), FakeScorer()
    place.count(0, 100, scorer=scorer)
    place.count(100, 200, scorer=scorer, generation=2)
    place.count(300, 400, scorer=scorer, generation=2)
    assert place.reader.reads == []


@in_jumping_time
async def test_records_that_come_again_are_counted_once() -> None:
    place, scorer = Place(), FakeScorer()
    for closing in place.count(0, 5000, scorer=scorer):
        await closing
    async with publishing(place):
        for closing in place.count(2000, 6000, scorer=scorer, generation=2):
            await closing
        await asyncio.sleep(2)
    assert place.reader.reads == [(0, 2000)]
    assert place.total() == place.expected(0, 6000)


@in_jumping_time
async def test_counts_are_not_published_before_the_outputs_are_delivered() -> None:
    """Else nobody could find out from the outputs how far the records were counted."""
    place, scorer = Place(), FakeScorer()
    delivery = asyncio.get_running_loop().create_future()
    async with publishing(place):
        place.count(0, 4000, scorer=scorer, deliveries=[delivery])
        (closing,) = place.count(4000, 4500, scorer=scorer)
        await asyncio.sleep(3)
        assert place.published() == []
        delivery.set_result(None)
        await closing
        assert place.published(closed=True) == [(0, BLOCK)]


@in_jumping_time
async def test_a_block_that_is_closed_while_its_open_counts_are_published_waits_for_them() -> None:
    """And they do not wait for it: the versions of a block come in order."""
    place, scorer = Place(), FakeScorer()
    delivery = asyncio.get_running_loop().create_future()
    place.count(0, 4000, scorer=scorer, deliveries=[delivery])
    place.publisher._publish_open()
    (closing,) = place.count(4000, 4500, scorer=scorer)  # before that has taken its first step
    delivery.set_result(None)
    async with asyncio.timeout(5):
        await closing
    place.count(4500, 5000, scorer=scorer)
    await place.publisher.publish_rest([0])
    assert place.published() == [(0, BLOCK), (1, 5000)]


@in_jumping_time
async def test_counts_of_another_owner_are_not_published() -> None:
    place, scorer = Place(), FakeScorer()
    delivery = asyncio.get_running_loop().create_future()
    async with publishing(place):
        place.count(0, 4000, scorer=scorer, deliveries=[delivery])
        await asyncio.sleep(1.5)
        delivery.set_exception(PartitionLostError())
        await asyncio.sleep(3)
    assert place.published() == []
    assert place.crashes == []


@in_jumping_time
async def test_counts_behind_undelivered_outputs_are_not_published() -> None:
    """Seen once: a later batch made the failed outputs forgotten, and the counts were published."""
    place, scorer = Place(), FakeScorer()
    lost, later = (asyncio.get_running_loop().create_future() for _ in range(2))
    async with publishing(place):
        place.count(0, 3000, scorer=scorer, deliveries=[lost])
        lost.set_exception(PartitionLostError())
        place.count(3000, 5000, scorer=scorer, deliveries=[later])
        later.set_result(None)
        await asyncio.sleep(3)
        assert place.published() == []
        for closing in place.count(5000, 9000, scorer=scorer, generation=2):
            await closing  # as if another had done the records before
    assert place.published(closed=True) == [(1, 2 * BLOCK)]
    assert place.reader.reads == [(BLOCK, 5000)]


@in_jumping_time
async def test_records_that_are_no_leads_make_a_block_whole_as_well() -> None:
    log = [Record(offset, is_good=offset < 10) for offset in range(BLOCK + 20)]
    place, scorer = Place(log), FakeScorer()
    place.count(0, 10, scorer=scorer)
    (closing,) = place.count(10, BLOCK + 20, scorer=scorer)
    await closing
    assert place.published() == [(0, BLOCK)]
    assert place.total() == place.expected(0, 10)


@in_jumping_time
async def test_counts_of_a_revoked_partition_are_not_published() -> None:
    place = Place()
    async with publishing(place):
        place.count(0, 10, scorer=FakeScorer())
        place.publisher.assigned([1, 2])
        await asyncio.sleep(3)
    assert place.published() == []


@in_jumping_time
async def test_open_blocks_that_cannot_be_published_end_the_worker() -> None:
    place = Place()
    async with publishing(place):
        place.emitter.errors.append(FatalError("no such topic"))
        place.count(0, 10, scorer=FakeScorer())
        await asyncio.sleep(3)
        assert [str(error) for error in place.crashes] == ["no such topic"]


@in_jumping_time
async def test_a_complete_block_that_cannot_be_published_leaves_its_batch_undone() -> None:
    place = Place()
    place.emitter.errors.append(FatalError("no such topic"))
    (closing,) = place.count(0, BLOCK, scorer=FakeScorer())
    with pytest.raises(FatalError, match="no such topic"):
        await closing
    await asyncio.sleep(0)
    assert place.crashes


@pytest.mark.parametrize("seed", range(12))
@in_jumping_time
async def test_counts_are_exact_however_workers_come_and_go(seed: int) -> None:
    random = np.random.default_rng(seed)
    log = [Record(o, bool(random.random() > 0.1)) for o in range(9000) if random.random() > 0.05]
    place, scorer = Place(log), FakeScorer()
    workers, committed, generation = [place.publisher], 0, 1
    place.publisher.start()
    end = log[-1].offset + 1
    while committed < end:
        stop = min(end, committed + int(random.integers(1, 900)))
        closings: Sequence[Awaitable[None]] = ()
        if place.batch(committed, stop).records:
            closings = place.count(
                committed, stop, scorer=scorer, generation=generation, publisher=workers[-1]
            )
        fate = random.random()
        if fate < 0.15:  # killed: what was not committed is read again
            workers.append(place.another())
            workers[-1].start()
            generation += 1
            workers[-1].resume(0, as_scorer(scorer), generation, committed)
            continue
        if fate < 0.25:  # a rebalance: some of it is read again
            generation += 1
        await drained(closings)
        committed = stop
        if random.random() < 0.5:
            await asyncio.sleep(float(random.random()))
    for worker in workers:
        await worker.stop(within=5)
    assert place.crashes == []
    assert place.total() == place.expected(0, end)
