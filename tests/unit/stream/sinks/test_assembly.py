"""Settings of a sink's Kafka clients, and how long it gathers."""

from __future__ import annotations

import pytest

from stream.settings import load_settings
from stream.sinks.assembly import gathering_of, sink_settings
from stream.sinks.sink import Gathering
from tests.unit.stream.sinks.fake_sink import FakeSink


def test_a_sink_has_a_group_of_its_own() -> None:
    settings = sink_settings(load_settings(sink="jsonl", topic_prefix="staging."))
    assert settings.group_id == "staging.leadscore-sink-jsonl-scores"
    assert settings.sink_topic == "staging.leads.scored"
    named = sink_settings(load_settings(sink_name="crm", sink_content="leads"))
    assert (named.group_id, named.sink_topic) == ("leadscore-sink-crm", "leads.created")


@pytest.mark.parametrize(
    ("content", "level"), [("scores", "read_committed"), ("leads", "read_uncommitted")]
)
def test_only_committed_scores_are_read_where_they_are_written_exactly_once(
    content: str, level: str
) -> None:
    given = {"delivery": "exactly_once", "isolation_level": "read_uncommitted"}
    settings = sink_settings(load_settings(**given, sink_content=content))
    assert settings.isolation_level == level
    assert settings.delivery == "at_least_once"


def test_settings_replace_the_gathering_of_the_sink() -> None:
    own = FakeSink()
    assert gathering_of(load_settings(), own) == Gathering()
    assert gathering_of(load_settings(sink_records=7, sink_seconds=2), own) == Gathering(7, 2.0)
