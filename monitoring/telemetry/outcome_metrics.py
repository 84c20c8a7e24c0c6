"""Metrics of a worker that joins outcomes to scores."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from monitoring.telemetry.declarations import outcomes as declared
from monitoring.telemetry.source_recorder import counter_of
from schemas.errors import ErrorCode

__all__ = ["TREATMENTS", "OutcomeMetrics"]

TREATMENTS = (
    *("joined", "contradictory", "repeated", "open", "waiting"),
    *("beyond_horizon", "late", "orphaned", "missing", "invalid"),
)
CHANNELS = ("live", "shadow")
TIMERS = ("hot", "speed_to_lead")

Lags = Callable[[], Iterable[tuple[str, int, int]]]
"""Returns topic, partition and the number of records that are left to read."""


class OutcomeMetrics:
    """Records the metrics of the role outcomes.

    Parameters
    ----------
    registry
        Where the metrics are exposed.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._outcomes = counter_of(declared.OUTCOMES, registry)
        self._scores = counter_of(declared.OUTCOME_SCORES, registry)
        self._dead_letters = counter_of(declared.OUTCOME_DEAD_LETTERS, registry)
        self._lost = counter_of(declared.OUTCOME_LOST_RECORDS, registry)
        self._overdue = counter_of(declared.OVERDUE_LEADS, registry)
        misplaced = declared.OUTCOMES_MISPLACED
        self._misplaced = Gauge(misplaced.name, misplaced.sentence, registry=registry)
        self._lags = _LagCollector()
        registry.register(self._lags)
        # A rate needs the zero before the first event.
        for treatment in TREATMENTS:
            self._outcomes.labels(treatment)
        for channel in CHANNELS:
            for result in ("joined", "unusable", "late"):
                self._scores.labels(channel, result)
        for code in ErrorCode:
            self._dead_letters.labels(code.value)
        for timer in TIMERS:
            for result in ("published", "too_late"):
                self._overdue.labels(timer, result)

    def treated(self, tally: Mapping[str, int]) -> None:
        """Count outcomes by treatment."""
        for treatment, number in tally.items():
            self._outcomes.labels(treatment).inc(number)

    def scores_read(self, is_shadow: bool, *, joined: int, unusable: int, late: int = 0) -> None:
        """Count scored events."""
        channel = CHANNELS[is_shadow]
        self._scores.labels(channel, "joined").inc(joined)
        self._scores.labels(channel, "unusable").inc(unusable)
        self._scores.labels(channel, "late").inc(late)

    def dead_letter(self, code: ErrorCode) -> None:
        """Count a dead letter."""
        self._dead_letters.labels(code.value).inc()

    def records_lost(self, topic: str, partition: int, reason: str, records: int) -> None:
        """Count scored events that can never be read."""
        self._lost.labels(topic, str(partition), reason).inc(records)

    def overdue(self, timer: str, *, is_late: bool) -> None:
        """Count a lead that nobody contacted in time."""
        self._overdue.labels(timer, "too_late" if is_late else "published").inc()

    def misplaced(self, are_misplaced: bool) -> None:
        """Set whether outcomes come in other partitions than their leads."""
        self._misplaced.set(are_misplaced)

    def watch_lags(self, lags: Lags) -> None:
        """Call ``lags`` on each scrape."""
        self._lags.read = lags


class _LagCollector(Collector):
    """The gauge whose values are computed on a scrape."""

    def __init__(self) -> None:
        self.read: Lags = lambda: ()

    def describe(self) -> Iterable[Metric]:
        return (_gauge(),)

    def collect(self) -> Iterable[Metric]:
        gauge = _gauge()
        for topic, partition, records in self.read():
            gauge.add_metric((topic, str(partition)), records)
        return (gauge,)


def _gauge() -> GaugeMetricFamily:
    lag = declared.OUTCOME_LAG_RECORDS
    return GaugeMetricFamily(lag.name, lag.sentence, labels=lag.labels)
