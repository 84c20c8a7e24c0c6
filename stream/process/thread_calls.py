"""Blocking calls in a thread, for objects that have one user at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

__all__ = ["in_thread"]

T = TypeVar("T")


async def in_thread(work: Callable[[], T]) -> T:
    """Run work in a thread and return its result; a cancellation waits for its end.

    ``asyncio.to_thread`` returns at once if it is cancelled, while the thread continues.
    """
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
