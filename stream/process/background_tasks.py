"""Tasks that run in the background: kept alive, watched for errors, and ended together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine
from typing import Any, TypeVar

from stream.process.deadlines import time_left

__all__ = ["BackgroundTasks", "Crash", "all_ended"]

T = TypeVar("T")

Crash = Callable[[BaseException], Awaitable[None]]
"""Ends the worker because of an unrecoverable error."""


class BackgroundTasks:
    """Runs coroutines as tasks until they end.

    The event loop keeps only weak references to tasks: one that nobody else holds may be garbage
    collected before it ends.

    Parameters
    ----------
    crash
        Called with the error of a task that fails. None: only who awaits the task sees its error.
    """

    def __init__(self, crash: Crash | None = None) -> None:
        self._crash = crash
        self._tasks: set[asyncio.Task[Any]] = set()
        self._crashes: set[asyncio.Future[None]] = set()

    def __len__(self) -> int:
        """Return the number of tasks that have not ended."""
        return len(self._tasks)

    def start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run a coroutine as a task."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._end)
        return task

    async def finish(self, by: float) -> bool:
        """Wait until all tasks have ended, but not beyond a time of the event loop.

        Returns
        -------
        bool
            Whether all have ended.
        """
        return await all_ended(self._tasks, by)

    async def cancel(self, by: float | None = None) -> None:
        """Cancel all tasks and wait until they have ended, or until a time of the event loop."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=None if by is None else time_left(by))

    def crash(self, error: BaseException) -> None:
        """End the worker in the background, for callers that cannot await it."""
        assert self._crash is not None, "made without a way to end the worker"
        crashing = asyncio.ensure_future(self._crash(error))
        # Kept apart from the tasks: to cancel those must not keep the worker from ending.
        self._crashes.add(crashing)
        crashing.add_done_callback(self._crashes.discard)

    def _end(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()  # asyncio logs an error that nobody has asked for
        if error is not None and self._crash is not None:
            self.crash(error)


async def all_ended(tasks: Collection[asyncio.Future[Any]], by: float) -> bool:
    """Wait for tasks, but not beyond a time of the event loop; return whether all have ended."""
    if not tasks:
        return True
    _, pending = await asyncio.wait(tuple(tasks), timeout=time_left(by))
    return not pending
