"""Every alert has what it needs, an expression of the stated meaning, and a receiver."""

import re
from typing import Any

import pytest
import yaml

from monitoring.drift.diagnosis import ADVICE
from monitoring.drift.field_drift import DriftThresholds
from stream.settings import Settings
from tests.prometheus_files import (
    ALERTS,
    LABELS_RECORDED,
    MONITORING,
    OF_THE_SCRAPE,
    PROMETHEUS,
    RECORDED,
    ROLE,
    SERIES,
    amtool,
    labels_asked,
    names_in,
    names_recorded,
    promtool,
)

DOCS = MONITORING.parent / "docs"
ALERTMANAGER = MONITORING / "alertmanager/alertmanager.yml"
TESTS = sorted((PROMETHEUS / "tests").glob("*.yml"))
SLOW = ("drift", "outcomes", "quality", "rhythm", "service")
"""Files that take promtool long: rules that hold for hours or days, or many of them."""
CASES = [
    case
    for path in TESTS
    for test in yaml.safe_load(path.read_text())["tests"]
    for case in test["alert_rule_test"]
]
NAMES = [alert["alert"] for alert in ALERTS]
EXPRESSIONS = {alert["alert"]: alert["expr"] for alert in ALERTS}

alerts = pytest.mark.parametrize("alert", ALERTS, ids=NAMES)


def anchors_of(page: str) -> set[str]:
    """The sections of a page, as a link names them."""
    titles = re.findall(r"^#+ (.*)$", (DOCS / page).read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@alerts
def test_an_alert_has_a_severity_an_owner_and_a_summary_with_the_value(alert: Any) -> None:
    assert alert["labels"]["severity"] in {"info", "warning", "critical"}
    assert alert["labels"]["owner"] in {"model", "platform"}
    assert re.search(r"\{\{ \$value\b", alert["annotations"]["summary"])
    assert alert["annotations"]["summary"].endswith(".")


@alerts
def test_an_alert_links_to_a_section_of_its_own(alert: Any) -> None:
    page, anchor = alert["annotations"]["runbook_url"].split("#")
    assert page == "{{ $externalLabels.runbooks }}docs/runbook.md"
    assert anchor == alert["alert"].lower()
    assert anchor in anchors_of("runbook.md")


@alerts
def test_an_alert_asks_for_what_is_declared(alert: Any) -> None:
    names = names_in(alert["expr"])
    assert names or alert["expr"].startswith("up{")
    assert names <= SERIES.keys()
    labels = OF_THE_SCRAPE | {"le", ROLE}.union(*(SERIES[name].labels for name in names))
    labels |= {*re.findall(r'label_replace\(.*?,\s*"(\w+)", "\$1"', alert["expr"], re.DOTALL)}
    labels |= {label for name in names_recorded(alert["expr"]) for label in LABELS_RECORDED[name]}
    assert labels_asked(alert["expr"]) <= labels
    shown = re.findall(r"\$labels\.(\w+)", alert["annotations"]["summary"])
    assert set(shown) <= labels


def test_every_recorded_series_is_asked_for() -> None:
    text = "\n".join((*EXPRESSIONS.values(), *RECORDED.values()))
    asked = {name for name in RECORDED if name in text}
    assert asked == RECORDED.keys()


def test_every_diagnosis_has_its_section() -> None:
    assert {advice.section for advice in ADVICE.values()} <= anchors_of("runbook.md")


def test_every_section_that_is_linked_to_in_the_runbook_exists() -> None:
    text = (DOCS / "runbook.md").read_text()
    for page, anchor in re.findall(r"\]\(([\w/.-]*)#([\w-]+)\)", text):
        assert anchor in anchors_of(page or "runbook.md")
    for page in re.findall(r"\]\(([\w/.-]+?)(?:#[\w-]+)?\)", text):
        assert (DOCS / page).exists()


def test_the_limits_are_those_of_the_reports() -> None:
    limits = DriftThresholds()

    def limit_of(name: str) -> float:
        return float(re.findall(r">=? ([\d.]+)", EXPRESSIONS[name])[0])

    assert limit_of("LeadScoreFieldDrift") == limits.psi_warn
    assert limit_of("LeadScoreFieldDriftCritical") == limits.psi_critical
    assert limit_of("LeadScoreDrift") == limits.drift_share
    assert limit_of("LeadScoreMissingSurge") == limits.missing_change
    assert limit_of("LeadScoreUnseenSurge") == limits.unseen_change
    for surge in ("LeadScoreMissingSurge", "LeadScoreUnseenSurge"):
        assert f"leads:max >= {limits.exact_below}" in EXPRESSIONS[surge]
    coverage = float(EXPRESSIONS["LeadScoreFeatureCoverageLow"].split("<")[1])
    assert coverage == Settings.model_fields["min_coverage"].default


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, id=path.stem, marks=pytest.mark.long if path.stem in SLOW else ())
        for path in TESTS
    ],
)
def test_the_rules_fire_and_stay_silent_as_their_own_tests_say(path: Any) -> None:
    assert "SUCCESS" in promtool("test", "rules", path)


@pytest.mark.parametrize("name", NAMES)
def test_every_alert_is_seen_to_fire_and_to_stay_silent(name: Any) -> None:
    seen = {bool(case["exp_alerts"]) for case in CASES if case["alertname"] == name}
    assert seen == {True, False}


def test_the_alertmanager_takes_its_example() -> None:
    assert "4 receivers" in amtool("check-config", ALERTMANAGER)


@pytest.mark.parametrize(
    ("severity", "owner"),
    sorted({(alert["labels"]["severity"], alert["labels"]["owner"]) for alert in ALERTS}),
)
@pytest.mark.parametrize("labels", [(), ("window=1h", "model=leads")], ids=["", "of a horizon"])
def test_an_alert_goes_where_its_severity_says(severity: Any, owner: Any, labels: Any) -> None:
    ways = {
        "info": "chat",
        "warning": f"mail-{owner},chat",
        "critical": f"pager,mail-{owner},chat",
    }
    amtool(
        "config",
        "routes",
        "test",
        f"--config.file={ALERTMANAGER}",
        f"--verify.receivers={ways[severity]}",
        f"severity={severity}",
        f"owner={owner}",
        *labels,
    )


def test_only_alerts_that_exist_keep_others_quiet() -> None:
    rules = yaml.safe_load(ALERTMANAGER.read_text())["inhibit_rules"]
    named = {
        name
        for rule in rules
        for matcher in (*rule["source_matchers"], *rule["target_matchers"])
        for name in re.findall(r'alertname=~?"([^"]*)"', matcher)[0].split("|")
    }
    assert named
    assert named <= set(NAMES)


def test_no_alert_counts_fields_or_partitions_one_by_one() -> None:
    """A change of the leads had 38 alerts, one for each field and horizon."""
    by_field = {"LeadScoreLeadsLost"}  # each range is to be sent again
    many = re.compile(r"^\s*(?:max|sum|min) by \([^)]*\b(?:field|stream|partition)\b")
    assert {name for name, expr in EXPRESSIONS.items() if many.search(expr)} <= by_field
