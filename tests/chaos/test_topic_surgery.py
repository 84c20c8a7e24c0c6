"""The source topic under the knife: partitions, gaps, cuts, large records, other schemas."""

from __future__ import annotations

import asyncio
import copy
import json
import signal
from collections.abc import Mapping
from random import Random
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import NewPartitions, NewTopic, RecordsToDelete

from model.bundle import Bundle
from schemas.encode import encode_lead
from schemas.errors import ErrorCode
from schemas.store import parse_schema
from schemas.wire import WireFormat
from stream.broker import Broker
from stream.simulator.events import EventMaker
from stream.simulator.playing import Event, Lead
from testing.kafka_client import (
    Record,
    TopicFactory,
    open_admin,
    produce,
    read_ends,
    set_topic_config,
    until,
)
from tests.chaos.audit import audit, outcomes, second_audit, sources_of, until_done
from tests.chaos.conftest import OpenStage
from tests.chaos.crew import crew_of
from tests.chaos.deleted_topics import begins_after
from tests.integration.traffic import over_and_over, streaming
from tests.integration.worker_process import CONTACT, PARTITIONS, Stage

MORE = PARTITIONS + 2
"""Partitions, after some were added."""


def some(contacts: list[Lead], count: int) -> list[Lead]:
    leads = over_and_over(contacts)
    return [next(leads) for _ in range(count)]


async def add_partitions(stage: Stage, *topics: str) -> None:
    async with open_admin(stage.settings.kafka_bootstrap_servers) as admin:
        await admin.create_partitions({topic: NewPartitions(MORE) for topic in topics})


def on_all(leads: list[Lead], partitions: int = MORE) -> list[Record]:
    """Leads, evenly on all partitions."""
    as_event = EventMaker(CONTACT, WireFormat.AVRO)
    events = [as_event(lead) for lead in leads]
    return [
        Record(event.value, event.key, event.headers, partition=i % partitions)
        for i, event in enumerate(events)
    ]


@pytest.mark.long
async def test_partitions_added_to_all_topics_are_consumed(
    kafka: Broker,
    open_stage: OpenStage,
    contacts: list[Lead],
    bank_model: Bundle,
    seed: int,
) -> None:
    """The outputs first: then no lead waits for them."""
    stage = await open_stage(LEADSCORE_METADATA_MAX_AGE_MS="1000")
    settings = stage.settings
    async with crew_of(stage) as crew, streaming(stage, contacts, seed) as traffic:
        await crew.join()
        await crew.join()
        await stage.until_scored(1000)
        await add_partitions(stage, settings.leads_scored, settings.leads_created_dlq)
        await add_partitions(stage, settings.leads_created)
        await produce(kafka.bootstrap, settings.leads_created, on_all(some(contacts, 600)))
        await crew.back()
        await traffic.end()
        assert await audit(stage, bank_model) == 0
        assert {partition for partition, _ in (await outcomes(stage)).scored} == set(range(MORE))
        assert crew.ends == []


@pytest.mark.thorough
@pytest.mark.timeout(600)
async def test_partitions_added_to_the_source_alone_are_an_error_that_says_what_to_do(
    kafka: Broker,
    open_stage: OpenStage,
    contacts: list[Lead],
    bank_model: Bundle,
    seed: int,
) -> None:
    stage = await open_stage(LEADSCORE_METADATA_MAX_AGE_MS="1000")
    settings = stage.settings
    async with crew_of(stage) as crew, streaming(stage, contacts, seed) as traffic:
        await crew.join()
        await stage.until_scored(1000)
        await add_partitions(stage, settings.leads_created)
        await produce(kafka.bootstrap, settings.leads_created, on_all(some(contacts, 600)))

        def is_said() -> bool:
            return any(code == 3 for code, _ in crew.ends)

        await until(is_said, within=90, what="a worker that refuses to start")
        running, starting = crew.ends[0], crew.ends[-1]
        assert running[0] == 1
        assert "add partitions to it" in running[1]
        assert f"expected the topic {settings.leads_scored} to have {MORE}" in starting[1]
        await add_partitions(stage, settings.leads_scored, settings.leads_created_dlq)
        await crew.back()
        await traffic.end()
        await audit(stage, bank_model)


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_transactions_and_compaction_leave_gaps(
    kafka: Broker,
    topics: TopicFactory,
    open_stage: OpenStage,
    contacts: list[Lead],
    bank_model: Bundle,
    chance: Random,
) -> None:
    """Aborted leads get no score; a block with gaps is counted right by whoever takes it over."""
    await topics.create(
        "leads.created",
        PARTITIONS,
        {
            "cleanup.policy": "compact",
            "segment.ms": "200",
            "min.cleanable.dirty.ratio": "0.0",
            "delete.retention.ms": "0",
        },
    )
    stage = await open_stage(
        LEADSCORE_ISOLATION_LEVEL="read_committed",
        LEADSCORE_COMMIT_INTERVAL_SECONDS="0.2",
    )
    settings = stage.settings
    source = settings.leads_created
    # Each key several times, in several segments: only the last ones stay.
    for turn in range(4):
        leads = some(contacts, 500)
        await produce(kafka.bootstrap, source, on_all(leads, PARTITIONS))
        await asyncio.sleep(0.3 + 0.1 * turn)

    async def has_gaps() -> bool:
        await produce(kafka.bootstrap, source, on_all(some(contacts, 4), PARTITIONS))
        return len(await sources_of(stage)) < 1900

    await until(has_gaps, within=60, what="a compacted log")
    # What is removed once it was counted can't be counted again by the audit.
    await set_topic_config(kafka.bootstrap, source, "cleanup.policy", "delete")
    async with crew_of(stage) as crew:
        await crew.join()
        aborted = 0
        async with AIOKafkaProducer(
            bootstrap_servers=kafka.bootstrap, transactional_id=settings.group_id
        ) as producer:
            for turn in range(40):
                await producer.begin_transaction()
                for i, lead in enumerate(some(contacts, chance.randrange(1, 60))):
                    event = EventMaker(CONTACT)(lead._replace(lead_id=f"{turn}/{i}"))
                    to = chance.randrange(PARTITIONS)
                    await producer.send(source, event.value, key=event.key, partition=to)
                if chance.random() < 0.4:
                    await producer.abort_transaction()
                    aborted += 1
                else:
                    await producer.commit_transaction()
                if turn in (15, 30):
                    crew.members[0].process.send(signal.SIGKILL)
        assert aborted
        await crew.back()
        await audit(stage, bank_model)


async def cut(stage: Stage, before: Mapping[int, int]) -> None:
    source = stage.settings.leads_created
    async with open_admin(stage.settings.kafka_bootstrap_servers) as admin:
        await admin.delete_records(
            {
                TopicPartition(source, number): RecordsToDelete(before_offset=offset)
                for number, offset in before.items()
            }
        )


@pytest.mark.thorough
@pytest.mark.timeout(600)
async def test_a_log_cut_above_what_is_committed_is_read_from_where_it_begins(
    stage: Stage, contacts: list[Lead], bank_model: Bundle
) -> None:
    """Leads removed by retention are lost; all others are scored."""
    bootstrap, source = stage.settings.kafka_bootstrap_servers, stage.settings.leads_created
    async with crew_of(stage) as crew:
        member = await crew.join()
        await produce(bootstrap, source, on_all(some(contacts, 2000), PARTITIONS))
        await crew.back()
        await crew.kill(member)
        await produce(bootstrap, source, on_all(some(contacts, 2000), PARTITIONS))
        await cut(stage, dict.fromkeys(range(PARTITIONS), 700))
        member = await crew.join()
        await produce(bootstrap, source, on_all(some(contacts, 2000), PARTITIONS))
        await until_done(stage, 60)
        left = await sources_of(stage)
        assert min(offset for _, offset in left) == 700
        [member] = crew.members
        assert await member.process.metric("leadscore_lost_records_total") == PARTITIONS * 200
        _, detail = await member.process.answer("/readyz")
        found = {loss["partition"]: (loss["from"], loss["to"]) for loss in detail["losses"]}
        assert found == dict.fromkeys(range(PARTITIONS), (500, 699))
        lines = [line for line in member.process.errors() if "loss" in line]
        assert len(lines) == PARTITIONS
        assert left <= (await outcomes(stage)).scored.keys()
        account = await second_audit(stage, bank_model)
        assert account.totals.leads == account.totals.scored == len(left)
        assert crew.ends == []


@pytest.mark.thorough
@pytest.mark.timeout(600)
@pytest.mark.parametrize("is_running", [True, False], ids=["running", "stopped"])
async def test_a_topic_that_was_deleted_and_created_again_is_read_from_its_beginning(
    kafka: Broker,
    open_stage: OpenStage,
    contacts: list[Lead],
    bank_model: Bundle,
    is_running: bool,
) -> None:
    """Its log is shorter than what was committed."""
    stage = await open_stage(LEADSCORE_METADATA_MAX_AGE_MS="1000")
    source = stage.settings.leads_created
    async with crew_of(stage) as crew:
        member = await crew.join()
        await produce(kafka.bootstrap, source, on_all(some(contacts, 2000), PARTITIONS))
        await crew.back()
        begins = await begins_after(stage, source)
        if not is_running:
            await crew.kill(member)
        async with open_admin(kafka.bootstrap) as admin:
            await admin.delete_topics([source])

            async def is_gone() -> bool:
                return source not in await admin.list_topics()

            await until(is_gone)

        async def is_noticed() -> bool:
            if is_running:
                return await member.process.metric("leadscore_assigned_partitions") == 0
            return await stage.committed() == {}  # Kafka deletes them a moment later

        await until(is_noticed, what="the topic's end noticed")
        await stage.create_topics()
        leads = [lead._replace(lead_id=f"anew-{lead.lead_id}") for lead in some(contacts, 800)]
        anew = on_all(leads, PARTITIONS)
        await produce(kafka.bootstrap, source, anew)
        if not is_running:
            member = await crew.join()
        await until_done(stage, 90)
        keys = {record.key for record in await stage.scored_records()}
        assert {record.key for record in anew} <= keys
        [member] = crew.members

        async def is_reported() -> bool:
            return await member.process.metric("leadscore_losses_total") >= 1

        await until(is_reported, what="the re-created log reported as a loss")
        account = await second_audit(stage, bank_model, begins=begins, partials=None)
        assert account.totals.scored == len(anew)


@pytest.mark.thorough
@pytest.mark.timeout(600)
@pytest.mark.parametrize("largest", ["262144", "1000000"])
async def test_records_of_900_kb_are_scored_or_dead_and_others_are_unaffected(
    kafka: Broker,
    open_stage: OpenStage,
    contacts: list[Lead],
    bank_model: Bundle,
    largest: str,
    chance: Random,
) -> None:
    """In the value, in the key and in headers, among leads of the usual size."""
    stage = await open_stage(LEADSCORE_MAX_EVENT_BYTES=largest)
    leads, as_event, large = some(contacts, 400), EventMaker(CONTACT), 900_000
    records = []
    for i, lead in enumerate(leads):
        if i % 20 == 3:
            lead = lead._replace(fields={**lead.fields, "job": "j" * large})
        event = as_event(lead)
        key, headers = event.key, list(event.headers)
        if i % 20 == 7:
            key = b"k" * large
        if i % 20 == 11:
            headers = [("traceparent", b"t" * large)]
        if i % 20 == 15:
            headers = [("other", b"o" * large)]
        to = chance.randrange(PARTITIONS)
        records.append(Record(event.value, key, headers, partition=to))
    async with crew_of(stage) as crew:
        await crew.join()
        await produce(kafka.bootstrap, stage.settings.leads_created, records)
        await crew.back()
        await audit(stage, bank_model)
        assert crew.ends == []


@pytest.mark.thorough
@pytest.mark.timeout(600)
async def test_an_output_topic_that_comes_back_with_one_partition_is_waited_for(
    kafka: Broker, open_stage: OpenStage, contacts: list[Lead], bank_model: Bundle
) -> None:
    """As a broker makes it again by its default, when a client asks for it."""
    stage = await open_stage(LEADSCORE_METADATA_MAX_AGE_MS="1000")
    settings = stage.settings
    async with crew_of(stage) as crew:
        await crew.join()
        await produce(
            kafka.bootstrap, settings.leads_created, on_all(some(contacts, 400), PARTITIONS)
        )
        await crew.back()
        begins = await begins_after(stage, settings.leads_scored)
        async with open_admin(kafka.bootstrap) as admin:
            await admin.delete_topics([settings.leads_scored])

            async def is_gone() -> bool:
                return settings.leads_scored not in await admin.list_topics()

            await until(is_gone)
            await admin.create_topics([NewTopic(settings.leads_scored, 1, 1)])
            leads = [lead._replace(lead_id=f"anew-{lead.lead_id}") for lead in some(contacts, 400)]
            anew = on_all(leads, PARTITIONS)
            await produce(kafka.bootstrap, settings.leads_created, anew)

            async def is_waited_for() -> bool:
                """Leads of the partition that is there are scored, and others are in flight."""
                ends = await read_ends(kafka.bootstrap, settings.leads_scored)
                [member] = crew.members
                in_flight = await member.process.metric("leadscore_in_flight_bytes")
                return ends.get(0, 0) >= len(anew) // PARTITIONS and in_flight > 0

            await until(is_waited_for, within=20, what="a worker that waits for partitions")
            await admin.create_partitions({settings.leads_scored: NewPartitions(PARTITIONS)})
        await crew.back(within=60)
        keys = {record.key for record in await stage.scored_records()}
        assert {record.key for record in anew} <= keys
        account = await second_audit(stage, bank_model, begins=begins, partials=None)
        assert account.totals.scored == len(anew)
        assert crew.ends == []


def with_another_field(avro: Any) -> Any:
    """The next version of a contract: a field more, and all of them in another order."""
    changed = copy.deepcopy(avro)
    changed["fields"] = [
        {"name": "region", "type": ["null", "string"], "default": None},
        *reversed(changed["fields"]),
    ]
    return changed


@pytest.mark.long
async def test_a_schema_that_changes_in_mid_stream_loses_no_lead(
    kafka: Broker,
    open_stage: OpenStage,
    contacts: list[Lead],
    bank_model: Bundle,
    tmp_path: Any,
    chance: Random,
) -> None:
    """Old and new writers send side by side for a while, and some send JSON."""
    folder = tmp_path / "schemas"
    folder.mkdir()
    next_version = with_another_field(CONTACT.avro)
    (folder / "bank_contact_next.avsc").write_text(json.dumps(next_version))
    unknown = parse_schema({**next_version, "name": "nobody_knows"})
    stage = await open_stage(LEADSCORE_SCHEMA_DIR=str(folder))
    old, new = EventMaker(CONTACT), EventMaker(parse_schema(next_version))
    as_json = EventMaker(CONTACT, WireFormat.JSON)

    def event_of(lead: Lead) -> Event:
        if chance.random() < 0.01:
            record = {"lead_id": lead.lead_id, "created_at": lead.created_at, **lead.fields}
            value = encode_lead(record, unknown, WireFormat.AVRO)
            return Event(lead.lead_id.encode(), value, [], "unknown", ErrorCode.SCHEMA)
        return chance.choice([old, new, as_json])(lead)

    async with crew_of(stage) as crew:
        await crew.join()
        played = await stage.play(some(contacts, 6000), rate=3000, as_event=event_of)
        await crew.back()
        assert await audit(stage, bank_model, played) == 0
        assert played.delivered["unknown"]
        assert crew.ends == []
