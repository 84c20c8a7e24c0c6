"""The rules and dashboards as Prometheus and Grafana read them, and Prometheus' own tools."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

import monitoring
from monitoring.telemetry.declarations import DECLARATIONS

MONITORING = Path(monitoring.__file__).parent
PROMETHEUS = MONITORING / "prometheus"

DASHBOARDS = [json.loads(path.read_text()) for path in MONITORING.glob("grafana/dashboards/*.json")]
PANELS = [panel for board in DASHBOARDS for panel in board["panels"] if panel["type"] != "row"]
QUERIES = [(panel["title"], query["expr"]) for panel in PANELS for query in panel["targets"]]

SERIES = {
    metric.name + suffix: metric
    for metric in DECLARATIONS
    for suffix in (("_bucket", "_count", "_sum") if metric.type == "histogram" else ("",))
}
"""Every declared metric, by the names of its series."""
OF_THE_PROCESS = {"process_cpu_seconds_total", "process_resident_memory_bytes"}
OF_THE_SCRAPE = {"instance", "job"}
ROLE = "role"
"""Label of the samples of a shadow."""

NAME = re.compile(r"(?<![\w:])(?:[a-z_]+:)?(?:leadscore|process)(?:_|:)[\w:]+")


def rules_in(name: str) -> list[dict[str, Any]]:
    """The rules of a file."""
    groups = yaml.safe_load((PROMETHEUS / name).read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


ALERTS = rules_in("alerts.yml")
RULES = rules_in("recording.yml")
RECORDED = {rule["record"]: rule["expr"] for rule in RULES}

LABELS_RECORDED = {rule["record"]: rule.get("labels", {}).keys() for rule in RULES}
"""Labels that recording rules add, by the names of their series."""


def spelt_out(query: str) -> str:
    """The query with what it takes from recording rules put in its place."""
    spelt = NAME.sub(lambda name: RECORDED.get(name.group(), name.group()), query)
    return query if spelt == query else spelt_out(spelt)


def names_in(query: str) -> set[str]:
    """The series that a query reads in the end."""
    return set(NAME.findall(spelt_out(query)))


def names_recorded(query: str) -> set[str]:
    """The series of recording rules that a query reads."""
    return {*NAME.findall(query)} & RECORDED.keys()


def labels_asked(query: str) -> set[str]:
    """The labels that a query groups or matches by."""
    return {
        label.strip()
        for group in re.findall(r"\b(?:by|on) \(([^)]*)\)", spelt_out(query))
        for label in group.split(",")
        if label
    }


def needed(tool: str, package: str) -> str:
    """The path of a tool; skips the test where it is not installed."""
    path = shutil.which(tool)
    if path is None:
        pytest.skip(f"{tool} is not installed (Debian: apt-get install {package})")
    return path


def promtool(*arguments: str | Path) -> str:
    """Output of promtool for a valid file."""
    return _approved(needed("promtool", "prometheus"), *arguments)


def amtool(*arguments: str | Path) -> str:
    """Output of amtool for a valid file."""
    return _approved(needed("amtool", "prometheus-alertmanager"), *arguments)


def _approved(*command: str | Path) -> str:
    check = subprocess.run(command, capture_output=True, text=True, check=False)
    assert check.returncode == 0, check.stdout + check.stderr
    return check.stdout
