"""Names and configs of the declared topics."""

from __future__ import annotations

from typing import Any

import pytest

from stream.kafka.topic_catalog import TOPICS
from tests.unit.stream.kafka.test_topic_admin import SETTINGS


def test_names_follow_the_settings() -> None:
    assert [topic.name(SETTINGS) for topic in TOPICS] == [
        "staging.leads.created",
        "staging.leads.scored",
        "staging.leads.created.dlq",
        "staging.leads.redrives",
        "staging.leads.sinks.dlq",
        "staging.leads.scored.shadow",
        "staging.leads.scored.shadow.dlq",
        "staging.leads.outcomes",
        "staging.leads.outcomes.dlq",
        "staging.leads.models",
        "staging.leads.quality",
        "staging.leads.overdue",
        "staging.leads.drift.partials",
        "staging.leads.drift",
        "staging.leads.replays",
        "staging.leads.retrain",
        "staging.leads.retrains",
        "scorers-drift_windows-changelog",
    ]


def test_dead_letters_hold_the_largest_lead_with_more_headers() -> None:
    brokers_default = 1024 * 1024 + 12
    [dead_letters] = [topic for topic in TOPICS if topic.template == "{0.leads_created_dlq}"]

    assert int(dead_letters.configs["max.message.bytes"]) > 1.5 * brokers_default


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.template)
def test_every_topic_says_how_it_is_cleaned(topic: Any) -> None:
    assert set(topic.configs["cleanup.policy"].split(",")) <= {"compact", "delete"}
    assert topic.purpose.endswith(".")
