"""The findings of an erasure, and the fate of each."""

from __future__ import annotations

from typing import Any

import pytest

from stream.erasure import erasure
from stream.erasure.erasure import NamingPlan, naming_plans, plan_erasure
from stream.erasure.policy import Fate, TopicPolicy
from stream.erasure.tombstones import Tombstone
from stream.settings import load_settings
from tests.unit.stream.erasure.replay_records import replay_record
from tests.unit.stream.fake_topics import FakeTopics

NOW = 1_700_000_000_000
WEEK = 7 * 86_400_000
SETTINGS = load_settings(registry="none")
DELETES = TopicPolicy("leads.created", 2, is_known=True, retention_ms=WEEK)
COMPACTED = TopicPolicy("leads.scored", 2, is_known=True, is_compacted=True)
UNLIMITED = TopicPolicy("leads.outcomes", 2, is_known=True)
IDS = ["ann", "bob"]


@pytest.fixture
def topics(monkeypatch: pytest.MonkeyPatch) -> FakeTopics:
    """Topics in memory, read instead of Kafka's: three policies, and two replays of ann."""
    topics = FakeTopics()
    replays = {
        "ended": replay_record("ended", filters=(("lead_id", "ann"),)),
        "open": replay_record("open", "planned", filters=(("lead_id", "ann"), ("a", "b"))),
        "other": replay_record("other", filters=(("lead_id", "eve"),)),
    }

    async def read_replays(_: Any) -> Any:
        return replays

    async def read_lead_topics(*_: Any) -> Any:
        return [DELETES, COMPACTED, UNLIMITED]

    monkeypatch.setattr(erasure, "read_replays", read_replays)
    monkeypatch.setattr(erasure, "read_lead_topics", read_lead_topics)
    monkeypatch.setattr(erasure, "LogReader", lambda *_: topics)
    return topics


async def test_each_topic_has_its_fate(topics: FakeTopics) -> None:
    topics.add("leads.created", 0, b"v", key=b"ann", timestamp=NOW)
    topics.add("leads.scored", 1, b"v", key=b"ann", timestamp=NOW)
    topics.add("leads.outcomes", 1, b"v", key=b"bob", timestamp=NOW)
    found = await plan_erasure(SETTINGS, IDS, NOW)
    assert [(f.lead, f.policy.topic, f.records, f.fate, f.gone_by_ms) for f in found.findings] == [
        (0, "leads.created", 1, Fate.AGES_OUT, NOW + WEEK),
        (0, "leads.scored", 1, Fate.TOMBSTONE, None),
        (1, "leads.outcomes", 1, Fate.STAYS, None),
    ]
    assert found.tombstones == [
        Tombstone("leads.scored", 1, b"ann"),
        Tombstone("leads.replays", 0, b"ended"),
    ]
    assert found.has_rest


async def test_a_lead_that_has_its_tombstone_gets_no_other(topics: FakeTopics) -> None:
    topics.add("leads.scored", 0, b"v", key=b"bob", timestamp=NOW)
    topics.add("leads.scored", 0, None, key=b"bob", timestamp=NOW)
    found = await plan_erasure(SETTINGS, ["bob"], NOW)
    assert [finding.fate for finding in found.findings] == [Fate.TOMBSTONED]
    assert found.tombstones == []
    assert not found.has_rest


async def test_a_lead_of_which_nothing_is_left_but_a_tombstone(topics: FakeTopics) -> None:
    topics.add("leads.scored", 0, None, key=b"bob")
    found = await plan_erasure(SETTINGS, ["bob"], NOW)
    assert (found.findings, found.tombstones, found.has_rest) == ([], [], False)


async def test_a_dead_letter_of_a_tombstone_holds_the_lead(topics: FakeTopics) -> None:
    """The worker writes one for each tombstone in a compacted topic of leads."""
    topics.add("leads.created", 1, None, key=b"bob", timestamp=NOW)
    found = await plan_erasure(SETTINGS, ["bob"], NOW)
    [finding] = found.findings
    assert (finding.records, finding.newest_ms, finding.fate) == (1, NOW, Fate.AGES_OUT)


async def test_leads_of_which_nothing_is_held_and_records_of_nobody_are_counted(
    topics: FakeTopics,
) -> None:
    topics.add("leads.created", 0, b"v", key=b"bob", timestamp=NOW)
    topics.add("leads.created", 0, b"v", timestamp=NOW)
    found = await plan_erasure(SETTINGS, ["eve", "bob", "dan"], NOW)
    assert found.unknown == [2], "a plan names eve"
    assert found.without_key == {"leads.created": 1}


def test_a_plan_that_names_a_lead_stays_while_its_replay_is_open() -> None:
    replays = {
        "a": replay_record("a", "cancelled", filters=(("lead_id", "bob"),)),
        "b": replay_record("b", "planned", filters=(("email", "ann"),)),
        "c": replay_record("c"),
    }
    assert naming_plans(replays, IDS) == [NamingPlan(1, "a", False), NamingPlan(0, "b", True)]
