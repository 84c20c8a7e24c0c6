"""The dashboard and the scrape config speak of what there is."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

import monitoring
from monitoring.metrics import DECLARATIONS

HERE = Path(monitoring.__file__).parent
DASHBOARD = json.loads((HERE / "grafana/dashboards/worker.json").read_text())
PROMETHEUS = HERE / "prometheus/prometheus.yml"
SOURCE = yaml.safe_load((HERE / "grafana/provisioning/datasources/prometheus.yml").read_text())

OF_THE_PROCESS = {"process_cpu_seconds_total", "process_resident_memory_bytes"}
OF_THE_SCRAPE = {"instance", "job"}

PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [(panel["title"], query["expr"]) for panel in PANELS for query in panel["targets"]]
SERIES = {
    metric.name + suffix: metric
    for metric in DECLARATIONS
    for suffix in (("_bucket", "_count", "_sum") if metric.type == "histogram" else ("",))
}


@pytest.mark.parametrize(("panel", "query"), QUERIES)
def test_every_query_names_declared_metrics_only(panel, query):
    names = set(re.findall(r"\b(?:leadscore|process)_\w+", query))
    assert names
    assert names <= SERIES.keys() | OF_THE_PROCESS


@pytest.mark.parametrize(("panel", "query"), QUERIES)
def test_every_query_groups_by_labels_that_its_metrics_have(panel, query):
    labels = {"le"} | OF_THE_SCRAPE
    for name in re.findall(r"\bleadscore_\w+", query):
        labels |= set(SERIES[name].labels)
    asked = {
        label.strip()
        for group in re.findall(r"\bby \(([^)]*)\)", query)
        for label in group.split(",")
    }
    assert asked <= labels


def test_every_metric_is_shown():
    text = " ".join(query for _, query in QUERIES)
    shown = {SERIES[name].name for name in re.findall(r"\bleadscore_\w+", text)}
    assert shown == {metric.name for metric in DECLARATIONS}


def test_panels_have_their_own_ids_a_sentence_and_the_provisioned_data_source():
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    provisioned = {source["uid"] for source in SOURCE["datasources"]}
    for panel in PANELS:
        assert panel["description"].endswith(".")
        assert {query["datasource"]["uid"] for query in panel["targets"]} <= provisioned


def test_queries_ask_for_the_job_that_is_scraped():
    jobs = {job["job_name"] for job in yaml.safe_load(PROMETHEUS.read_text())["scrape_configs"]}
    asked = {job for _, query in QUERIES for job in re.findall(r'job="([^"]*)"', query)}
    assert asked == {"leadscore-worker"}
    assert asked <= jobs


def promtool(*arguments: str | Path) -> str:
    path = shutil.which("promtool")
    if path is None:
        pytest.skip("promtool is not installed (Debian: apt-get install prometheus)")
    check = subprocess.run([path, *arguments], capture_output=True, text=True, check=False)
    assert check.returncode == 0, check.stdout + check.stderr
    return check.stdout


def test_prometheus_takes_the_scrape_config():
    assert "SUCCESS" in promtool("check", "config", PROMETHEUS)


def test_prometheus_can_parse_every_query(tmp_path):
    rules = [
        {"record": f"query:{number}", "expr": query.replace("$__rate_interval", "1m")}
        for number, (_, query) in enumerate(QUERIES)
    ]
    path = tmp_path / "queries.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    assert f"{len(QUERIES)} rules found" in promtool("check", "rules", path)
