from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import numpy as np
from prometheus_client import CollectorRegistry

from agents.dead_letters import DeadLetter
from agents.scored_batch import ScoredBatch
from monitoring.telemetry.metrics import Metrics
from schemas.errors import ErrorCode
from stream.scoring.batch_counts import BatchCounts

NOW = 1_760_000_000.0


class Watched(Metrics):
    """Metrics that note how often they are set."""

    def __init__(self) -> None:
        super().__init__(CollectorRegistry(), version="test")
        self.calls = 0

    def observe_batches(self, **counts: Any) -> None:
        self.calls += 1
        super().observe_batches(**counts)

    def value(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, labels) or 0.0


def outcome(scores: list[float], *, ages: list[float], dropped: int = 0) -> ScoredBatch:
    """Return the outcome of a batch whose records were written some seconds ago."""
    letter: Any = SimpleNamespace(code=ErrorCode.DECODE)
    letters: list[DeadLetter] = [letter]
    return ScoredBatch(
        scored=[],
        positions=[],
        dead_letters=letters,
        dropped=list(range(dropped)),
        scores=np.array(scores, np.float32),
        coverage=np.ones(len(scores), np.float32),
        low_coverage=np.zeros(len(scores), np.bool_),
        timestamps=np.array([int((NOW - age) * 1000) for age in ages], np.int64),
    )


async def test_batches_of_one_turn_of_the_loop_are_counted_at_once() -> None:
    metrics = Watched()
    counts = BatchCounts(metrics, lambda: NOW)
    counts.add(3, outcome([0.1, 0.2], ages=[1.0, 2.0]))
    counts.add(4, outcome([0.3], ages=[3.0], dropped=2))
    assert metrics.calls == 0
    await asyncio.sleep(0)
    assert metrics.calls == 1
    assert metrics.value("leadscore_leads_scored_total") == 3
    assert metrics.value("leadscore_event_to_scored_seconds_sum") == 6.0
    assert metrics.value("leadscore_dead_letters_total", code="DECODE") == 2


async def test_a_batch_is_counted_once() -> None:
    metrics = Watched()
    counts = BatchCounts(metrics, lambda: NOW)
    for _ in range(2):
        counts.add(1, outcome([0.5], ages=[1.0]))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert metrics.calls == 2
    assert metrics.value("leadscore_leads_scored_total") == 2


async def test_a_time_stamp_that_is_no_time_of_a_record_has_no_latency() -> None:
    metrics = Watched()
    BatchCounts(metrics, lambda: NOW).add(2, outcome([0.1, 0.2], ages=[NOW, 1.0]))
    await asyncio.sleep(0)
    assert metrics.value("leadscore_event_to_scored_seconds_count") == 1
