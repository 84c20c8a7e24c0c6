"""Summary of a snapshot, for programs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict

__all__ = ["ChangedCorrelation", "SnapshotSummary"]


class ChangedCorrelation(BaseModel):
    """Correlation of two fields in the training leads and now."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    field: str
    other: str
    before: float
    now: float
    leads: int
    """Recent leads that have both."""
    p_adjusted: float


class SnapshotSummary(BaseModel):
    """Content of ``summary.json``, also printed by ``leadscore snapshot --json``."""

    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())

    topic: str
    model: str
    """Name and version, such as `leads/3`."""
    start: datetime
    """Start of the range, included."""
    end: datetime
    found: int
    """Records in the range."""
    unreadable: int
    """Records of the sample that could not be scored: dead letters."""
    rows: int
    """Leads that were compared."""
    diagnosis: str
    """The diagnosis; docs/runbook.md explains each."""
    drift_share: float | None
    """Share of the fields that have drifted. This and the next three are None if there are too few
    leads."""
    is_drift: bool | None
    is_prediction_drift: bool | None
    drifted: tuple[str, ...] | None
    """The fields that have drifted, the worst first."""
    correlations: tuple[ChangedCorrelation, ...] = ()
    """Pairs of fields whose correlation has changed, the largest change first."""
    report: Path | None
    """The HTML report; None if there was no lead to compare."""
    finished_at: datetime
    seconds: float
    """Duration in seconds."""

    @property
    def sentence(self) -> str:
        """Summary in one line, with times in UTC."""
        span = " to ".join(f"{t.astimezone(UTC):%Y-%m-%d %H:%M}" for t in (self.start, self.end))
        if self.report is None:
            return f"{span} UTC: no lead in {self.topic}, so there is nothing to compare"
        if self.drift_share is None:
            found = "too few to assess drift"
        else:
            worst = f" ({', '.join(self.drifted)})" if self.drifted else ""
            found = f"{self.drift_share:.0%} of the fields drifted{worst}"
        prediction = ", and so did the scores" if self.is_prediction_drift else ""
        pairs = [f"{pair.field} and {pair.other}" for pair in self.correlations]
        together = f"; no longer related as before: {', '.join(pairs)}" if pairs else ""
        return f"{span} UTC: {self.rows:,} of {self.found:,} leads, {found}{prediction}{together}"
