"""Prediction in a thread of its own, so that the event loop runs on while the model computes."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from agents.batch_scorer import BatchScorer

__all__ = ["ModelThread"]

THREAD_FROM_ROWS = 64
"""Leads from which on the model runs in the thread; for fewer it ends before a thread wakes."""


def available_cores() -> int:
    """Return how many cores the process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class ModelThread:
    """Runs a model on large matrices in one thread, on small ones at once.

    Parameters
    ----------
    cores
        Cores that the process may use, None: as many as the system allows. With one core nothing
        runs in the thread.
    on_predicted
        Called with the seconds of each prediction, in the thread if it ran there.
    """

    def __init__(self, cores: int | None, on_predicted: Callable[[float], None]) -> None:
        self._has_cores = (available_cores() if cores is None else cores) > 1
        self._on_predicted = on_predicted
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="model")

    def predict(self, scorer: BatchScorer, features: Any) -> Awaitable[Any]:
        """Start a prediction of a scorer's features; the awaitable raises what the model raises."""
        loop = asyncio.get_running_loop()
        if self._has_cores and len(features.matrix) >= THREAD_FROM_ROWS:
            return loop.run_in_executor(self._thread, self._timed_predict, scorer, features)
        done: asyncio.Future[Any] = loop.create_future()
        done.set_result(self._timed_predict(scorer, features))
        return done

    def stop(self) -> None:
        """Cancel predictions that have not begun; does not wait for one that is running."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _timed_predict(self, scorer: BatchScorer, features: Any) -> Any:
        started = time.perf_counter()
        prediction = scorer.predict(features)
        self._on_predicted(time.perf_counter() - started)
        return prediction
