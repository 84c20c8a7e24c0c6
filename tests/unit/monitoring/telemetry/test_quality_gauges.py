import shutil
import subprocess

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from monitoring.quality.assessment import QualityFigures, assess
from monitoring.quality.counts import QualityCounts
from monitoring.telemetry.declarations import DECLARATIONS
from monitoring.telemetry.quality_gauges import QualityGauges
from tests.unit.monitoring.quality.drawn_leads import drawn

OF = {"channel": "live", "version": "7", "window": "latest"}


def figures(leads: int, unknown: float = 0.1) -> QualityFigures:
    return assess(QualityCounts.count(drawn(leads, unknown=unknown)))


def exposed(found: QualityFigures) -> CollectorRegistry:
    registry = CollectorRegistry()
    gauges = QualityGauges(registry)
    gauges.show("live", "7", "latest", found)
    gauges.show_changes("live", "7", {"bias": 2})
    return registry


def test_figures_are_exposed_with_their_intervals() -> None:
    found = figures(2000)
    registry = exposed(found)
    for bound in ("value", "low", "high"):
        labels = OF | {"bound": bound}
        auc = registry.get_sample_value("leadscore_quality_auc_ratio", labels)
        assert auc == getattr(found.auc, bound)
    limit = registry.get_sample_value("leadscore_quality_calibration_limit_ratio", OF)
    assert limit == found.calibration.limit > found.calibration.noise
    high = registry.get_sample_value(
        "leadscore_quality_band_money", OF | {"band": "High", "currency": "EUR"}
    )
    assert high == found.bands[0].money["EUR"]
    labels = {"channel": "live", "version": "7", "stream": "bias"}
    assert registry.get_sample_value("leadscore_quality_changes", labels) == 2


def test_leads_are_exposed_by_outcome() -> None:
    found = figures(2000)
    registry = exposed(found)
    numbers = [
        registry.get_sample_value("leadscore_quality_leads", OF | {"outcome": outcome})
        for outcome in ("positive", "negative", "unknown")
    ]
    assert numbers == [found.positives, found.leads - found.positives, found.unknown]


def test_few_known_outcomes_expose_only_their_number() -> None:
    text = generate_latest(exposed(figures(150))).decode()
    series = {line.partition("{")[0] for line in text.splitlines() if not line.startswith("#")}
    assert series == {"leadscore_quality_leads", "leadscore_quality_changes"}


def test_cleared_gauges_have_no_series() -> None:
    registry = CollectorRegistry()
    gauges = QualityGauges(registry)
    gauges.show("live", "7", "latest", figures(500))
    gauges.clear()
    assert all(not family.samples for family in registry.collect())


def test_prometheus_finds_nothing_to_blame() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian: apt-get install prometheus)")
    shown = generate_latest(exposed(figures(1000)))
    declared = [at.name for at in DECLARATIONS if at.shown_by == "quality"]
    assert [name for name in declared if name not in shown.decode()] == []
    verdict = subprocess.run(
        [promtool, "check", "metrics"], input=shown, capture_output=True, check=False
    )
    assert (verdict.returncode, verdict.stdout, verdict.stderr) == (0, b"", b"")
