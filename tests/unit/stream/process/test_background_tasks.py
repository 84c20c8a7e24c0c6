"""Background tasks: who learns of an error, and how they end."""

from __future__ import annotations

import asyncio
import gc

import pytest

from stream.process.background_tasks import BackgroundTasks
from stream.process.deadlines import now
from testing.jumping_time import in_jumping_time


class Crashes:
    def __init__(self) -> None:
        self.errors: list[BaseException] = []

    async def __call__(self, error: BaseException) -> None:
        await asyncio.sleep(0.01)
        self.errors.append(error)


async def fail() -> None:
    raise ValueError("wrong")


async def until(event: asyncio.Event) -> None:
    await event.wait()


@in_jumping_time
async def test_a_task_that_nobody_holds_runs_to_its_end() -> None:
    tasks, ended = BackgroundTasks(), asyncio.Event()

    async def work() -> None:
        await asyncio.sleep(1)
        ended.set()

    tasks.start(work())
    gc.collect()
    assert len(tasks) == 1
    await ended.wait()
    await asyncio.sleep(0)
    assert len(tasks) == 0


@in_jumping_time
async def test_a_failure_crashes_the_worker_though_nobody_waits() -> None:
    crashes = Crashes()
    BackgroundTasks(crashes).start(fail())
    await asyncio.sleep(1)
    assert [str(error) for error in crashes.errors] == ["wrong"]


@in_jumping_time
async def test_to_cancel_the_tasks_does_not_keep_the_worker_from_ending() -> None:
    crashes = Crashes()
    tasks = BackgroundTasks(crashes)
    tasks.start(fail())
    await asyncio.sleep(0.001)
    await tasks.cancel()
    await asyncio.sleep(1)
    assert crashes.errors


@in_jumping_time
async def test_without_a_crash_the_error_is_for_who_awaits_the_task() -> None:
    task = BackgroundTasks().start(fail())
    with pytest.raises(ValueError, match="wrong"):
        await task


@in_jumping_time
async def test_an_error_that_nobody_awaits_is_not_reported_by_asyncio() -> None:
    reported: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: reported.append(context))
    BackgroundTasks().start(fail())
    await asyncio.sleep(1)
    gc.collect()
    assert reported == []


@in_jumping_time
async def test_finish_says_whether_all_have_ended_by_the_deadline() -> None:
    tasks, event = BackgroundTasks(), asyncio.Event()
    assert await tasks.finish(now())
    tasks.start(until(event))
    assert not await tasks.finish(now() + 1)
    event.set()
    assert await tasks.finish(now() + 1)


@in_jumping_time
async def test_cancelled_tasks_have_ended_and_crash_nothing() -> None:
    crashes = Crashes()
    tasks = BackgroundTasks(crashes)
    task = tasks.start(until(asyncio.Event()))
    await tasks.cancel()
    assert task.cancelled()
    assert crashes.errors == []


@in_jumping_time
async def test_a_task_that_does_not_end_when_cancelled_is_waited_for_until_the_deadline() -> None:
    tasks = BackgroundTasks()

    async def stubborn() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(60)

    tasks.start(stubborn())
    await asyncio.sleep(0)
    before = now()
    await tasks.cancel(before + 2)
    assert now() - before == pytest.approx(2)
    await tasks.cancel()
