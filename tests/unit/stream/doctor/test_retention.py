"""Findings on retention, and on how far back a replay can go."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from stream.doctor.finding import Level
from stream.doctor.retention import check_replay_reach, check_retention
from testing.archives import archive_file, record_at
from tests.unit.stream.doctor.fake_cluster import described, surroundings

DAY_MS = 86_400_000


async def test_a_week_covers_an_outage_of_three_days() -> None:
    at, _ = surroundings()
    [found] = await check_retention(at)
    assert found.level is Level.OK
    assert "7 d" in found.sentence


async def test_a_day_does_not() -> None:
    at, cluster = surroundings()
    cluster.configured["leads.created"]["retention.ms"] = str(DAY_MS)
    [found] = await check_retention(at)
    assert found.level is Level.FAIL
    assert "LEADSCORE_LONGEST_OUTAGE_DAYS" in found.sentence
    assert str(3 * DAY_MS) in found.remedy


async def test_an_hour_is_an_hour() -> None:
    """It was shown as 0.0416667 d."""
    at, cluster = surroundings()
    cluster.configured["leads.created"]["retention.ms"] = "3600000"
    [found] = await check_retention(at)
    assert "keeps records for 1 h" in found.sentence


async def test_the_setting_decides() -> None:
    at, cluster = surroundings(longest_outage_days=0.5)
    cluster.configured["leads.created"]["retention.ms"] = str(DAY_MS)
    [found] = await check_retention(at)
    assert found.level is Level.OK


async def test_a_limit_in_bytes_is_a_warning_as_it_may_be_short() -> None:
    at, cluster = surroundings()
    cluster.configured["leads.created"]["retention.bytes"] = "1000000"
    [found] = await check_retention(at)
    assert found.level is Level.WARN


async def test_no_limit_is_enough() -> None:
    at, cluster = surroundings()
    cluster.configured["leads.created"]["retention.ms"] = "-1"
    [unlimited] = await check_retention(at)
    assert unlimited.level is Level.OK


async def test_configs_that_may_not_be_read_are_a_warning() -> None:
    at, cluster = surroundings()
    del cluster.configured["leads.created"]
    [found] = await check_retention(at)
    assert (found.level, "DescribeConfigs" in found.remedy) == (Level.WARN, True)


@pytest.mark.parametrize("policy", ["compact", "compact,delete"])
async def test_a_compacted_leads_topic_may_lose_unread_leads(policy: str) -> None:
    at, cluster = surroundings()
    cluster.configured["leads.created"]["cleanup.policy"] = policy
    [kept, compacted] = await check_retention(at)
    assert kept.level is Level.OK
    assert compacted.level is Level.WARN
    assert "cleanup.policy to delete" in compacted.remedy


@pytest.mark.parametrize(
    ("ledger", "letters", "needed"),
    [("7", "90", str(90 * DAY_MS)), ("90", "90", ""), ("-1", "90", ""), ("90", "-1", "to -1")],
)
async def test_a_ledger_that_forgets_before_the_letters_are_gone(
    ledger: str, letters: str, needed: str
) -> None:
    """Letters that it no longer knows would be sent twice."""
    at, cluster = surroundings()
    for name, days in (("leads.redrives", ledger), ("leads.created.dlq", letters)):
        kept = days if days == "-1" else str(int(days) * DAY_MS)
        cluster.configured[name]["retention.ms"] = kept
    warned = [found for found in await check_retention(at) if found.level is Level.WARN]
    assert [needed in found.remedy for found in warned] == [True] * bool(needed)


@pytest.mark.parametrize(("kept", "levels"), [(2.0, [Level.WARN]), (3.0, []), (None, [])])
async def test_commits_that_expire_within_an_outage_are_a_warning(
    kept: float | None, levels: list[Level]
) -> None:
    at, cluster = surroundings()
    cluster.commits_kept = None if kept is None else kept * 1440
    found = [one for one in await check_retention(at) if "commits" in one.sentence]
    assert [one.level for one in found] == levels
    assert all("offsets.retention.minutes to 4320" in one.remedy for one in found)


async def test_a_drift_worker_needs_the_partials() -> None:
    at, cluster = surroundings(role="drift")
    cluster.configured["leads.drift.partials"]["retention.ms"] = "1000"
    [found] = await check_retention(at)
    assert "leads.drift.partials" in found.sentence


async def test_the_oldest_lead_is_as_far_as_a_replay_goes() -> None:
    at, cluster = surroundings()
    cluster.oldest_ms = [None, int(time.time() * 1000) - 2 * DAY_MS, int(time.time() * 1000)]
    [found] = await check_replay_reach(at)
    assert (found.level, ", 2 d ago" in found.sentence) == (Level.OK, True)


async def test_an_empty_topic_has_nothing_to_replay() -> None:
    at, cluster = surroundings()
    cluster.oldest_ms = [None, None]
    [found] = await check_replay_reach(at)
    assert "nothing to replay" in found.sentence
    cluster.described["leads.created"] = described(None, 0, 0)
    assert await check_replay_reach(at) == []


async def test_an_archive_goes_further_back_than_the_topic(tmp_path: Path) -> None:
    archive_file(tmp_path, "leads.created", 0, [record_at(0), record_at(1)])
    at, _ = surroundings(archive=tmp_path)
    *_, found = await check_replay_reach(at)
    assert found.level is Level.OK
    assert "back to 1970-01-01T00:00:01Z" in found.sentence
    assert f"from the archive {tmp_path}" in found.sentence


async def test_an_archive_without_some_of_its_files_is_a_warning(tmp_path: Path) -> None:
    for offset in (0, 7):
        archive_file(tmp_path, "leads.created", 0, [record_at(offset)])
    at, _ = surroundings(archive=tmp_path)
    *_, found = await check_replay_reach(at)
    assert found.level is Level.WARN
    assert "6 offsets between its files are missing" in found.sentence


async def test_an_archive_that_is_not_there_is_a_warning(tmp_path: Path) -> None:
    at, _ = surroundings(archive=tmp_path)
    *_, found = await check_replay_reach(at)
    assert found.level is Level.WARN
    assert "expected an archive of leads.created" in found.sentence
