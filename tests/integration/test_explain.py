"""`leadscore explain` on real Kafka: the score of a worker, computed again to the bit."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiokafka import TopicPartition
from aiokafka.admin.records_to_delete import RecordsToDelete
from click.testing import CliRunner

from model.bundle import Bundle
from schemas.encode import encode_lead
from schemas.wire import WireFormat
from stream.broker import Broker
from stream.cli.explain import explain
from stream.simulator.playing import Lead
from testing.kafka_client import Record, open_admin, produce, read_ends, until
from tests.integration.secured_stage import SecuredStage
from tests.integration.worker_process import CONTACT, Stage, event_of

LEADS = 60


async def run_explain(stage: Stage, *arguments: str) -> tuple[int, Any, str]:
    """Run the command, which only reads, in this process; returns code, lines, standard error."""
    done = await asyncio.to_thread(
        CliRunner().invoke,
        explain,
        ["--json", *arguments],
        env=stage.environment,
        catch_exceptions=False,
    )
    return done.exit_code, [orjson.loads(line) for line in done.stdout.splitlines()], done.stderr


@pytest.mark.long
async def test_a_worker_s_scores_are_explained_by_id_by_place_and_over_time(
    stage: Stage, kafka: Broker, contacts: list[Lead]
) -> None:
    worker = await stage.start()
    await stage.until_committed(await stage.play(contacts[:LEADS]))
    lead = contacts[7]
    changed = dict(lead.fields) | {
        "age": 99,
        "lead_id": lead.lead_id,
        "created_at": lead.created_at,
    }
    value = encode_lead(changed, CONTACT, WireFormat.AVRO)
    topic = stage.settings.leads_created
    await produce(kafka.bootstrap, topic, [Record(value, lead.lead_id.encode(), partition=1)])
    broken = [Record(b"no lead", b"broken", partition=0)]
    await produce(kafka.bootstrap, topic, broken)
    await stage.until_scored(LEADS + 1)
    await worker.stop_cleanly()
    async with open_admin(kafka.bootstrap) as admin:
        groups = {name for name, _ in await admin.list_consumer_groups()}

    events = [event_of(record.value) for record in await stage.scored_records()]
    [first, second] = sorted(
        (event for event in events if event["lead_id"] == lead.lead_id),
        key=lambda event: event["scored_at"],
    )
    code, [line], err = await run_explain(stage, lead.lead_id)
    assert (code, err) == (0, "")
    assert line["event_id"] in (first["event_id"], second["event_id"])
    assert line["is_reproduced"]
    assert all(field["shapley"] is not None for field in line["fields"])

    source = first["source"]
    place = f"{topic}/{source['partition']}/{source['offset']}"
    code, [line], err = await run_explain(stage, place)
    assert (code, err) == (0, "")
    assert (line["event_id"], line["source"]) == (first["event_id"], place)

    code, found, err = await run_explain(stage, lead.lead_id, "--history")
    assert (code, err) == (0, "")
    assert [each["kind"] for each in found] == ["score", "change", "score"]
    assert [each["event_id"] for each in found[::2]] == [first["event_id"], second["event_id"]]
    parts = found[1]["parts"]
    assert [part["field"] for part in parts if part["cause"] == "lead"] == ["age"]
    assert sum(part["log_odds"] for part in parts) == found[1]["log_odds"]

    code, found, err = await run_explain(stage, "broken")
    assert (code, found) == (6, [])
    assert "leadscore dlq show 0/" in err
    code, found, err = await run_explain(stage, "nobody")
    assert (code, found) == (5, [])
    async with open_admin(kafka.bootstrap) as admin:
        assert {name for name, _ in await admin.list_consumer_groups()} <= groups


async def test_a_lead_that_waits_and_a_lead_that_retention_removed(
    stage: Stage, kafka: Broker, contacts: list[Lead]
) -> None:
    await stage.play(contacts[:50])
    code, found, err = await run_explain(stage, contacts[7].lead_id)
    assert (code, found) == (8, [])
    assert "`leadscore lag`" in err
    worker = await stage.start()
    await stage.until_scored(50)
    await worker.stop_cleanly()
    topic = stage.settings.leads_created
    ends = await read_ends(kafka.bootstrap, topic)
    async with open_admin(kafka.bootstrap) as admin:
        await admin.delete_records(
            {TopicPartition(topic, n): RecordsToDelete(end) for n, end in ends.items() if end}
        )
    code, [line], err = await run_explain(stage, contacts[7].lead_id)
    assert code == 7
    assert "retention has removed it" in err
    assert line["is_expired"]
    assert line["reasons"]


async def test_a_model_that_is_not_in_the_registry_is_named(
    stage: Stage, contacts: list[Lead], bank_model: Bundle, tmp_path: Path
) -> None:
    worker = await stage.start()
    await stage.play(contacts[:5])
    await stage.until_scored(5)
    await worker.stop_cleanly()
    code, found, err = await run_explain(
        stage, contacts[0].lead_id, "--registry", str(tmp_path / "empty")
    )
    assert (code, found) == (2, [])
    assert bank_model.sha256 in err


@pytest.mark.long
async def test_explain_needs_no_more_rights_than_are_printed(secured: SecuredStage) -> None:
    stage = secured.as_user()
    code, _, err = await run_explain(stage, "nobody")
    assert code == 3
    assert "`leadscore acls --role explain`" in err
    await secured.grant(secured.printed("explain"))

    async def is_allowed() -> bool:
        return (await run_explain(stage, "nobody"))[0] == 5

    await until(is_allowed, within=60, what="a search with the printed rights")
