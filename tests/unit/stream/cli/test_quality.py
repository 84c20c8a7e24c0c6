"""`leadscore quality` on reports in memory: what it prints, and how it ends."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from click.testing import CliRunner, Result

from agents.quality.reported_quality import ReportedQuality
from schemas.errors import StartupError
from stream.cli import quality as command
from stream.settings import Settings
from tests.unit.stream.cli.shown_reports import reported


class FakeLog:
    """Reports that a test gives, by topic of the scores."""

    found: ReportedQuality | Exception
    topic: str

    def __init__(self, _: Settings, topic: str) -> None:
        FakeLog.topic = topic

    async def read(self) -> None:
        if isinstance(self.found, Exception):
            raise self.found

    @property
    def reported(self) -> Any:
        return self.found


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> type[FakeLog]:
    async def leads_diagnosis(_: Settings) -> None:
        return None

    monkeypatch.setattr(command, "QualityLog", FakeLog)
    monkeypatch.setattr(command, "leads_diagnosis", leads_diagnosis)
    FakeLog.found = reported()
    return FakeLog


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command.quality, arguments)


def test_it_shows_the_newest_model(log: type[FakeLog]) -> None:
    result = run()
    assert result.exit_code == 0, result.output
    assert "Model leads 7" in result.stdout
    assert "2027-W05" in result.stdout
    assert log.topic == "leads.scored"


def test_the_shadow_is_another_topic(log: type[FakeLog]) -> None:
    log.found = ReportedQuality("leads.scored.shadow")
    result = run("--shadow")
    assert result.exit_code == 0
    assert "leads.quality has no report on leads.scored.shadow yet" in result.stdout
    assert log.topic == "leads.scored.shadow"


def test_json_is_a_line_for_the_model_each_week_and_segment(log: type[FakeLog]) -> None:
    result = run("--json", "--weeks", "2", "--segment", "country")
    records = [orjson.loads(line) for line in result.stdout.splitlines()]
    kinds = [record["kind"] for record in records]
    assert kinds == ["model", "week", "week", "segment", "segment"]


def test_json_of_no_report_is_empty(log: type[FakeLog]) -> None:
    log.found = ReportedQuality("leads.scored")
    result = run("--json")
    assert (result.exit_code, result.stdout) == (0, "")


@pytest.mark.parametrize("option", [("--model", "9"), ("--segment", "job"), ("--weeks", "0")])
def test_a_missing_model_or_field_is_exit_code_2(
    log: type[FakeLog], option: tuple[str, str]
) -> None:
    result = run(*option)
    assert result.exit_code == 2
    assert result.stdout == ""


def test_a_missing_topic_is_exit_code_3(log: type[FakeLog]) -> None:
    log.found = StartupError("expected the topic leads.quality")
    result = run()
    assert result.exit_code == 3
    assert "expected the topic leads.quality" in result.stderr


@pytest.mark.parametrize("more", [("--json",), ("--shadow",), ("--model", "7"), ("--segment", "a")])
def test_the_exporter_takes_no_choice_of_a_model(log: type[FakeLog], more: tuple[str, ...]) -> None:
    result = run("--port", "0", *more)
    assert result.exit_code == 2
    assert "--port shows all models" in result.stderr
