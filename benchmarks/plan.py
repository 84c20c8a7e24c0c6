"""Benchmark plans: a bounded one of about twenty minutes, and the full one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from benchmarks.contenders import CONTENDERS
from benchmarks.memory import CASES, MemoryCase
from benchmarks.workload import PARTITIONS

__all__ = ["BOUNDED", "FULL", "Plan"]


@dataclass(frozen=True, slots=True)
class Plan:
    """Contenders, rates and sizes of a benchmark run.

    Attributes
    ----------
    contenders, events, repeats
        Contenders of the throughput benchmark, size of the backlog, and number of runs.
    latency_contenders
        Contenders of the latency benchmark.
    rates, shares
        Rates in leads per second, and as shares of LeadScore's maximum.
    most
        LeadScore's maximum in leads per second; None: measured first.
    warm_seconds, seconds
        Seconds of warm-up and of measurement at each rate.
    costs
        Backlog and number of partitions of each measurement of CPU cost.
    memory
        Leads of each memory measurement.
    """

    contenders: tuple[str, ...]
    events: int
    repeats: int
    latency_contenders: tuple[str, ...]
    rates: tuple[int, ...]
    shares: tuple[float, ...]
    warm_seconds: float
    seconds: float
    costs: tuple[tuple[int, int], ...]
    memory: tuple[MemoryCase, ...]
    most: int | None = None

    def changed(
        self,
        *,
        events: int | None,
        repeats: int | None,
        names: Sequence[str],
        rates: Sequence[int],
        most: int | None,
    ) -> Self:
        """Return a copy of the plan with the given values."""
        return replace(
            self,
            events=events or self.events,
            repeats=repeats or self.repeats,
            contenders=tuple(names) or self.contenders,
            latency_contenders=tuple(names) or self.latency_contenders,
            rates=tuple(rates) or self.rates,
            shares=() if rates else self.shares,
            most=most,
        )


BOUNDED = Plan(
    contenders=(
        *("leadscore", "bare", "exactly-once", "stock", "take", "quix"),
        *("aiokafka", "aiokafka-decoder"),
        *("confluent", "confluent-decoder", "streams", "streams-warm"),
        *("no-reasons", "no-drift", "no-metrics", "cores", "two-workers"),
    ),
    events=100_000,
    repeats=2,
    latency_contenders=("leadscore", "quix", "confluent", "streams-warm"),
    rates=(2000,),
    shares=(0.2, 0.5, 0.8),
    warm_seconds=8.0,
    seconds=6.0,
    costs=(
        *((count, PARTITIONS) for count in (1000, 10_000, 100_000, 1_000_000)),
        *((100_000, partitions) for partitions in (1, 16, 64)),
    ),
    memory=tuple(case for case in CASES if case.codec in ("none", "zstd")),
)
FULL = Plan(
    contenders=tuple(CONTENDERS),
    events=400_000,
    repeats=5,
    latency_contenders=("leadscore", "quix", "aiokafka", "confluent", "streams-warm"),
    rates=(2000,),
    shares=(0.2, 0.5, 0.8),
    warm_seconds=20.0,
    seconds=30.0,
    costs=(*BOUNDED.costs, (10_000_000, PARTITIONS)),
    memory=CASES,
)
