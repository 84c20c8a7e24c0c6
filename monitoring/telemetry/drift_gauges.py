"""What the drift agent measures, as Prometheus reads it.

A horizon with too few leads shows how many it has and nothing else: a gauge that is absent says
that nothing is known, and no rule can take it for "no drift".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter

from monitoring.drift.assessment import Assessment
from monitoring.drift.field_drift import DriftState, FieldDrift
from monitoring.telemetry import declarations as declared
from monitoring.telemetry.declarations import DECLARATIONS, Declaration
from monitoring.telemetry.sparse_gauges import KnownGauges

__all__ = ["DriftMetrics"]


class DriftMetrics:
    """Records what is known of drift.

    Parameters
    ----------
    registry
        Where the metrics are exposed; each instance needs one of its own.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._gauges = KnownGauges(
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
        """Show the horizons of a window, and drop the gauges of horizons that it does not have."""
        names = {horizon.name for horizon in horizons}
        for name in self._shown - names:
            self._gauges.drop("window", name)
        self._shown = names
        for horizon in horizons:
            self.show(horizon)

    def show(self, horizon: Assessment) -> None:
        """Show a horizon's assessment in the place of the one before of the same name."""
        self._gauges.drop("window", horizon.name)
        window = horizon.name
        self._gauges.set(declared.DRIFT_LEADS, horizon.leads, window)
        if horizon.state == DriftState.TOO_FEW:
            return
        score = horizon.score
        for metric, value in (
            (declared.DRIFT_SHARE, horizon.drifted_share),
            (declared.DRIFT_WEIGHTED_SHARE, horizon.weighted_share),
            (declared.SCORE_PSI, score.psi),
            (declared.SCORE_PSI_NOISE, score.psi_noise),
            (declared.SCORE_P_VALUE, score.p_value),
            (declared.PREDICTION_DRIFT, horizon.is_prediction_drift),
            (declared.DRIFT_ENGAGEMENT, horizon.engagement),
            (declared.DRIFT_COVERAGE, horizon.coverage),
        ):
            self._gauges.set(metric, value, window)
        for field in horizon.fields[:-1]:
            self._show_field(field, window)

    def show_engagement_range(self, low: float, high: float) -> None:
        """Show which mean scores are healthy, as the bundle says."""
        self._gauges.set(declared.ENGAGEMENT_LOW, low)
        self._gauges.set(declared.ENGAGEMENT_HIGH, high)

    def rolling(self, *, mean: float, variance: float, quantiles: Mapping[float, float]) -> None:
        """Show the rolling statistics of the score.

        Parameters
        ----------
        mean, variance
            Of the last sampled scores.
        quantiles
            By share, such as 0.5 for the median.
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
            windowed, adwin or page_hinkley.
        stream
            A field, or score, or all.
        is_confirmed
            Whether the windowed statistics agree.
        """
        self._alarms.labels(detector, stream, "true" if is_confirmed else "false").inc()

    def late(self, leads: int) -> None:
        """Count leads that came after their window was closed."""
        self._late.inc(leads)

    def window_closed(self) -> None:
        """Count a window that was closed and reported."""
        self._closed.inc()

    def windows_closed_early(self, windows: int) -> None:
        """Count windows that were closed before their time, as too many were open."""
        self._closed_early.inc(windows)

    def partials_taken(self, partials: int) -> None:
        """Count partials that were taken into the table."""
        self._partials.inc(partials)

    def watermark(self, event_ms: int | None) -> None:
        """Show up to which event time leads are taken to be complete.

        Parameters
        ----------
        event_ms
            Milliseconds since 1970, UTC; None before the first lead.
        """
        self._gauges.set(declared.WATERMARK, None if event_ms is None else event_ms / 1000)

    def open_windows(self, windows: int) -> None:
        """Show how many windows are not yet closed."""
        self._gauges.set(declared.OPEN_WINDOWS, windows)

    def forget(self) -> None:
        """Take every gauge away: another worker has the table now, and its values hold."""
        self._gauges.clear()

    def _show_field(self, field: FieldDrift, window: str) -> None:
        for metric, value in (
            (declared.FIELD_PSI, field.psi),
            (declared.FIELD_PSI_NOISE, field.psi_noise),
            (declared.FIELD_KL, field.kl),
            (declared.FIELD_JS, field.js),
            (declared.FIELD_P_VALUE, field.p_adjusted),
            (declared.FIELD_MISSING, field.missing),
            (declared.FIELD_MISSING_CHANGE, _change(field.missing, field.missing_reference)),
            (declared.FIELD_UNSEEN, field.unseen),
            (declared.FIELD_UNSEEN_CHANGE, _change(field.unseen, field.unseen_reference)),
            (declared.FIELD_DRIFTED, None if field.psi is None else field.is_drifted),
        ):
            self._gauges.set(metric, value, field.name, window)


def _change(now: float | None, before: float | None) -> float | None:
    return None if now is None or before is None else now - before


def _counter(metric: Declaration, registry: CollectorRegistry) -> Counter:
    return Counter(metric.name, metric.sentence, metric.labels, registry=registry)
