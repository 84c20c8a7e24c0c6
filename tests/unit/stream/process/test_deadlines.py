"""Deadlines: what happens at them, and what does not."""

from __future__ import annotations

import asyncio

import pytest

from schemas.errors import FatalError
from stream.process.deadlines import fail_at, now, time_left
from testing.jumping_time import in_jumping_time


@in_jumping_time
async def test_time_left_is_never_negative() -> None:
    assert time_left(now() + 2) == pytest.approx(2)
    assert time_left(now() - 2) == 0


@in_jumping_time
async def test_a_body_that_is_too_slow_fails_with_the_sentence() -> None:
    with pytest.raises(FatalError, match="an answer was expected"):
        async with fail_at(now() + 1, "an answer was expected"):
            await asyncio.Event().wait()


@in_jumping_time
async def test_a_body_in_time_and_its_own_errors_pass_through() -> None:
    async with fail_at(now() + 1, "not seen"):
        await asyncio.sleep(0.5)
    with pytest.raises(ValueError, match="its own"):
        async with fail_at(now() + 1, "not seen"):
            raise ValueError("its own")


@in_jumping_time
async def test_a_cancellation_from_outside_is_no_failure() -> None:
    async def work() -> None:
        async with fail_at(now() + 10, "not seen"):
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
