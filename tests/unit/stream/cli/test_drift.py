"""The command without Kafka: what it prints of the reports that come, and its exit codes."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Sequence
from typing import Any

import orjson
import pytest
from click.testing import CliRunner, Result

from schemas.errors import StartupError
from stream.cli import drift as command
from tests.unit.stream.drift.drift_made import END, WINDOW, alarm, read, report


@pytest.fixture
def topic(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[Any]]:
    """Batches of reports, one by one, then Ctrl-C."""
    replies: list[Sequence[Any]] = []

    async def reports(_: Any) -> AsyncIterator[Any]:
        for reply in replies:
            yield [read(made) for made in reply]
        os.kill(os.getpid(), signal.SIGINT)
        while True:
            await asyncio.sleep(0)
            yield []

    monkeypatch.setattr(command, "reports", reports)
    return replies


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command.drift, ["status", *arguments])


def test_it_shows_what_is_there(topic: Any) -> None:
    topic.append([report(), alarm("age")])
    result = run()
    assert result.exit_code == 0, result.output
    assert "euribor3m" in result.stdout
    assert "20:30  age" in result.stdout


def test_a_horizon_that_is_not_there_is_exit_code_2(topic: Any) -> None:
    topic.append([report()])
    for arguments in (["--horizon", "7d"], ["--horizon", "7d", "--watch"]):
        result = run(*arguments)
        assert result.exit_code == 2
        assert "expected a horizon of the reports (5m, 1h, 24h), not '7d'" in result.output
        assert "euribor3m" not in result.output


def test_an_empty_topic_is_no_failure(topic: Any) -> None:
    topic.append([])
    result = run()
    assert result.exit_code == 0
    assert "has no report of a window yet" in result.stdout
    assert orjson.loads(run("--json").stdout) == {"window": None, "alarms": []}


def test_as_json_it_is_the_report_without_its_counts(topic: Any) -> None:
    topic.append([report(), alarm("age")])
    said = orjson.loads(run("--json").stdout)
    assert said["window"]["leads"] == 412
    assert [horizon["name"] for horizon in said["window"]["horizons"]] == ["5m", "1h", "24h"]
    assert said["window"]["horizons"][2]["fields"][2]["psi"] == 8.31
    assert not {"codes", "counts"} & said["window"].keys()
    assert [one["alarm"]["stream"] for one in said["alarms"]] == ["age"]
    [only] = orjson.loads(run("--json", "--horizon", "1h").stdout)["window"]["horizons"]
    assert only["name"] == "1h"


def test_as_json_too_few_leads_are_null_and_not_false(topic: Any) -> None:
    topic.append([report()])
    few, enough, _ = orjson.loads(run("--json").stdout)["window"]["horizons"]
    assert few["state"] == "too_few"
    assert few["is_drift"] is few["is_prediction_drift"] is None
    assert {field["is_drifted"] for field in few["fields"]} == {None}
    assert enough["is_prediction_drift"] is not None
    assert None not in {field["is_drifted"] for field in enough["fields"]}


def test_watching_shows_new_reports_until_ctrl_c(topic: Any) -> None:
    after = END + WINDOW
    topic += [[report()], [], [report()], [report(end=after), alarm("age", end=after)]]
    result = run("--watch")
    assert result.exit_code == 130
    *_, window, alarm_line = result.stdout.splitlines()
    assert window.startswith("2026-05-28 20:35 bank/1 24h: 123,456 leads, critical")
    assert alarm_line.startswith("2026-05-28 20:35 bank/1 alarm by windowed: age: critical")
    assert result.stdout.count("bank/1 24h") == 2  # a report that has as many leads holds


def test_watching_as_json_is_a_line_each_time(topic: Any) -> None:
    topic += [[report()], [], [report(end=END + WINDOW), alarm("age", end=END + WINDOW)]]
    result = run("--watch", "--json")
    assert result.exit_code == 130
    said = [orjson.loads(line) for line in result.stdout.splitlines()]
    assert [one["window"]["window_end"] for one in said] == [END, END + WINDOW]
    assert [len(one["alarms"]) for one in said] == [0, 1]


def test_a_topic_that_is_missing_is_exit_code_3(monkeypatch: pytest.MonkeyPatch) -> None:
    async def reports(_: Any) -> AsyncIterator[Any]:
        raise StartupError("expected the topic leads.drift, but it does not exist")
        yield

    monkeypatch.setattr(command, "reports", reports)
    result = run()
    assert result.exit_code == 3
    assert "expected the topic leads.drift" in result.output
