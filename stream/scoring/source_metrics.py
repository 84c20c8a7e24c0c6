"""Metrics of the source, computed on each scrape."""

from __future__ import annotations

import time
from typing import Protocol

from aiokafka import TopicPartition

from monitoring.telemetry.health import Health
from monitoring.telemetry.metrics import PartitionLag, SourceState
from stream.consume.batch_source import BatchSource
from stream.consume.lag import Lag, lag_of
from stream.lag.catch_up import CatchUp, eta_seconds
from stream.process.deadlines import now
from stream.process.loop_watch import LoopWatch
from stream.scoring.stall_watch import StallWatch

__all__ = ["SourceMetrics", "partition_lags"]


def partition_lags(source: BatchSource) -> tuple[PartitionLag, ...]:
    """Return how far each assigned partition is behind; empty before the source is started."""
    return tuple(_as_metric(at, lag, None) for at, lag in _lags(source).items())


def _lags(source: BatchSource) -> dict[TopicPartition, Lag]:
    if not source.started:
        return {}
    return lag_of(source, wall_time=time.time(), loop_time=now())


def _as_metric(at: TopicPartition, lag: Lag, eta: float | None) -> PartitionLag:
    return PartitionLag(at.topic, at.partition, lag.messages, lag.seconds, eta)


class Commits(Protocol):
    """Knows when Kafka last accepted a commit."""

    @property
    def committed_at(self) -> float | None:
        """Seconds of the monotonic clock; None before the first assignment."""


class SourceMetrics:
    """Collects the state of the source from the parts that know it.

    Parameters
    ----------
    source, observer, stall_watch, loop_watch, health
        The parts.
    """

    def __init__(
        self,
        source: BatchSource,
        observer: Commits,
        stall_watch: StallWatch,
        loop_watch: LoopWatch,
        health: Health,
    ) -> None:
        self._source = source
        self._observer = observer
        self._stall_watch = stall_watch
        self._loop_watch = loop_watch
        self._health = health
        self._catch_up = CatchUp()

    def state(self) -> SourceState:
        """Return the state as it is now."""
        source, committed_at = self._source, self._observer.committed_at
        stuck = self._stall_watch.stuck.now
        return SourceState(
            lags=self._lags_with_eta(),
            assigned_partitions=len(source.assignment),
            last_commit_age=None if committed_at is None else time.monotonic() - committed_at,
            is_ready=self._health.ready()[0],
            in_flight_bytes=source.in_flight_bytes,
            longest_holds=self._loop_watch.longest_holds,
            stuck={(at.topic, at.partition): at in stuck for at in source.assigned},
        )

    def _lags_with_eta(self) -> tuple[PartitionLag, ...]:
        """Return the lags, each with the time until it is 0 at the rates of the last minute."""
        lags, catch_up = _lags(self._source), self._catch_up
        if not lags:  # also before the source is started, when there may be no event loop
            return ()
        at = now()
        for partition, lag in lags.items():
            catch_up.note(partition, at, lag.done_offset, lag.done_offset + lag.messages)
        catch_up.keep(lags.keys())
        return tuple(
            _as_metric(partition, lag, eta_seconds(lag.messages, catch_up.rates(partition)))
            for partition, lag in lags.items()
        )
