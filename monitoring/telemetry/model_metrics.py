"""Metrics of the model in service, of any process that serves one."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Info

from monitoring.telemetry.declarations import score as declared
from monitoring.telemetry.sparse_gauges import SparseGauges
from schemas.errors import LoadFailure
from schemas.model_identity import ModelIdentity

__all__ = ["ModelMetrics"]


class ModelMetrics:
    """Records which model serves, and failed attempts to load one.

    Parameters
    ----------
    registry
        Where the metrics are exposed.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        failures = declared.MODEL_LOAD_FAILURES
        self._load_failures = Counter(
            failures.name, failures.sentence, failures.labels, registry=registry
        )
        failing = declared.MODEL_LOAD_FAILING
        self._load_failing = Gauge(failing.name, failing.sentence, registry=registry)
        info = declared.MODEL_INFO  # the client adds the suffix itself
        self._info = Info(info.name.removesuffix("_info"), info.sentence, registry=registry)
        self._published = SparseGauges([declared.MODEL_PUBLISHED], registry)
        for failure in LoadFailure:  # a rate needs the zero before the first failure
            self._load_failures.labels(failure.value)

    def model_loaded(
        self,
        model: ModelIdentity,
        *,
        engine: str,
        calibration: str,
        published: float | None = None,
    ) -> None:
        """Set the loaded model.

        Parameters
        ----------
        model
            Its name, version and hash.
        engine, calibration
            What computes its scores.
        published
            Publication time, in seconds since 1970; None if unknown.
        """
        self._published.set(declared.MODEL_PUBLISHED, published)
        self._info.info(
            {
                "name": model.id,
                "version": model.version,
                "sha256": model.sha256,
                "engine": engine,
                "calibration": calibration,
            }
        )

    def model_load_failed(self, failure: LoadFailure) -> None:
        """Count an attempt to load a model that failed."""
        self._load_failures.labels(failure.value).inc()

    def model_load_failing(self, is_failing: bool) -> None:
        """Set whether the last attempt to load the model that the settings name failed."""
        self._load_failing.set(is_failing)
