"""Topics that hold leads besides the declared ones: outputs of replays."""

from __future__ import annotations

from stream.erasure.lead_topics import outputs_of
from stream.kafka.topic_catalog import TOPICS
from stream.settings import load_settings
from tests.unit.stream.erasure.replay_records import replay_record

SETTINGS = load_settings(topic_prefix="eu.")
LISTED = ("eu.leads.rescored.r1", "eu.leads.rescored.old.dlq", "mine", "leads.rescored.x", "eu.x")


def test_outputs_are_those_of_plans_and_those_that_are_named_like_them() -> None:
    replays = {
        "a": replay_record("a", out="mine", dead_letters="mine.dlq"),
        "b": replay_record("b", out="eu.leads.rescored.r1", dead_letters="gone.dlq"),
    }
    assert outputs_of(SETTINGS, replays, LISTED) == {
        "mine",
        "eu.leads.rescored.r1",
        "eu.leads.rescored.old.dlq",
    }


def test_the_topics_whose_key_is_a_lead_s_are_declared_as_holding_leads() -> None:
    by_key = {topic.template for topic in TOPICS if topic.key in ("lead_id", "as in the source")}
    assert {topic.template for topic in TOPICS if topic.holds_leads} == by_key
