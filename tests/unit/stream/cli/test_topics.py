"""`leadscore topics list` on a terminal and in a pipe."""

from __future__ import annotations

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
    monkeypatch.setattr(command, "Console", lambda width: Console(width=80))
    lines = listed().splitlines()
    assert lines[0].split() == ["topic", "partitions", "purpose"]
    assert max(map(len, lines)) <= 80
    assert len(lines) <= 2 * len(TOPICS) + 1


def test_a_pipe_has_all_of_it() -> None:
    lines = listed().splitlines()
    assert lines[0].split() == ["topic", "partitions", "key", "value", "cleanup", "purpose"]
    assert len(lines) == len(TOPICS) + 1
