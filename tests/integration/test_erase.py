"""`leadscore erase` on real Kafka, and docs/privacy.md held against what is really kept."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiokafka import ConsumerRecord

from model.bundle import Bundle
from stream.broker import Broker
from stream.kafka.topic_catalog import TOPICS
from stream.process.lead_keys import keyed_hash
from stream.simulator.playing import Lead
from stream.sinks.sink import SinkBatch
from testing.archives import archive_file, record_at
from testing.kafka_client import Record, open_admin, produce, set_topic_config, until
from testing.sink_writer import LOG, record
from tests.integration.command_process import run_command
from tests.integration.replay_process import Replays
from tests.integration.secured_stage import SecuredStage
from tests.integration.worker_process import Stage
from tests.sink_conformance import opened, written
from tests.sql_stage import SqliteFile

LEADS = 300
PERSON = "person-4711@example.com"
BROKEN = "broken-4711@example.com"
SECRET = "a secret of sixteen"
PRIVACY = Path(__file__).parents[2] / "docs" / "privacy.md"
ROW = re.compile(
    r"^\| `(?P<topic>[^`]+)`[^|]*\|[^|]*\| (?P<has_id>yes|no|in a filter) \|", re.MULTILINE
)
"""A row of the page's table of topics: its name, and whether it has ids."""


async def run_erase(
    stage: Stage, *arguments: str, **environment: str
) -> tuple[int, list[dict[str, Any]], str]:
    """Run the command to its end; returns exit code, lines of JSON and standard error."""
    result = await run_command(stage, "erase", "--json", *arguments, **environment)
    assert PERSON not in result.out + result.err
    return result.code, result.lines, result.err


def has(text: str, record: ConsumerRecord) -> bool:
    parts = [record.key, record.value, *(value for _, value in record.headers)]
    return any(text.encode() in part for part in parts if part)


async def topics_with(stage: Stage, text: str) -> set[str]:
    """Return the topics of a stage with a record that has a text, by the names of the page."""
    async with open_admin(stage.settings.kafka_bootstrap_servers) as admin:
        listed = await admin.list_topics()
    found = set()
    for topic in listed:
        is_ours = topic.startswith((stage.settings.topic_prefix, stage.settings.group_id))
        if is_ours and any(has(text, record) for record in await stage.records(topic)):
            found.add(_declared(stage, topic))
    return found


def _declared(stage: Stage, topic: str) -> str:
    name = topic.removeprefix(stage.settings.topic_prefix)
    name = name.replace(stage.settings.group_id, "leadscore")
    return "leads.rescored.<replay id>" if name.startswith("leads.rescored.") else name


def page_says(*answers: str) -> set[str]:
    """Return the topics of which docs/privacy.md gives one of the answers about ids."""
    rows = ROW.findall(PRIVACY.read_text(encoding="utf-8"))
    return {topic for topic, has_id in rows if has_id in answers}


def last_values(records: Iterable[ConsumerRecord], key: str) -> dict[int, bytes | None]:
    """Return the value of the last record of a key, by partition."""
    return {r.partition: r.value for r in records if r.key == key.encode()}


@pytest.mark.long
async def test_topics_bundles_and_logs_hold_what_the_page_says_before_and_after_an_erasure(
    stage: Stage, kafka: Broker, contacts: list[Lead], bank_model: Bundle
) -> None:
    settings = stage.settings
    worker = await stage.start(
        LEADSCORE_ROLE="all", LEADSCORE_LOG_ID_KEY=SECRET, LEADSCORE_LOG_LEVEL="DEBUG"
    )
    leads = [contacts[0]._replace(lead_id=PERSON), *contacts[1:LEADS]]
    await stage.play(leads)
    broken = Record(b"no lead", BROKEN.encode(), partition=0)
    await produce(kafka.bootstrap, settings.leads_created, [broken])
    await stage.until_scored(LEADS)

    async def is_logged() -> bool:
        return worker.has_logged(keyed_hash(SECRET, BROKEN.encode()))

    await until(is_logged, what="the dead letter in the log")
    replayed = await Replays(stage).run(
        *("start", "--from", "beginning", "--id", "of-a-person", "--json"),
        *("--filter", f"lead_id={PERSON}"),
    )
    assert replayed.code == 0, replayed.err
    await worker.stop_cleanly()

    log = worker.log.read_text()
    assert not any(lead_id in log for lead_id in (PERSON, BROKEN, contacts[1].lead_id))
    folder = Path(bank_model.location).parents[1]
    assert not any(PERSON.encode() in f.read_bytes() for f in folder.rglob("*") if f.is_file())
    scored_or_filtered = {"leads.created", "leads.scored", "leads.rescored.<replay id>"}
    assert await topics_with(stage, PERSON) == scored_or_filtered | {"leads.replays"}
    # A filter does not leave out what it can't decode.
    dead = {"leads.created", "leads.created.dlq", "leads.rescored.<replay id>"}
    assert await topics_with(stage, BROKEN) == dead
    assert (scored_or_filtered | {"leads.created.dlq"}) <= page_says("yes")
    assert page_says("in a filter") == {"leads.replays"}
    declared = {_declared(stage, topic.name(settings)) for topic in TOPICS}
    assert page_says("yes", "no", "in a filter") == declared | {"leads.rescored.<replay id>"}

    await set_topic_config(kafka.bootstrap, settings.leads_scored, "cleanup.policy", "compact")
    code, dry, err = await run_erase(stage, PERSON, "--dry-run")
    assert (code, err) == (0, "")
    assert last_values(await stage.scored_records(), PERSON).popitem()[1] is not None
    code, lines, err = await run_erase(stage, PERSON, BROKEN, "--yes", LEADSCORE_LOG_ID_KEY=SECRET)
    assert (code, err) == (0, "")
    held = {(line["lead"], line["topic"]): line for line in lines if line["kind"] == "records"}
    assert {
        (lead, _declared(stage, topic)): line["fate"] for (lead, topic), line in held.items()
    } == {
        (1, "leads.created"): "ages_out",
        (1, "leads.scored"): "tombstone",
        (1, "leads.rescored.<replay id>"): "ages_out",
        (2, "leads.created"): "ages_out",
        (2, "leads.created.dlq"): "ages_out",
        (2, "leads.rescored.<replay id>"): "ages_out",
    }
    assert all(line["gone_by"] for line in held.values() if line["fate"] == "ages_out")
    assert held[1, settings.leads_created]["lead_hash"] == keyed_hash(SECRET, PERSON.encode())
    assert lines[-1]["tombstones"] == 2
    assert dry[-1]["tombstones"] == 2

    assert set(last_values(await stage.scored_records(), PERSON).values()) == {None}
    plans = await stage.records(settings.leads_replays)
    assert set(last_values(plans, "of-a-person").values()) == {None}
    code, again, _ = await run_erase(stage, PERSON, "--yes")
    assert (code, again[-1]["tombstones"]) == (0, 0)


@pytest.mark.long
async def test_a_topic_without_retention_stays_until_somebody_acts(
    stage: Stage, kafka: Broker, tmp_path: Path
) -> None:
    topic = stage.settings.leads_created
    await set_topic_config(kafka.bootstrap, topic, "retention.ms", "-1")
    await produce(kafka.bootstrap, topic, [Record(b"lead", PERSON.encode(), partition=2)])
    code, lines, _ = await run_erase(stage, PERSON, "--yes")
    assert code == 1
    [records] = [line for line in lines if line["kind"] == "records"]
    assert (records["fate"], records["gone_by"]) == ("stays", None)
    assert "retention.ms" in records["what_to_do"]
    archive_file(tmp_path, topic, 2, [replace(record_at(0, 2), key=PERSON.encode())])
    code, lines, _ = await run_erase(stage, PERSON, "--yes", LEADSCORE_ARCHIVE=str(tmp_path))
    assert code == 1
    [archived] = [line for line in lines if line["kind"] == "archive"]
    assert (archived["records"], archived["fate"]) == (1, "stays")
    code, lines, _ = await run_erase(stage, "nobody", "--yes", LEADSCORE_ARCHIVE=str(tmp_path))
    assert code == 0
    assert not [line for line in lines if line["kind"] == "records"]


async def test_rows_of_a_lead_in_a_sinks_database_are_deleted(stage: Stage, tmp_path: Path) -> None:
    database = SqliteFile(tmp_path / "scores.db")
    sink = await opened(database)
    await written(sink, SinkBatch(LOG, [replace(record(0), lead_id=PERSON), record(1)]))
    await sink.close()
    code, dry, err = await run_erase(stage, PERSON, "--sql", database.url, "--dry-run")
    assert (code, err) == (0, "")
    [held] = [line for line in dry if line["kind"] == "database"]
    assert (held["table"], held["rows"], held["lead"]) == ("lead_scores", 1, 1)
    of_sink = {"LEADSCORE_SINK": "sql", "LEADSCORE_SINK_TO": database.url}
    code, lines, err = await run_erase(stage, PERSON, "--yes", **of_sink)
    assert (code, err, lines[-1]["rows"]) == (0, "", 1)
    assert [row.lead_id for row in await database.rows()] == ["lead-1"]


@pytest.mark.long
async def test_erase_needs_no_more_rights_than_are_printed(secured: SecuredStage) -> None:
    stage, topic = secured.as_user(), secured.settings.leads_created
    code, _, err = await run_erase(stage, PERSON)
    assert code == 3
    assert "`leadscore acls --role erase`" in err
    await produce(secured.broker.bootstrap, topic, [Record(b"lead", PERSON.encode(), partition=0)])
    await secured.grant(secured.printed("erase"))
    found: list[dict[str, Any]] = []

    async def is_allowed() -> bool:
        code, found[:], _ = await run_erase(stage, PERSON)
        return code == 1

    await until(is_allowed, within=60, what="an erasure with the printed rights")
    [records] = [line for line in found if line["kind"] == "records"]
    assert records["fate"] == "unknown"
    assert "DescribeConfigs" in records["what_to_do"]
