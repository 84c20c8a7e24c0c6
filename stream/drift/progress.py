"""The drift role on a terminal: a line of progress each minute, and the totals at the end."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from agents.drift_reports import Report
from monitoring.drift.assessment import Assessment
from monitoring.drift.field_drift import DriftState

__all__ = ["DriftProgress", "DriftTally", "standing"]

log = logging.getLogger(__name__)

MINUTE = 60.0
SHOWN = 3
"""Drifted fields that a line names."""


@dataclass(frozen=True, slots=True)
class DriftTally:
    """Totals of a drift role since its start.

    Attributes
    ----------
    partials
        Records of counts that were taken.
    windows
        Windows that were closed; one that late counts closed again counts again.
    alarms
        Alarms that were reported.
    late_leads
        Leads that came after their window was closed.
    """

    partials: int = 0
    windows: int = 0
    alarms: int = 0
    late_leads: int = 0

    @property
    def reports(self) -> int:
        """How many reports were written: one of each window and of each alarm."""
        return self.windows + self.alarms

    def plus(self, *, partials: int, late_leads: int, reports: Iterable[Report]) -> DriftTally:
        """Return the totals with what a turn has taken and written."""
        alarms = [report.alarm is not None for report in reports]
        return DriftTally(
            self.partials + partials,
            self.windows + alarms.count(False),
            self.alarms + alarms.count(True),
            self.late_leads + late_leads,
        )

    def minus(self, before: DriftTally) -> DriftTally:
        """Return what has come since earlier totals."""
        return DriftTally(
            self.partials - before.partials,
            self.windows - before.windows,
            self.alarms - before.alarms,
            self.late_leads - before.late_leads,
        )


def standing(horizons: Sequence[Assessment]) -> str:
    """Return which fields have drifted over the longest horizon that has enough leads."""
    known = [horizon for horizon in horizons if horizon.state != DriftState.TOO_FEW]
    if not known:
        return "too few leads to measure drift" if horizons else "no window closed yet"
    longest = max(known, key=lambda horizon: horizon.end - horizon.start)
    drifted = [
        name for name, found in longest.by_field.items() if any(drift.is_drifted for drift in found)
    ]
    named = f" ({', '.join(drifted[:SHOWN])}{', …' if len(drifted) > SHOWN else ''})"
    of = f"{len(drifted)} of {len(longest.by_field)} fields drifted over {longest.name}"
    return of + named if drifted else of


class DriftProgress:
    """Logs totals once a minute.

    Parameters
    ----------
    now
        When the role started: seconds of any clock that only advances.
    """

    def __init__(self, now: float) -> None:
        self._started = self._reported = now
        self._before = DriftTally()

    def report(
        self, now: float, tally: DriftTally, horizons: Sequence[Assessment], lag: int | None
    ) -> None:
        """Log what has come since the last line, once a minute has passed.

        Parameters
        ----------
        now
            As at the start.
        tally
            Totals since the start.
        horizons
            The horizons of the latest report.
        lag
            Partials that are written and not acknowledged; None: not known yet.
        """
        if now - self._reported < MINUTE:
            return
        fields = {"lag_partials": lag, "standing": standing(horizons)}
        log.info("drift progress", extra=_fields(tally.minus(self._before)) | fields)
        self._reported, self._before = now, tally

    def report_totals(self, now: float, tally: DriftTally, *, unfinished: int) -> None:
        """Log the totals of all partials.

        Parameters
        ----------
        now, tally
            As above.
        unfinished
            Partials that were read and not acknowledged: the next owner reads them again.
        """
        fields = {"seconds": now - self._started, "unfinished": unfinished}
        log.info("drift totals", extra=_fields(tally) | fields)


def _fields(tally: DriftTally) -> dict[str, object]:
    return {**asdict(tally), "reports": tally.reports}
