"""Metrics are declared completely, and what is exposed is what is declared."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from monitoring.telemetry import declarations
from monitoring.telemetry.metrics import (
    DECLARATIONS,
    Declaration,
    Metrics,
)
from tests.unit.monitoring.telemetry.test_metrics import filled


def exposed(metrics: Metrics) -> dict[str, tuple[str, str, set[str]]]:
    """Type, sentence and labels of every metric of ours, read back from the text format."""
    families = {}
    for family in text_string_to_metric_families(generate_latest(metrics.registry).decode()):
        if family.name.startswith("leadscore_"):
            labels = {label for sample in family.samples for label in sample.labels} - {"le"}
            name = family.name + ("_total" if family.type == "counter" else "")
            families[name] = (family.type, family.documentation, labels)
    return families


def test_exposed_metrics_are_the_declared_ones() -> None:
    expected = {
        metric.name: (
            "gauge" if metric.type == "info" else metric.type,  # the text format has no infos
            metric.sentence,
            set(metric.labels),
        )
        for metric in DECLARATIONS
        if metric.shown_by == "score"
    }
    assert exposed(filled()) == expected


def test_declarations_are_complete_and_in_good_form() -> None:
    assert len({metric.name for metric in DECLARATIONS}) == len(DECLARATIONS)
    for metric in DECLARATIONS:
        assert metric.sentence.endswith(".")
        assert metric.unit
        assert (metric.type == "counter") == metric.name.endswith("_total")
        assert (metric.type == "info") == metric.name.endswith("_info")
        assert "lead_id" not in metric.labels
        if metric.unit in ("seconds", "ratio"):
            assert metric.name.endswith(f"_{metric.unit}")


def test_a_module_declares_the_metrics_of_one_process_and_all_are_listed() -> None:
    listed = {}
    for module in iter_modules(declarations.__path__):
        its = vars(import_module(f"{declarations.__name__}.{module.name}")).values()
        listed[module.name] = {value for value in its if isinstance(value, Declaration)}
        assert {metric.shown_by for metric in listed[module.name]} <= {module.name}
    assert set().union(*listed.values()) == set(DECLARATIONS)
