"""Pauses between attempts: how long to wait before something that failed is tried again.

All pauses are declared here. Most are constant and short: aiokafka retries, and looks for a new
leader or coordinator with a pause of its own, so an error that reaches LeadScore has already
waited. Attempts are not counted unless the caller says so; a deadline ends them
(stream/process/deadlines.py).
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

__all__ = [
    "LOG_PAUSE",
    "MODEL_CHANGE_PAUSE",
    "MODEL_LOAD_PAUSE",
    "MODEL_LOOKUP_PAUSE",
    "REQUEST_PAUSE",
    "Backoff",
    "retry",
]

T = TypeVar("T")

REQUEST_PAUSE = 0.2
"""Seconds before a request to Kafka is sent again: in a rebalance every pause delays its end."""

LOG_PAUSE = 0.5
"""Seconds before a log is read again beside the consumer, as while a partition's leader moves."""

MODEL_LOAD_PAUSE = 1.0
"""Seconds before a model that a commit names is loaded again: its partition waits meanwhile."""

MODEL_CHANGE_PAUSE = 5.0
"""Seconds before a change of model is tried again: each attempt stops the scoring for a moment."""

MODEL_LOOKUP_PAUSE = 60.0
"""Seconds before the drift role looks again for a model that the registry does not have."""


class Backoff:
    """Computes waits that double with each failure in a row, with jitter.

    Jitter keeps workers that saw the same failure from trying again at the same moment.

    Parameters
    ----------
    first
        Seconds after the first failure.
    longest
        Most seconds.
    draw
        Returns a number from 0 to 1: the wait is between half of it and all of it.
    """

    DOUBLINGS = 16
    """After these the longest wait is reached; it keeps the power from growing without bound."""

    def __init__(
        self, first: float, longest: float, draw: Callable[[], float] = random.random
    ) -> None:
        self._first = first
        self._longest = max(first, longest)
        self._draw = draw
        self.failures = 0
        """In a row."""

    def fail(self) -> float:
        """Count a failure; return the seconds to wait before the next attempt."""
        wait = min(self._first * (1 << min(self.failures, self.DOUBLINGS)), self._longest)
        self.failures += 1
        return wait * (0.5 + self._draw() / 2)

    def reset(self) -> None:
        """Forget the failures: an attempt succeeded, or something else is tried."""
        self.failures = 0


async def retry(
    attempt: Callable[[], Awaitable[T]],
    *,
    doing: str,
    may_pass: Callable[[Exception], bool],
    log: logging.Logger,
    pause: float = REQUEST_PAUSE,
    level: int = logging.WARNING,
) -> T:
    """Call until it succeeds, and return what it returns; the caller sets a deadline.

    Parameters
    ----------
    attempt
        What is called.
    doing
        Begins the line of the log after an attempt that failed.
    may_pass
        Whether another attempt may succeed after an error.
    log
        Where these lines go.
    pause
        Seconds between two attempts.
    level
        Level of these lines.

    Raises
    ------
    Exception
        An error that does not pass.
    """
    while True:
        try:
            return await attempt()
        except Exception as error:
            if not may_pass(error):
                raise
            log.log(level, "%s: %r; trying again in %g s", doing, error, pause)
        await asyncio.sleep(pause)
