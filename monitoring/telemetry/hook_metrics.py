"""Metrics of the receiver of webhooks."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram

from monitoring.telemetry.declarations import Declaration
from monitoring.telemetry.declarations import hooks as declared

__all__ = ["OUTCOMES", "SOURCES", "HookMetrics"]

SOURCES = ("hubspot", "salesforce", "generic")
OUTCOMES = ("written", "repeated", "ignored")
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class HookMetrics:
    """Records requests and webhooks.

    Parameters
    ----------
    registry
        Where the metrics are exposed.
    sources
        The senders whose webhooks are received.
    """

    def __init__(self, registry: CollectorRegistry, sources: tuple[str, ...] = SOURCES) -> None:
        self.registry = registry

        def counter(of: Declaration) -> Counter:
            return Counter(of.name, of.sentence, of.labels, registry=registry)

        self._requests = counter(declared.HOOK_REQUESTS)
        self._webhooks = counter(declared.HOOK_WEBHOOKS)
        seconds = declared.HOOK_REQUEST_SECONDS
        self._seconds = Histogram(
            seconds.name, seconds.sentence, seconds.labels, registry=registry, buckets=SECONDS
        )
        # A rate needs the zero before the first event.
        for source in sources:
            for outcome in OUTCOMES:
                self._webhooks.labels(source, outcome)
            for status in ("200", "401", "503"):
                self._requests.labels(f"/hooks/{source}", status)

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count a request with the status of its answer, 0 if there is none."""
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def received(self, source: str, numbers: Mapping[str, int]) -> None:
        """Count the webhooks of a request, by outcome."""
        for outcome, number in numbers.items():
            self._webhooks.labels(source, outcome).inc(number)
