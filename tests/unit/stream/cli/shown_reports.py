"""Reports of some weeks, for tests of what `leadscore quality` shows."""

from agents.quality.quality_report import Segment
from agents.quality.reported_quality import ReportedQuality
from monitoring.quality.counts import QualityCounts
from tests.unit.agents.quality.quality_reports import CHANGE, OTHER, report
from tests.unit.monitoring.quality.drawn_leads import drawn


def reported(weeks: int = 8) -> ReportedQuality:
    """Return reports of an older model and a newer one, whose last week has no outcomes."""
    found = ReportedQuality("leads.scored")
    found.take(report(week=0, leads=100, model=OTHER))
    for week in range(1, weeks):
        found.take(report(week=week, leads=300, unknown=float(week == weeks - 1)))
        for place, country in enumerate(("DE", "United States of America and its islands")):
            counts = QualityCounts.count(drawn(150, seed=10 * place + week))
            segment = Segment("country", country)
            found.take(report(week=week, counts=counts, segment=segment))
    found.take(report(week=weeks - 2, change=CHANGE))
    return found
