"""`leadscore quality` on real Kafka: what it shows is a recount of the logs."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import pytest

from agents.lead_segments import MISSING
from agents.quality.quality_report import QualityReport
from monitoring.quality.cohorts import WEEK_MS, week_name
from monitoring.quality.counts import QualityCounts
from schemas.model_identity import ModelIdentity
from stream.broker import Broker
from testing.kafka_client import Record, TopicFactory, produce, until
from tests.integration.command_process import run_command
from tests.integration.outcome_process import (
    PARTITIONS,
    Play,
    begin_outcomes,
    outcome_stage,
    send,
    until_reported,
)
from tests.integration.worker_process import Stage
from tests.unit.agents.outcomes.joins import DAY, Totals

CANDIDATE = {"model_version": "4", "model_sha256": "cd" * 32}


@pytest.fixture
async def outcomes(kafka: Broker, topics: TopicFactory, tmp_path: Path) -> AsyncIterator[Stage]:
    stage = outcome_stage(kafka.bootstrap, topics.prefix, tmp_path)
    await stage.create_topics(PARTITIONS)
    yield stage
    stage.end()


async def quality(stage: Stage, *options: str) -> list[dict[str, Any]]:
    """Run the command to its end, and return its lines."""
    command = "quality", "--json", "--weeks", "52", *options
    result = await run_command(stage, *command, LEADSCORE_ROLE="score")
    assert result.code == 0, result.err
    return result.lines


def shown(lines: Iterable[dict[str, Any]]) -> Counter[tuple[str, str]]:
    """Return leads by week and kind, as the lines of weeks have them."""
    found: Counter[tuple[str, str]] = Counter()
    for line in lines:
        if line["kind"] == "week":
            found[line["week"], "positives"] += line["positives"]
            found[line["week"], "negatives"] += line["leads"] - line["positives"]
            found[line["week"], "unknown"] += line["unknown"]
    return +found


def by_week(totals: Totals) -> Counter[tuple[str, str]]:
    return Counter({(week_name(week), kind): n for (_, week, kind), n in totals.items()})


def old_report(stage: Stage) -> QualityReport:
    """Return a report that an earlier worker has sent, of a week that is long over."""
    week = 1_798_416_000_000 - 600 * WEEK_MS
    topic, model = stage.settings.leads_scored_shadow, ModelIdentity("leads", "0", "00" * 32)
    return QualityReport(week, topic, 1, model, week, QualityCounts())


@pytest.mark.long
async def test_weeks_segments_and_the_shadow_are_a_recount_of_the_logs(
    outcomes: Stage, tmp_path: Path
) -> None:
    settings = outcomes.settings
    plays = [Play(partition, 600) for partition in range(PARTITIONS)]
    old = old_report(outcomes)
    await produce(
        settings.kafka_bootstrap_servers,
        settings.leads_quality,
        [Record(old.encode(), key=old.key, partition=0)],
    )
    for play in plays:
        await send(outcomes, play.score_records(), play.outcome_records())
        behind = play.score_records(behind_ms=2 * DAY, **CANDIDATE)
        await produce(settings.kafka_bootstrap_servers, settings.leads_scored_shadow, behind)
    worker = begin_outcomes(outcomes, tmp_path / "stores")
    await worker.ready()
    await until_reported(outcomes, plays)

    lines = await quality(outcomes, "--segment", "country")
    expected = sum((play.expected() for play in plays), Counter())
    assert shown(lines) == by_week(expected)
    latest = lines[0]["latest_weeks"]
    countries = {line["segment"]: line for line in lines if line["kind"] == "segment"}
    assert set(countries) == {"NL", "DE", MISSING}
    for country, line in countries.items():
        name = "" if country == MISSING else country
        totals = by_week(sum((play.expected_of(name) for play in plays), Counter()))
        known = Counter(dict.fromkeys(("positives", "negatives"), 0))
        for (week, kind), leads in totals.items():
            if week in latest and kind != "unknown":
                known[kind] += leads
        assert line["positives"] == known["positives"] > 0
        assert line["leads"] == known.total()
        assert line["auc"]["low"] < line["auc"]["value"] < line["auc"]["high"]

    # A shadow that was two days behind has the outcomes of its leads.
    assert shown(await quality(outcomes, "--shadow")) == by_week(expected)

    async def is_removed() -> bool:
        values = {
            record.key: record.value for record in await outcomes.records(settings.leads_quality)
        }
        return values[old.key] is None

    await until(is_removed, within=30, what="a tombstone for the report of an old week")
    await worker.stop_cleanly()
