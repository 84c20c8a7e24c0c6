"""The report of a training: properties that sentences and JSON are made of."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from model.metadata import Calibration
from model.training.bands import Band, Bands
from model.training.inspection import Alone, Inspection, Leak
from model.training.report import TrainingReport, metrics

LEAK = Leak("outcome", 0.99, "it alone predicts the outcome")
INSPECTION = Inspection((LEAK,), (Alone("outcome", 0.99, "outcome"), Alone("size", 0.7, None)))
BANDS = Bands(
    high=Band(0.8, 10, 0.1, 0.9, 3.0),
    medium=Band(0.5, 20, 0.2, 0.5, 1.6),
    low=Band(0, 70, 0.7, None, None),
    warnings=(),
)


def figures(name: str) -> Any:
    """Anything that gives its figures for JSON."""
    return SimpleNamespace(as_dict=lambda: {"of": name})


def verdict(*, has_signal: bool = True) -> Any:
    baseline = SimpleNamespace(quality=figures("baseline"), auc=0.7)
    return SimpleNamespace(
        has_signal=has_signal, base_rate=0.125, baseline=baseline, as_dict=lambda: {"of": "verdict"}
    )


def report(**given: Any) -> TrainingReport:
    known: dict[str, Any] = {
        "rows": 100,
        "positives": 40,
        "fields": {"size": 1},
        "columns": (),
        "dropped": {},
        "never_missing": (),
        "inspection": INSPECTION,
        "warnings": (),
        "verdict": verdict(),
        "calibration": Calibration(),
        "cross_validated": None,
        "bands": BANDS,
        "change": None,
        "parameters": {},
        "parity": 0.0,
    }
    return TrainingReport(**known | given)


def test_leaks_are_those_of_the_inspection() -> None:
    assert report().leaks == (LEAK,)


def test_the_latest_quality_is_there_only_where_there_is_an_order() -> None:
    assert report().latest is None
    assert report(change=SimpleNamespace(latest="quality")).latest == "quality"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"verdict": verdict(has_signal=False)}, "the base rate, 12.5%, for every lead"),
        ({}, "as the trees give them: calibration would not lower the log loss"),
        (
            {"calibration": Calibration(method="platt", slope=0.83, intercept=-0.21)},
            "Platt, slope 0.830, intercept -0.210",
        ),
    ],
)
def test_the_calibration_is_described_in_words(given: dict[str, Any], words: str) -> None:
    assert report(**given).calibrated == words


def test_metrics_have_all_figures_by_name() -> None:
    validated: Any = SimpleNamespace(quality=figures("validated"), auc=0.8, fold_aucs=(0.79, 0.81))
    found = metrics(verdict(), validated, BANDS, None, INSPECTION)
    assert found["cross_validated"] == {"of": "validated", "auc": 0.8, "fold_aucs": [0.79, 0.81]}
    assert found["logistic_regression"] == {"of": "baseline", "auc": 0.7}
    assert found["verdict"] == {"of": "verdict"}
    assert found["band_high"]["lift"] == 3.0
    assert (found["latest"], found["latest_change"]) == (None, None)
    assert found["leaks"] == [
        {"column": "outcome", "auc": 0.99, "reason": "it alone predicts the outcome"}
    ]
    assert [alone["column"] for alone in found["strongest"]] == ["outcome", "size"]


def test_metrics_have_the_latest_leads_where_there_is_an_order() -> None:
    validated: Any = SimpleNamespace(quality=figures("validated"), auc=0.8, fold_aucs=())
    change: Any = SimpleNamespace(latest=figures("latest"), as_dict=lambda: {"of": "change"})
    found = metrics(verdict(), validated, BANDS, change, INSPECTION)
    assert (found["latest"], found["latest_change"]) == ({"of": "latest"}, {"of": "change"})
