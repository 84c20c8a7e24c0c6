"""`leadscore snapshot` on real Kafka: what it reads, what it writes, and what it leaves alone."""

import asyncio
import fcntl
import json
import re
import signal
import time
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from schemas.wire import WireFormat
from stream.broker import Broker
from stream.simulator.events import EventMaker
from stream.simulator.playing import Lead
from stream.snapshot.summary import SnapshotSummary
from testing.kafka_client import Record, open_admin, produce, until
from tests.integration.command_process import begin_command
from tests.integration.worker_process import CONTACT, Stage

MINUTE, HOUR = 60_000, 3_600_000
START = time.time_ns() // 1_000_000 // HOUR * HOUR - 4 * HOUR
"""The range that is asked for begins here, in Kafka's time: old records would be removed."""
EARLY, LATE = slice(0, 2000), slice(-3000, None)
"""Contacts as the model knows them, and contacts of another time."""


def moment(at: Any, form: Any = "%Y-%m-%dT%H:%M:%S+00:00") -> Any:
    return datetime.fromtimestamp(at / 1000, UTC).strftime(form)


RANGE = ("--from", moment(START), "--to", moment(START + HOUR)[:19])


def records(leads: Any, first: Any, last: Any) -> Any:
    """The leads' events, their time stamps evenly between two."""
    as_event = EventMaker(CONTACT, WireFormat.AVRO)
    events = [as_event(lead) for lead in leads]
    step = (last - first) / (len(events) - 1)
    return [
        Record(event.value, event.key, event.headers, timestamp_ms=round(first + step * i))
        for i, event in enumerate(events)
    ]


@pytest.fixture
async def topic(stage: Stage, kafka: Broker, contacts: list[Lead]) -> Any:
    """Late contacts within the range, the first and the last at its edges; early ones around it."""
    name = stage.settings.leads_created
    around = contacts[EARLY]
    await produce(kafka.bootstrap, name, records(around, START - HOUR, START - 1))
    await produce(kafka.bootstrap, name, records(contacts[LATE], START, START + HOUR - 1))
    broken = Record(b"no lead", b"broken", timestamp_ms=START + HOUR - 1)
    await produce(kafka.bootstrap, name, [broken])
    await produce(kafka.bootstrap, name, records(around, START + HOUR, START + 2 * HOUR))
    return name


@pytest.fixture
def start(stage: Stage, tmp_path: Path) -> Any:
    """Start the command: `process = await start("--since", "1h")`."""

    async def start(*arguments: Any) -> Any:
        given = "--output", tmp_path / "reports", *arguments
        return await begin_command(stage, "snapshot", *map(str, given))

    return start


@pytest.fixture
def snapshot(start: Any) -> Any:
    """Run the command to its end: `code, out, err = await snapshot("--since", "1h")`."""

    async def snapshot(*arguments: Any) -> Any:
        process = await start(*arguments)
        try:
            out, err = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
        return process.returncode, out.decode(), err.decode()

    return snapshot


async def groups(bootstrap: Any) -> Any:
    async with open_admin(bootstrap) as admin:
        return {name for name, _ in await admin.list_consumer_groups()}


async def test_the_leads_of_the_range_are_compared_and_nothing_else(
    topic: Any, snapshot: Any, kafka: Broker, tmp_path: Path
) -> None:
    before = await groups(kafka.bootstrap)
    code, out, err = await snapshot(*RANGE, "--json", "--sample", "5000")
    assert (code, err) == (0, "")
    summary = SnapshotSummary.model_validate_json(out)
    assert (summary.found, summary.unreadable, summary.rows) == (3001, 1, 3000)
    assert (summary.topic, summary.model) == (topic, "bank/1")
    assert summary.is_prediction_drift
    assert "euribor3m" in summary.drifted
    assert summary.drift_share == pytest.approx(len(summary.drifted or ()) / 20)
    assert await groups(kafka.bootstrap) <= before, "a group was joined"

    report = summary.report
    assert report == tmp_path / "reports" / folder(START + HOUR) / "report.html"
    assert SnapshotSummary.model_validate_json((report.parent / "summary.json").read_text())
    drift = by_column(json.loads((report.parent / "report.json").read_text()))
    assert {name for name, (score, threshold) in drift.items() if score > threshold} >= {
        "euribor3m",
        "score",
    }
    assert drift["day_of_week"][0] < 0.1
    title = re.search(r"<title>(.*?)</title>", report.read_text())[1]
    span = " to ".join(moment(at, "%Y-%m-%d %H:%M") for at in (START, START + HOUR))
    assert title == f"Drift of {topic}, {span} UTC, model bank/1"


@pytest.mark.long
async def test_a_record_of_a_fast_clock_hides_no_lead_behind_it(
    stage: Stage, kafka: Broker, contacts: list[Lead], snapshot: Any
) -> None:
    """2,695 of 4,236 leads were lost behind the first record that was stamped after the end."""
    name = stage.settings.leads_created
    [fast] = records(contacts[:2], START + 2 * HOUR, START + 2 * HOUR)[:1]
    await produce(kafka.bootstrap, name, records(contacts[:50], START, START + HOUR // 2))
    await produce(kafka.bootstrap, name, [fast])
    late = records(contacts[50:100], START + HOUR // 2, START + HOUR - 1)
    await produce(kafka.bootstrap, name, late)
    code, out, err = await snapshot(*RANGE, "--json")
    assert (code, err) == (0, "")
    assert SnapshotSummary.model_validate_json(out).found == 100


def folder(end: Any) -> Any:
    return moment(end, "drift-%Y-%m-%dT%H-%M-%SZ")


def by_column(report: Any) -> Any:
    """Each column's drift score and threshold, by Evidently's JSON."""
    drifts = [m for m in report["metrics"] if m["config"]["type"].endswith(":ValueDrift")]
    assert {m["config"]["method"] for m in drifts} == {"leadscore_field_psi", "leadscore_score_psi"}
    return {m["config"]["column"]: (m["value"], m["config"]["threshold"]) for m in drifts}


@pytest.mark.long
async def test_a_sample_is_of_the_size_that_was_asked_for_and_old_snapshots_go(
    topic: Any, snapshot: Any, tmp_path: Path
) -> None:
    for sample, minutes in ((50, 10), (1, 30)):
        code, out, err = await snapshot(
            *(*RANGE[:2], "--to", moment(START + minutes * MINUTE)),
            *("--json", "--sample", str(sample)),
            *("--keep", "1", "--workspace", tmp_path / "workspace"),
        )
        assert code == 0, err
        summary = SnapshotSummary.model_validate_json(out)
        assert summary.rows == sample
        assert (summary.drift_share, summary.diagnosis) == (None, "too_few")
        assert (summary.is_drift, summary.is_prediction_drift, summary.drifted) == (None,) * 3
    kept = sorted(path.name for path in (tmp_path / "reports").glob("drift-*"))
    assert kept == [folder(START + 30 * MINUTE)]
    runs = [*(tmp_path / "workspace").glob("*/snapshots/*.json")]
    assert len(runs) == 1, "the workspace keeps as many"


@pytest.mark.long
async def test_a_range_without_leads_is_no_failure(
    topic: Any, snapshot: Any, tmp_path: Path
) -> None:
    code, out, err = await snapshot("--from", "2020-01-01", "--to", "2020-01-02")
    assert (code, err) == (0, "")
    assert "no lead" in out
    assert not [*(tmp_path / "reports").glob("drift-*")]


async def test_two_do_not_write_at_once(stage: Stage, snapshot: Any, tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    with (tmp_path / "reports/.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("4711")
        lock.flush()
        code, _, err = await snapshot()
    assert code == 3
    assert "process 4711 writes to it" in err


async def test_one_that_takes_too_much_memory_ends_itself_and_is_counted(
    topic: Any, snapshot: Any, tmp_path: Path
) -> None:
    code, _, err = await snapshot(
        *(*RANGE, "--memory-limit", "120MiB", "--textfile", tmp_path / "snapshot.prom")
    )
    assert code == 1
    assert "expected a snapshot to fit into 120 MiB" in err
    assert "leadscore_snapshot_failures_total 1.0" in (tmp_path / "snapshot.prom").read_text()


@pytest.mark.long
async def test_a_recurring_job_writes_a_snapshot_and_its_metrics(
    topic: Any, start: Any, kafka: Broker, contacts: list[Lead], tmp_path: Path
) -> None:
    await produce(kafka.bootstrap, topic, [Record(r.value, r.key) for r in now_records(contacts)])
    textfile = tmp_path / "snapshot.prom"
    process = await start("--every", "45s", "--since", "1h", "--port", "0", "--textfile", textfile)
    try:
        first = (await process.stderr.readline()).decode()
        port = re.fullmatch(r"metrics on port (\d+)\n", first)[1]
        shown = await metrics(port)
        assert shown["leadscore_snapshot_period_seconds"] == 45
        assert "leadscore_snapshot_last_success_timestamp_seconds" not in shown
        assert b"1,000 of 1,000 leads" in await process.stdout.readline()
        assert (await process.stdout.readline()).endswith(b"report.html\n")
        shown = await metrics(port)
        assert shown["leadscore_snapshot_rows"] == 1000
        assert shown["leadscore_snapshot_failures_total"] == 0
        assert shown["leadscore_snapshot_drift_share_ratio"] > 0
        assert shown["leadscore_snapshot_last_success_timestamp_seconds"] > START / 1000
        assert "leadscore_snapshot_rows 1000.0" in textfile.read_text()
        assert len([*(tmp_path / "reports").glob("drift-*")]) == 1
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(30):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def now_records(contacts: Any) -> Any:
    as_event = EventMaker(CONTACT, WireFormat.AVRO)
    return [Record(event.value, event.key) for event in map(as_event, contacts[-1000:])]


async def metrics(port: Any) -> Any:
    def ask() -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            return answer.read().decode()

    lines = (await asyncio.to_thread(ask)).splitlines()
    return {line.split()[0]: float(line.split()[1]) for line in lines if line[0] != "#"}


@pytest.mark.long
async def test_a_job_that_stays_counts_what_fails_and_continues(
    start: Any, stage: Stage, tmp_path: Path
) -> None:
    stage.environment["LEADSCORE_MODEL"] = "bank/99"
    textfile = tmp_path / "snapshot.prom"
    process = await start("--every", "6s", "--textfile", textfile)

    def failures() -> Any:
        text = textfile.read_text() if textfile.exists() else ""
        return "leadscore_snapshot_failures_total 2.0" in text

    try:
        await until(failures, within=120, what="a second failure")
        assert "last_success" not in textfile.read_text()
    finally:
        process.kill()
        _, err = await process.communicate()
    assert b"bank/99" in err
