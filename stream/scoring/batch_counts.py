"""Counts batches that are done, those of one turn of the event loop at once.

The broker answers for all partitions of a poll at once, and to count four batches costs much the
same as to count one.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

import numpy as np

from agents.scored_batch import ScoredBatch
from monitoring.telemetry.metrics import Metrics
from schemas.record_time import are_plausible

__all__ = ["BatchCounts"]


class BatchCounts:
    """Adds up done batches, and counts them in the metrics soon.

    Parameters
    ----------
    metrics
        The metrics of batches.
    now
        The wall clock, seconds since 1970.
    """

    def __init__(self, metrics: Metrics, now: Callable[[], float]) -> None:
        self._metrics = metrics
        self._now = now
        self._uncounted: list[tuple[int, ScoredBatch]] = []

    def add(self, consumed: int, outcome: ScoredBatch) -> None:
        """Count a batch in the next turn of the event loop.

        Parameters
        ----------
        consumed
            Its number of records.
        outcome
            What became of them.
        """
        if not self._uncounted:
            asyncio.get_running_loop().call_soon(self._count)
        self._uncounted.append((consumed, outcome))

    def _count(self) -> None:
        delivered, self._uncounted = self._uncounted, []
        now_ms = self._now() * 1000
        outcomes = [outcome for _, outcome in delivered]
        timestamps = np.concatenate([outcome.timestamps for outcome in outcomes])
        timestamps = timestamps[are_plausible(timestamps, now_ms)]
        self._metrics.observe_batches(
            consumed=[records for records, _ in delivered],
            scores=np.concatenate([outcome.scores for outcome in outcomes]),
            coverage=np.concatenate([outcome.coverage for outcome in outcomes]),
            low_coverage=np.concatenate([outcome.low_coverage for outcome in outcomes]),
            latency_seconds=np.maximum(now_ms - timestamps, 0.0) / 1000,
            dead_letters=Counter(letter.code for o in outcomes for letter in o.dead_letters),
            dropped=sum(len(outcome.dropped) for outcome in outcomes),
        )
