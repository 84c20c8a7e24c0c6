"""The section of a snapshot on the quality of scores has the figures of the counts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from monitoring.known_scores import KnownScores
from monitoring.quality.assessment import assess
from monitoring.quality.counts import QualityCounts
from tests.unit.monitoring.quality.drawn_leads import drawn

pytestmark = pytest.mark.filterwarnings("ignore")  # Evidently's and its libraries' own
LATEST = QualityCounts.count(drawn(2000))
NOTHING = QualityCounts()


def known(latest: QualityCounts = LATEST, before: QualityCounts = NOTHING) -> KnownScores:
    return KnownScores(latest, "2026-W30 to 2026-W33", before, "2026-W18 to 2026-W29", high=0.3)


def texts(section: Any) -> str:
    return json.dumps([widget.dict() for widget in section._widgets], default=str)


def test_the_preset_agrees_with_the_figures_of_the_counts() -> None:
    from monitoring.quality_section import quality_snapshot

    section = quality_snapshot(known())
    assert section is not None
    metrics = json.loads(section.json())["metrics"]
    values = {metric["config"]["type"].rpartition(":")[2]: metric["value"] for metric in metrics}
    area = assess(LATEST).auc
    assert area is not None
    assert values["RocAuc"] == pytest.approx(area.value, abs=1e-3)
    assert values["Recall"] == values["TPR"] > 0
    shown = texts(section)
    assert f"{area.value:.3f} ({area.low:.3f} to {area.high:.3f})" in shown
    assert "reference: none before" in shown
    assert "tenth 10" in shown
    assert "random sample" not in shown


def test_outcomes_of_one_kind_make_no_section() -> None:
    from monitoring.quality_section import quality_snapshot

    assert quality_snapshot(known(NOTHING)) is None
    assert quality_snapshot(known(QualityCounts.count(drawn(50, unknown=1.0)))) is None
