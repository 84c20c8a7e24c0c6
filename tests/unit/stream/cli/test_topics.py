"""`leadscore topics list` on a terminal and in a pipe."""

from __future__ import annotations

import orjson
import pytest
from click.testing import CliRunner
from rich.console import Console

from stream.cli import topics as command
from stream.kafka.requests import DescribedTopic
from stream.kafka.topic_catalog import TOPICS
from stream.settings import Settings


@pytest.fixture(autouse=True)
def _no_kafka(monkeypatch: pytest.MonkeyPatch) -> None:
    async def listed_topics(settings: Settings) -> dict[str, DescribedTopic]:
        return {topic.name(settings): DescribedTopic(4, None) for topic in TOPICS}

    monkeypatch.setattr(command, "listed_topics", listed_topics)


def listed() -> str:
    result = CliRunner().invoke(command.topics, ["list"])
    assert result.exit_code == 0, result.output
    return result.output


def test_at_80_columns_every_topic_is_a_name_and_a_purpose(monkeypatch: pytest.MonkeyPatch) -> None:
    """Six columns made words of three letters a line."""
    monkeypatch.setattr(command, "console", lambda _: Console(width=80))
    lines = listed().splitlines()
    assert lines[0].split() == ["topic", "partitions", "purpose"]
    assert max(map(len, lines)) <= 80
    assert len(lines) <= 2 * len(TOPICS) + 1


def test_a_pipe_has_all_of_it() -> None:
    lines = listed().splitlines()
    assert lines[0].split() == ["topic", "partitions", "key", "value", "cleanup", "purpose"]
    assert len(lines) == len(TOPICS) + 1


def test_json_is_a_line_for_each_topic() -> None:
    result = CliRunner().invoke(command.topics, ["list", "--json"])
    lines = [orjson.loads(line) for line in result.stdout.splitlines()]
    assert [line["name"] for line in lines] == [topic.name(Settings()) for topic in TOPICS]
    assert {(line["partitions"], line["state"]) for line in lines} == {(4, "exists")}


def test_a_dry_run_names_what_is_missing_and_what_it_would_take(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def listed_topics(settings: Settings) -> dict[str, DescribedTopic]:
        return {topic.name(settings): DescribedTopic(None, None) for topic in TOPICS}

    monkeypatch.setattr(command, "listed_topics", listed_topics)
    options = ["create", "--dry-run", "--json", "--retention", "30d", "--rate", "50/s"]
    result = CliRunner().invoke(command.topics, options)
    assert result.exit_code == 0, result.output
    lines = [orjson.loads(line) for line in result.stdout.splitlines()]
    assert len(lines) == len(TOPICS)
    assert lines[0] == {"name": "leads.created", "partitions": 4, "state": "missing"}
    assert "kept for 30 d: about 64.8 GB per replica" in result.stderr


def test_retention_of_a_topic_that_exists_is_refused() -> None:
    result = CliRunner().invoke(command.topics, ["create", "--retention", "30d"])
    assert result.exit_code == 2
    assert "kafka-configs.sh" in result.output
