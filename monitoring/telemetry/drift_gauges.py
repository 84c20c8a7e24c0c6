"""Drift metrics for Prometheus.

A horizon with too few leads exposes its number of leads and no other gauge: an alert rule can't
mistake an absent gauge for "no drift".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter

from monitoring.drift.assessment import Assessment
from monitoring.drift.field_drift import DriftState, FieldDrift
from monitoring.telemetry.declarations import DECLARATIONS, Declaration
from monitoring.telemetry.declarations import drift as declared
from monitoring.telemetry.sparse_gauges import SparseGauges

__all__ = ["DriftMetrics"]


class DriftMetrics:
    """Records drift assessments and alarms.

    Parameters
    ----------
    registry
        Where the metrics are exposed; each instance needs one of its own.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._gauges = SparseGauges(
            (
                metric
                for metric in DECLARATIONS
                if metric.shown_by == "drift" and metric.type == "gauge"
            ),
            registry,
        )
        self._shown: set[str] = set()
        self._alarms = _counter(declared.DRIFT_ALARMS, registry)
        self._late = _counter(declared.LATE_LEADS, registry)
        self._closed = _counter(declared.WINDOWS_CLOSED, registry)
        self._closed_early = _counter(declared.WINDOWS_CLOSED_EARLY, registry)
        self._partials = _counter(declared.PARTIALS, registry)

    def show_window(self, horizons: Sequence[Assessment]) -> None:
        """Set the gauges of a window's horizons, and remove those of other horizons."""
        names = {horizon.name for horizon in horizons}
        for name in self._shown - names:
            self._gauges.drop("window", name)
        self._shown = names
        for horizon in horizons:
            self.show(horizon)

    def show(self, horizon: Assessment) -> None:
        """Set the gauges of a horizon, in place of its previous assessment."""
        self._gauges.drop("window", horizon.name)
        window = horizon.name
        self._gauges.set(declared.DRIFT_LEADS, horizon.leads, window)
        if horizon.state == DriftState.TOO_FEW:
            return
        score = horizon.score
        values = (
            (declared.DRIFT_SHARE, horizon.drifted_share),
            (declared.DRIFT_WEIGHTED_SHARE, horizon.weighted_share),
            (declared.SCORE_PSI, score.psi),
            (declared.SCORE_PSI_NOISE, score.psi_noise),
            (declared.SCORE_P_VALUE, score.p_value),
            (declared.PREDICTION_DRIFT, horizon.is_prediction_drift),
            (declared.DRIFT_ENGAGEMENT, horizon.engagement),
            (declared.DRIFT_COVERAGE, horizon.coverage),
        )
        self._gauges.set_all(values, window)
        for field in horizon.fields[:-1]:
            self._show_field(field, window)

    def show_engagement_range(self, low: float, high: float) -> None:
        """Set the healthy range of the mean score, from the bundle."""
        self._gauges.set(declared.ENGAGEMENT_LOW, low)
        self._gauges.set(declared.ENGAGEMENT_HIGH, high)

    def rolling(self, *, mean: float, variance: float, quantiles: Mapping[float, float]) -> None:
        """Set the rolling statistics of the score.

        Parameters
        ----------
        mean, variance
            Mean and variance of the last sampled scores.
        quantiles
            Quantiles by level, such as 0.5 for the median.
        """
        self._gauges.set(declared.ROLLING_MEAN, mean)
        self._gauges.set(declared.ROLLING_VARIANCE, variance)
        for share, value in quantiles.items():
            self._gauges.set(declared.ROLLING_QUANTILE, value, f"{share:g}")

    def alarm(self, *, detector: str, stream: str, is_confirmed: bool) -> None:
        """Count an alarm.

        Parameters
        ----------
        detector
            Detector: windowed, adwin or page_hinkley.
        stream
            A field, or score, or all.
        is_confirmed
            Whether the windowed statistics confirm it.
        """
        self._alarms.labels(detector, stream, "true" if is_confirmed else "false").inc()

    def late(self, leads: int) -> None:
        """Count leads that arrived after their window was closed."""
        self._late.inc(leads)

    def window_closed(self) -> None:
        """Count a window that was closed and reported."""
        self._closed.inc()

    def windows_closed_early(self, windows: int) -> None:
        """Count windows that were closed early, as too many were open."""
        self._closed_early.inc(windows)

    def partials_taken(self, partials: int) -> None:
        """Count partials that were added to the table."""
        self._partials.inc(partials)

    def watermark(self, event_ms: int | None) -> None:
        """Set the watermark: the event time up to which leads are assumed complete.

        Parameters
        ----------
        event_ms
            Milliseconds since 1970, UTC; None before the first lead.
        """
        self._gauges.set(declared.WATERMARK, None if event_ms is None else event_ms / 1000)

    def open_windows(self, windows: int) -> None:
        """Set the number of open windows."""
        self._gauges.set(declared.OPEN_WINDOWS, windows)

    def forget(self) -> None:
        """Remove all gauges: another worker now owns the table and exposes them."""
        self._gauges.clear()

    def _show_field(self, field: FieldDrift, window: str) -> None:
        values = (
            (declared.FIELD_PSI, field.psi),
            (declared.FIELD_PSI_NOISE, field.psi_noise),
            (declared.FIELD_KL, field.kl),
            (declared.FIELD_JS, field.js),
            (declared.FIELD_P_VALUE, field.p_adjusted),
            (declared.FIELD_MISSING, field.missing),
            (declared.FIELD_MISSING_CHANGE, _change(field.missing, field.missing_reference)),
            (declared.FIELD_UNSEEN, field.unseen),
            (declared.FIELD_UNSEEN_CHANGE, _change(field.unseen, field.unseen_reference)),
            (declared.FIELD_DRIFTED, field.is_drifted),
        )
        self._gauges.set_all(values, field.name, window)


def _change(now: float | None, before: float | None) -> float | None:
    return None if now is None or before is None else now - before


def _counter(metric: Declaration, registry: CollectorRegistry) -> Counter:
    return Counter(metric.name, metric.sentence, metric.labels, registry=registry)
