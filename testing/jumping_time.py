"""An event loop whose clock jumps to the next timer: tests of long waits take no time."""

from __future__ import annotations

import asyncio
import functools
import selectors
from collections.abc import (
    Callable,
    Coroutine,
)
from typing import Any

__all__ = ["JumpingLoop", "JumpingSelector", "in_jumping_time"]


class JumpingSelector(selectors.DefaultSelector):
    """Instead of waiting, moves the clock to the next timer."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0

    def select(self, timeout: float | None = None) -> list[Any]:
        events = super().select(0)
        if not events:
            assert timeout is not None, "everything waits, and no timer will end it"
            self.now += max(timeout, 0.0)
        return events


class JumpingLoop(asyncio.SelectorEventLoop):
    """An event loop in which time passes only when everything waits: fast and repeatable."""

    def __init__(self) -> None:
        self._jumping = JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


def in_jumping_time(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run a test in a loop of jumping time."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        with asyncio.Runner(loop_factory=JumpingLoop) as runner:
            runner.run(test(*args, **kwargs))

    return run
