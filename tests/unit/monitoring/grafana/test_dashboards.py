"""The dashboards and the scrape config speak of what there is."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitoring.telemetry.declarations import DECLARATIONS
from tests.prometheus_files import (
    DASHBOARDS,
    MONITORING,
    OF_THE_PROCESS,
    OF_THE_SCRAPE,
    PANELS,
    PROMETHEUS,
    QUERIES,
    SERIES,
    labels_asked,
    names_in,
    promtool,
)

SOURCE = yaml.safe_load(
    (MONITORING / "grafana/provisioning/datasources/prometheus.yml").read_text()
)
CONFIG = PROMETHEUS / "prometheus.yml"
OF_ALERTS = {"alertname", "alertstate", "severity", "owner", "field", "window"}


@pytest.mark.parametrize(("panel", "query"), QUERIES)
def test_every_query_names_declared_metrics_only(panel: Any, query: Any) -> None:
    names = names_in(query)
    assert names or "ALERTS" in query
    assert names <= SERIES.keys() | OF_THE_PROCESS


@pytest.mark.parametrize(("panel", "query"), QUERIES)
def test_every_query_groups_by_labels_that_its_metrics_have(panel: Any, query: Any) -> None:
    labels = {"le"} | OF_THE_SCRAPE | (OF_ALERTS if "ALERTS" in query else set())
    for name in names_in(query) & SERIES.keys():
        labels |= set(SERIES[name].labels)
    assert labels_asked(query) <= labels


def test_every_metric_is_shown() -> None:
    shown = {SERIES[name].name for _, query in QUERIES for name in names_in(query) & SERIES.keys()}
    assert shown == {metric.name for metric in DECLARATIONS}


def test_panels_have_their_own_ids_a_sentence_and_the_provisioned_data_source() -> None:
    provisioned = {source["uid"] for source in SOURCE["datasources"]}
    assert len({board["uid"] for board in DASHBOARDS}) == len(DASHBOARDS) == 2
    for board in DASHBOARDS:
        ids = [panel["id"] for panel in board["panels"]]
        assert len(set(ids)) == len(ids)
    for panel in PANELS:
        assert panel["description"].endswith(".")
        assert {query["datasource"]["uid"] for query in panel["targets"]} <= provisioned


def test_panels_do_not_lie_upon_each_other() -> None:
    for board in DASHBOARDS:
        cells = [
            (x, y)
            for panel in board["panels"]
            for place in [panel["gridPos"]]
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        ]
        assert len(set(cells)) == len(cells)
        assert max(x for x, _ in cells) < 24


def test_queries_ask_for_the_job_that_is_scraped() -> None:
    jobs = {job["job_name"] for job in yaml.safe_load(CONFIG.read_text())["scrape_configs"]}
    asked = {job for _, query in QUERIES for job in re.findall(r'job="([^"]*)"', query)}
    assert asked == {"leadscore-worker"}
    assert asked <= jobs


def test_prometheus_takes_the_scrape_config() -> None:
    assert "SUCCESS" in promtool("check", "config", CONFIG)


def test_prometheus_can_parse_every_query(tmp_path: Path) -> None:
    rules = [
        {"record": f"query:{number}", "expr": query.replace("$__rate_interval", "1m")}
        for number, (_, query) in enumerate(QUERIES)
    ]
    path = tmp_path / "queries.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    assert f"{len(QUERIES)} rules found" in promtool("check", "rules", path)
