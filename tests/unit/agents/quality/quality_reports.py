"""Reports on the quality of drawn scores, for tests."""

from typing import Any

from agents.quality.error_change import QualityChange
from agents.quality.quality_report import QualityReport
from monitoring.quality.cohorts import WEEK_MS
from monitoring.quality.counts import QualityCounts
from schemas.model_identity import ModelIdentity
from tests.unit.monitoring.quality.drawn_leads import drawn

MODEL = ModelIdentity("leads", "7", "ab" * 32)
OTHER = ModelIdentity("leads", "8", "cd" * 32)
WEEK = 1_798_416_000_000
"""2026-12-28, a Monday."""
CHANGE = QualityChange("bias", "adwin", 0.01, 0.125, True)


def report(
    *,
    partition: int = 0,
    week: int = 0,
    leads: int = 50,
    unknown: float = 0.0,
    **given: Any,
) -> QualityReport:
    """Return a report on the scores of a week, numbered from the first one."""
    defaults: dict[str, Any] = {
        "reported_at": WEEK + 84_000_000,
        "topic": "leads.scored",
        "model": MODEL,
        "counts": QualityCounts.count(drawn(leads, seed=week, unknown=unknown)),
    }
    return QualityReport(partition=partition, week=WEEK + week * WEEK_MS, **(defaults | given))
