from __future__ import annotations

import asyncio
import gc
from collections import deque
from typing import Any

from stream.deliver.sending import RecordsTooLargeError, Sending, end_all, take_waiting
from stream.kafka.producer import Output


def sending(rows: int = 1) -> Sending:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    row: Output = (b"key", b"value", [])
    return Sending([row] * rows, 0.0, future)


async def test_a_call_that_was_ended_keeps_its_first_result() -> None:
    one = sending()
    one.end(None)
    one.end(ValueError("too late"))
    assert one.delivered.exception() is None


async def test_calls_whose_caller_has_stopped_waiting_are_not_sent() -> None:
    first, second, third = sending(), sending(), sending()
    second.delivered.cancel()
    waiting = deque([first, second, third])
    assert take_waiting(waiting) == [first, third]
    assert not waiting


async def test_refused_rows_are_named_by_their_position_in_their_own_call() -> None:
    calls = [sending(2), sending(0), sending(3), sending(1)]
    end_all("scored", calls, [2, 4])
    errors = [call.delivered.exception() for call in calls]
    assert [error is None for error in errors] == [True, True, False, True]
    [refused] = [error for error in errors if isinstance(error, RecordsTooLargeError)]
    assert (refused.topic, refused.positions) == ("scored", (0, 2))


async def test_an_error_that_nobody_awaits_is_not_logged_by_the_event_loop() -> None:
    problems: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: problems.append(context))
    one = sending()
    one.end(ValueError("refused"))
    await asyncio.sleep(0)
    del one
    gc.collect()
    assert problems == []
