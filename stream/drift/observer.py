"""Shows in metrics and logs what the drift role has found."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence

from agents.drift_reports import Report
from agents.drift_watch import DriftWatch
from monitoring.drift.assessment import Assessment
from monitoring.telemetry.drift_gauges import DriftMetrics
from stream.drift.progress import DriftProgress, DriftTally

__all__ = ["DriftObserver"]

log = logging.getLogger(__name__)


class DriftObserver:
    """Shows reports, alarms and the state of the watch.

    Parameters
    ----------
    metrics
        Where they are shown.
    most_open_windows
        How many windows may be open before the oldest are reported early.
    is_for_people
        Whether to log progress as well, for people at a terminal.
    """

    def __init__(
        self, metrics: DriftMetrics, most_open_windows: int, *, is_for_people: bool
    ) -> None:
        self._lag: int | None = None
        self._metrics = metrics
        self._most_open_windows = most_open_windows
        self._tally = DriftTally()
        self._horizons: Sequence[Assessment] = ()
        self._progress = DriftProgress(time.monotonic()) if is_for_people else None

    def on_restored(self, watch: DriftWatch) -> None:
        """Show the latest window again: without it the `for` time of an alert would restart."""
        if watch.latest is not None:
            self._horizons = watch.current(watch.latest)
            self._metrics.show_window(self._horizons)

    def on_revoked(self) -> None:
        """Remove every gauge: they are the next owner's to show."""
        self._metrics.forget()

    def on_lag(self, partials: int) -> None:
        """Keep the number of partials that are written and not acknowledged, for the progress."""
        self._lag = partials

    def on_stop(self, unfinished: int) -> None:
        """Log the totals; ``unfinished`` partials were read and not acknowledged."""
        if self._progress is not None:
            self._progress.report_totals(time.monotonic(), self._tally, unfinished=unfinished)

    def on_reports(self, reports: Iterable[Report]) -> None:
        """Show reports that were delivered; log the alarms among them."""
        for report in reports:
            alarm = report.alarm
            if alarm is None:
                self._metrics.window_closed()
                self._metrics.show_window(report.horizons)
                self._horizons = report.horizons
                continue
            self._metrics.alarm(
                detector=alarm.detector, stream=alarm.stream, is_confirmed=alarm.is_confirmed
            )
            log.warning(
                "drift",
                extra={"stream": alarm.stream, "detector": alarm.detector, "why": alarm.sentence},
            )

    def on_turn(
        self,
        watch: DriftWatch,
        *,
        partials: int,
        late: int,
        closed_early: int,
        reports: Sequence[Report],
    ) -> None:
        """Show the state of the watch after a turn.

        Parameters
        ----------
        watch
            The watch.
        partials, late, closed_early
            Partials of the turn, late leads among them, windows that were reported early.
        reports
            Reports that were delivered in the turn.
        """
        self._metrics.partials_taken(partials)
        self._metrics.late(late)
        self._tally = self._tally.plus(partials=partials, late_leads=late, reports=reports)
        if self._progress is not None:
            self._progress.report(time.monotonic(), self._tally, self._horizons, self._lag)
        if closed_early:
            self._report_closed_early(closed_early)
        self._metrics.watermark(watch.reached)
        self._metrics.open_windows(watch.open_windows)
        if (rolling := watch.rolling()) is not None:
            self._metrics.rolling(
                mean=rolling.mean, variance=rolling.variance, quantiles=rolling.quantiles
            )

    def _report_closed_early(self, windows: int) -> None:
        self._metrics.windows_closed_early(windows)
        log.warning(
            "closed windows early: more than LEADSCORE_DRIFT_OPEN_WINDOWS=%d were open; their"
            " further leads count as late",
            self._most_open_windows,
            extra={"windows": windows},
        )
