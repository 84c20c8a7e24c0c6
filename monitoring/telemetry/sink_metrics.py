"""Metrics of a sink."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Gauge, Info

from monitoring.telemetry.declarations import sink as declared
from monitoring.telemetry.histogram import ArrayHistogram
from monitoring.telemetry.source_recorder import SourceRecorder, counter_of
from schemas.errors import ErrorCode

__all__ = ["SinkMetrics"]

# fmt: off
WRITE_BOUNDS = (.001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10, 30, 60)
# fmt: on
OUTCOMES = ("written", "skipped", "refused", "retry")
REASONS = ("away", "record")


class SinkMetrics(SourceRecorder):
    """Records the metrics of one sink.

    Parameters
    ----------
    registry
        Where the metrics are exposed; each instance needs one of its own.
    name, kind, content
        The sink: its name, its kind, and what it writes.
    """

    def __init__(self, registry: CollectorRegistry, *, name: str, kind: str, content: str) -> None:
        super().__init__(registry)
        self._records = counter_of(declared.SINK_RECORDS, registry)
        self._dead_letters = counter_of(declared.SINK_DEAD_LETTERS, registry)
        self._retries = counter_of(declared.SINK_RETRIES, registry)
        self._writes = ArrayHistogram(
            declared.SINK_WRITES.name,
            declared.SINK_WRITES.sentence,
            WRITE_BOUNDS,
            registry,
            None,
            (),
        ).of()
        up = declared.SINK_TARGET_UP
        self._up = Gauge(up.name, up.sentence, registry=registry)
        info = declared.SINK_INFO
        Info(info.name.removesuffix("_info"), info.sentence, registry=registry).info(
            {"name": name, "kind": kind, "content": content}
        )
        # A rate needs the zero before the first event.
        for outcome in OUTCOMES:
            self._records.labels(outcome)
        for reason in REASONS:
            self._retries.labels(reason)
        for code in ErrorCode:
            self._dead_letters.labels(code.value)

    def wrote(self, outcomes: Iterable[str], seconds: float) -> None:
        """Count the verdicts of a write that the target answered, and observe its time."""
        self._writes.observe(seconds)
        counted = Counter(outcomes)
        for outcome, records in counted.items():
            self._records.labels(outcome).inc(records)
        if counted.get("retry"):
            self._retries.labels("record").inc()

    def dead_letter(self, code: ErrorCode) -> None:
        """Count a dead letter that was delivered."""
        self._dead_letters.labels(code.value).inc()

    def target_unavailable(self) -> None:
        """Count an attempt that the target did not answer."""
        self._up.set(0)
        self._retries.labels("away").inc()

    def target_reached(self) -> None:
        """Set the target as answering."""
        self._up.set(1)
