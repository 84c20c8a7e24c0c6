"""Findings on topics, co-partitioning and replication."""

from __future__ import annotations

import pytest

from stream.doctor.finding import Level
from stream.doctor.topics import check_partitions, check_replication, check_topics
from tests.unit.stream.doctor.fake_cluster import described, surroundings


async def test_sound_topics_are_one_line_each() -> None:
    at, _ = surroundings(role="all")
    for check in (check_topics, check_partitions, check_replication):
        [found] = await check(at)
        assert found.level is Level.OK


async def test_a_missing_topic_comes_with_the_command() -> None:
    at, cluster = surroundings()
    cluster.described["leads.scored"] = described(None, 0, 0)
    [found] = await check_topics(at)
    assert found.level is Level.FAIL
    assert "leads.scored" in found.sentence
    assert "leadscore topics create" in found.remedy
    [partitions] = await check_partitions(at)
    assert partitions.level is Level.OK, "a missing topic is one failure, not two"


async def test_a_topic_that_may_not_be_seen_is_not_called_missing() -> None:
    """The advice was to create a topic that exists."""
    at, cluster = surroundings()
    cluster.described["leads.scored"] = described(None)._replace(operations=frozenset())
    [found] = await check_topics(at)
    assert found.level is Level.WARN
    assert "this user may not see it" in found.sentence
    assert "rights" in found.remedy


async def test_without_the_leads_topic_partitions_are_not_compared() -> None:
    at, cluster = surroundings()
    cluster.described["leads.created"] = described(None, 0, 0)
    [found] = await check_partitions(at)
    assert found.level is Level.WARN


async def test_an_output_with_other_partitions_is_a_failure() -> None:
    at, cluster = surroundings()
    cluster.described["leads.scored"] = described(3)
    [found] = await check_partitions(at)
    assert found.level is Level.FAIL
    assert "it has 3" in found.sentence
    assert "kafka-topics.sh --alter" in found.remedy


async def test_partials_with_several_partitions_are_a_failure() -> None:
    at, cluster = surroundings()
    cluster.described["leads.drift.partials"] = described(4)
    [found] = await check_topics(at)
    assert found.level is Level.FAIL
    assert "leads.drift.partials" in found.sentence
    assert "--alter" not in found.remedy, "Kafka removes no partitions"
    assert "delete it and run `leadscore topics create`" in found.remedy


@pytest.mark.parametrize(
    ("replicas", "in_sync", "least", "level", "words"),
    [
        (1, 1, "1", Level.WARN, "one replica"),
        (3, 3, "1", Level.WARN, "by one broker alone"),
        (3, 3, "3", Level.WARN, "stops all writes"),
        (3, 1, "2", Level.FAIL, "nothing can be written"),
        (3, 2, "2", Level.WARN, "2 of 3 replicas in sync"),
    ],
)
async def test_a_topic_that_may_lose_or_refuse_records_is_reported(
    replicas: int, in_sync: int, least: str, level: Level, words: str
) -> None:
    at, cluster = surroundings()
    cluster.described["leads.scored"] = described(4, replicas, in_sync)
    cluster.configured["leads.scored"]["min.insync.replicas"] = least
    found = await check_replication(at)
    assert any(one.level is level and words in one.sentence for one in found)
    assert all("leads.scored" in one.sentence and one.remedy for one in found)


async def test_configs_that_may_not_be_read_are_a_warning() -> None:
    at, cluster = surroundings()
    del cluster.configured["leads.scored"]
    [found] = await check_replication(at)
    assert (found.level, "DescribeConfigs" in found.remedy) == (Level.WARN, True)


async def test_a_fault_that_several_topics_have_is_one_line() -> None:
    at, cluster = surroundings()
    for name in ("leads.created", "leads.scored"):
        cluster.described[name] = described(4, 1, 1)
        cluster.configured[name]["min.insync.replicas"] = "1"
    [found] = await check_replication(at)
    assert found.sentence.startswith("leads.created, leads.scored: one replica")
