"""The metrics of the role outcomes are those that are declared."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest

from monitoring.telemetry.declarations import DECLARATIONS
from monitoring.telemetry.outcome_metrics import TREATMENTS, OutcomeMetrics
from schemas.errors import ErrorCode


def test_all_that_is_declared_is_shown() -> None:
    registry = CollectorRegistry()
    metrics = OutcomeMetrics(registry)
    metrics.watch_lags(lambda: [("leads.outcomes", 3, 40)])
    metrics.treated({"joined": 2, "late": 1})
    metrics.scores_read(is_shadow=True, joined=5, unusable=1)
    metrics.dead_letter(ErrorCode.DECODE)
    metrics.records_lost("leads.scored", 3, "retention", 7)
    metrics.misplaced(True)
    where = {"partition": "3"}
    for name, labels, value in (
        ("leadscore_outcomes_total", {"treatment": "joined"}, 2),
        ("leadscore_outcomes_total", {"treatment": "late"}, 1),
        ("leadscore_outcome_scores_total", {"channel": "shadow", "result": "joined"}, 5),
        ("leadscore_outcome_scores_total", {"channel": "shadow", "result": "unusable"}, 1),
        ("leadscore_outcome_dead_letters_total", {"code": "DECODE"}, 1),
        (
            "leadscore_outcome_lost_records_total",
            where | {"topic": "leads.scored", "reason": "retention"},
            7,
        ),
        ("leadscore_outcomes_misplaced", {}, 1),
        ("leadscore_outcome_lag_records", where | {"topic": "leads.outcomes"}, 40),
    ):
        assert registry.get_sample_value(name, labels) == value, name
    shown = generate_latest(registry).decode()
    for metric in DECLARATIONS:
        assert (metric.name in shown) == (metric.shown_by == "outcomes"), metric.name


def test_every_treatment_is_zero_at_the_start() -> None:
    registry = CollectorRegistry()
    OutcomeMetrics(registry)
    for treatment in TREATMENTS:
        assert registry.get_sample_value("leadscore_outcomes_total", {"treatment": treatment}) == 0
