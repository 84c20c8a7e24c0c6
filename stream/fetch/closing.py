"""Close aiokafka's clients without losing a cancellation."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

__all__ = ["closed"]


async def closed(closing: Awaitable[object]) -> None:
    """Wait until a client is closed; a cancellation that comes meanwhile is raised.

    ``AIOKafkaClient.close`` suppresses ``CancelledError`` while it waits for its own task, and with
    it the cancellation of whoever closes: a retry loop that closes a client in each round would
    survive its own cancellation, and a time limit around it would never end it.

    Parameters
    ----------
    closing
        The client's ``close()`` or ``stop()``.

    Raises
    ------
    CancelledError
        The current task was cancelled meanwhile.
    """
    task = asyncio.current_task()
    assert task is not None, "a coroutine runs in a task"
    requests = task.cancelling()
    await closing
    if task.cancelling() > requests:
        raise asyncio.CancelledError
