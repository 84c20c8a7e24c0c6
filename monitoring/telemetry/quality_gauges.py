"""Gauges of the quality of scores.

Models with few known outcomes expose their numbers of leads and no other gauge: an alert rule can't
mistake noise for a change.
"""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry

from monitoring.quality.assessment import QualityFigures
from monitoring.quality.figure import Figure
from monitoring.telemetry.declarations import quality as declared
from monitoring.telemetry.declarations.declaration import Declaration
from monitoring.telemetry.sparse_gauges import SparseGauges

__all__ = ["LEAST_SHOWN", "QualityGauges"]

LEAST_SHOWN = 200
"""Known outcomes below which no figure is exposed."""


class QualityGauges:
    """Exposes the quality of the scores of each model.

    Parameters
    ----------
    registry
        Where the metrics are exposed.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        metrics = [value for value in vars(declared).values() if isinstance(value, Declaration)]
        self._gauges = SparseGauges(metrics, registry)

    def clear(self) -> None:
        """Remove every series."""
        self._gauges.clear()

    def show(self, channel: str, version: str, window: str, figures: QualityFigures) -> None:
        """Set the gauges of a model's scores of some weeks.

        Parameters
        ----------
        channel
            ``live`` or ``shadow``.
        version
            Version of the model.
        window
            ``latest`` or ``before``.
        figures
            The figures.
        """
        of = (channel, version, window)
        negatives = figures.leads - figures.positives
        self._gauges.set(declared.QUALITY_LEADS, figures.positives, *of, "positive")
        self._gauges.set(declared.QUALITY_LEADS, negatives, *of, "negative")
        self._gauges.set(declared.QUALITY_LEADS, figures.unknown, *of, "unknown")
        if figures.leads < LEAST_SHOWN:
            return
        self._show_bounded(figures, *of)
        calibration, estimated = figures.calibration, figures.estimated
        self._gauges.set(declared.QUALITY_MEAN_SCORE, figures.mean_score, *of)
        if estimated is not None:
            self._gauges.set(declared.QUALITY_AUC_ESTIMATED, estimated.auc.value, *of)
        if calibration is not None:
            bounds = (
                (declared.QUALITY_CALIBRATION_ERROR, calibration.error),
                (declared.QUALITY_CALIBRATION_NOISE, calibration.noise),
                (declared.QUALITY_CALIBRATION_LIMIT, calibration.limit),
            )
            self._gauges.set_all(bounds, *of)
        for band in figures.bands:
            rate = band.conversion
            self._gauges.set(
                declared.QUALITY_BAND_CONVERSION,
                None if rate is None else rate.value,
                *of,
                band.band,
            )
            for currency, amount in band.money.items():
                self._gauges.set(declared.QUALITY_BAND_MONEY, amount, *of, band.band, currency)

    def show_changes(self, channel: str, version: str, by_stream: Mapping[str, int]) -> None:
        """Set the numbers of changes for the worse in the latest weeks, by stream."""
        for stream, number in by_stream.items():
            self._gauges.set(declared.QUALITY_CHANGES, number, channel, version, stream)

    def _show_bounded(self, figures: QualityFigures, *of: str) -> None:
        shown: tuple[tuple[Declaration, Figure | None], ...] = (
            (declared.QUALITY_CONVERSION, figures.conversion),
            (declared.QUALITY_AUC, figures.auc),
            (declared.QUALITY_AVERAGE_PRECISION, figures.average_precision),
            (declared.QUALITY_LIFT, figures.lift),
            (declared.QUALITY_BRIER, figures.brier),
            (declared.QUALITY_LOG_LOSS, figures.log_loss),
        )
        for bound in ("value", "low", "high"):
            known = (
                (metric, getattr(figure, bound)) for metric, figure in shown if figure is not None
            )
            self._gauges.set_all(known, *of, bound)
