"""A real Alertmanager with our example: one cause is one notification."""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from testing.kafka_client import until
from tests.prometheus_files import MONITORING, needed

Labels = Mapping[str, str]


def drift(name: str, window: str, severity: str = "warning") -> Labels:
    return {
        "alertname": name,
        "window": window,
        "model": "leads",
        "severity": severity,
        "owner": "model",
    }


def service(name: str, severity: str = "warning", **labels: str) -> Labels:
    return {"alertname": name, "severity": severity, "owner": "platform", **labels}


def started(command: list[str | Path], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as file:
        return subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)


@asynccontextmanager
async def alertmanager(folder: Path) -> AsyncIterator[aiohttp.ClientSession]:
    """Open one with the example's routes and rules, whose receivers send nothing."""
    program = needed("prometheus-alertmanager", "prometheus-alertmanager")
    config = yaml.safe_load((MONITORING / "alertmanager/alertmanager.yml").read_text())
    del config["global"]
    config["receivers"] = [{"name": receiver["name"]} for receiver in config["receivers"]]
    (folder / "alertmanager.yml").write_text(yaml.safe_dump(config))
    log = folder / "alertmanager.log"
    process = started(
        [
            program,
            f"--config.file={folder / 'alertmanager.yml'}",
            f"--storage.path={folder / 'data'}",
            "--web.listen-address=127.0.0.1:0",
            "--cluster.listen-address=",
        ],
        log,
    )
    address = re.compile(r"Listening on\"? address=(\S+)")
    try:
        await until(lambda: bool(address.search(log.read_text())), what="Alertmanager's address")
        async with aiohttp.ClientSession(
            f"http://{address.findall(log.read_text())[0]}"
        ) as session:
            yield session
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait)


async def loud(session: aiohttp.ClientSession, alerts: list[Labels]) -> list[Labels]:
    """Send alerts; returns the labels of those that are not inhibited."""
    given = [{"labels": dict(labels)} for labels in alerts]
    async with session.post("/api/v2/alerts", json=given) as answer:
        assert answer.status == 200, await answer.text()
    shown: list[Any] = []

    async def are_all_seen() -> bool:
        async with session.get("/api/v2/alerts") as answer:
            shown[:] = await answer.json()
        return len(shown) == len(alerts) and all(
            alert["status"]["state"] != "unprocessed" for alert in shown
        )

    await until(are_all_seen, what="all alerts processed")
    return [alert["labels"] for alert in shown if not alert["status"]["inhibitedBy"]]


CAUSES = {
    "the leads have changed": (
        [
            *(drift("LeadScoreFieldDrift", window) for window in ("5m", "1h")),
            *(drift("LeadScoreFieldDriftCritical", window, "critical") for window in ("5m", "1h")),
            *(drift("LeadScoreDrift", window, "critical") for window in ("5m", "1h")),
            *(drift("LeadScorePredictionDrift", window) for window in ("5m", "1h")),
            *(drift("LeadScoreEngagementOutOfRange", window) for window in ("5m", "1h")),
            {k: v for k, v in drift("LeadScoreConfirmedChange", "").items() if v},
        ],
        {("LeadScoreDrift", "5m"), ("LeadScoreDrift", "1h")},
    ),
    "a field is missing": (
        [drift("LeadScoreMissingSurge", "5m"), drift("LeadScoreFieldDrift", "5m")],
        {("LeadScoreMissingSurge", "5m")},
    ),
    "another horizon or model has alerts of its own": (
        [
            drift("LeadScoreDrift", "5m", "critical"),
            drift("LeadScoreFieldDrift", "24h"),
            {**drift("LeadScoreFieldDrift", "5m"), "model": "other"},
        ],
        {
            ("LeadScoreDrift", "5m"),
            ("LeadScoreFieldDrift", "24h"),
            ("LeadScoreFieldDrift", "5m"),
        },
    ),
    "no worker is ready": (
        [
            service("LeadScoreNoWorkerReady", "critical"),
            service("LeadScoreLag", topic="leads.created"),
            service("LeadScoreStalled", "critical", topic="leads.created"),
            service("LeadScoreEndToEndSlow", "critical"),
            *(service("LeadScoreWorkerNotReady", instance=name) for name in "abc"),
            *(service("LeadScoreWorkerDown", "critical", instance=name) for name in "abc"),
            *(service("LeadScoreCommitOld", instance=name) for name in "abc"),
        ],
        {("LeadScoreNoWorkerReady", "")},
    ),
    "a group makes no progress": (
        [
            service("LeadScoreGroupNeverCatchesUp", group="crm-sync", topic="leads.scored"),
            service("LeadScoreGroupLag", group="crm-sync", topic="leads.scored"),
        ],
        {("LeadScoreGroupNeverCatchesUp", "")},
    ),
    "the workers are late, and so is another group": (
        [
            service("LeadScoreLag", topic="leads.created"),
            service("LeadScoreGroupLag", group="leadscore", topic="leads.created"),
            service("LeadScoreGroupLag", group="crm-sync", topic="leads.scored"),
        ],
        {("LeadScoreLag", ""), ("LeadScoreGroupLag", "")},
    ),
    "the figures of groups are old": (
        [
            service("LeadScoreLagStale", job="leadscore-lag", instance="a"),
            service("LeadScoreGroupLag", group="crm-sync", topic="leads.scored"),
            service("LeadScoreGroupExpired", "critical", group="crm-sync", topic="leads.scored"),
        ],
        {("LeadScoreLagStale", "")},
    ),
    "one worker has no model": (
        [
            service("LeadScoreModelLoadFailing", instance="a"),
            service("LeadScoreWorkerNotReady", instance="a"),
            service("LeadScoreWorkerNotReady", instance="b"),
        ],
        {("LeadScoreModelLoadFailing", ""), ("LeadScoreWorkerNotReady", "")},
    ),
}


@pytest.mark.long
@pytest.mark.parametrize("cause", CAUSES)
async def test_one_cause_is_one_notification(tmp_path: Path, cause: str) -> None:
    alerts, expected = CAUSES[cause]
    async with alertmanager(tmp_path) as session:
        found = await loud(session, alerts)
    assert {(labels["alertname"], labels.get("window", "")) for labels in found} == expected
    assert len(found) == len(expected)


async def test_alerts_on_drift_are_grouped_by_model_and_horizon(tmp_path: Path) -> None:
    alerts = [
        drift("LeadScoreFieldDriftCritical", "5m", "critical"),
        drift("LeadScorePredictionDrift", "5m"),
        drift("LeadScorePredictionDrift", "1h"),
    ]
    async with alertmanager(tmp_path) as session:
        await loud(session, alerts)
        async with session.get("/api/v2/alerts/groups") as answer:
            groups = await answer.json()
    chat = [group for group in groups if group["receiver"]["name"] == "chat"]
    assert sorted((tuple(g["labels"].values()), len(g["alerts"])) for g in chat) == [
        (("leads", "1h"), 1),
        (("leads", "5m"), 2),
    ]
