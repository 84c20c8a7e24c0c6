"""Work in a thread has ended when its caller continues, also when that is cancelled."""

from __future__ import annotations

import asyncio
import threading

import pytest

from stream.process.thread_calls import in_thread


async def test_the_result_and_the_error_are_those_of_the_work() -> None:
    assert await in_thread(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        await in_thread(lambda: 1 // 0)


async def test_a_cancellation_waits_for_the_end_of_the_work() -> None:
    has_begun, may_end, ended = threading.Event(), threading.Event(), []

    def work() -> None:
        has_begun.set()
        may_end.wait()
        ended.append(True)

    task = asyncio.create_task(in_thread(work))
    await asyncio.to_thread(has_begun.wait)
    task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == [True]
