"""Which leads are scored in the thread of the model, and what continues meanwhile."""

from __future__ import annotations

from stream.scoring.model_thread import THREAD_FROM_ROWS
from tests.unit.stream.scoring.pipeline_bench import (
    Place,
    batch,
)


async def test_a_large_batch_is_scored_in_the_model_thread_and_a_small_one_in_the_event_loop() -> (
    None
):
    async with Place() as place:
        watched = place.watch()
        await place.pipeline.accept([batch(0, THREAD_FROM_ROWS - 1)])
        assert watched.seen == [("MainThread", THREAD_FROM_ROWS - 1)]
        await place.pipeline.accept([batch(100, THREAD_FROM_ROWS)])
        await place.until_sent(2)
        thread, rows = watched.seen[1]
        assert thread.startswith("model")
        assert rows == THREAD_FROM_ROWS


async def test_with_one_core_the_model_runs_in_the_event_loop() -> None:
    async with Place(cores=1) as place:
        watched = place.watch()
        await place.pipeline.accept([batch(0, THREAD_FROM_ROWS)])
        assert watched.seen == [("MainThread", THREAD_FROM_ROWS)]


async def test_the_next_batch_is_decoded_while_the_model_scores() -> None:
    async with Place() as place:
        watched = place.watch()
        watched.allowed.clear()
        first, second = batch(0, THREAD_FROM_ROWS), batch(100, THREAD_FROM_ROWS)
        await place.pipeline.accept([first])
        await place.pipeline.accept([second])
        assert first.is_in_flight
        assert second.is_in_flight
        assert place.value("leadscore_stage_duration_seconds_count", stage="decode") == 2
        assert not watched.seen
        watched.allowed.set()
        await place.until_sent(2)


async def test_an_error_in_the_model_thread_crashes_the_worker_and_commits_nothing() -> None:
    async with Place() as place:
        watched = place.watch()
        watched.seen = None  # type: ignore[assignment]
        given = batch(0, THREAD_FROM_ROWS)
        await place.pipeline.accept([given])
        await place.until_crashed()
        assert not given.is_done
        assert not place.emitter.sent
