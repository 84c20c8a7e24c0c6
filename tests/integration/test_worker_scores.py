"""A worker on real Kafka: each contact comes out scored, or as a dead letter that says why."""

from __future__ import annotations

import asyncio
import gzip
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaProducer, ConsumerRecord

from model.bundle import Bundle
from schemas.errors import ErrorCode
from schemas.headers import EventIds
from schemas.wire import WireFormat
from stream.broker import Broker
from stream.simulator.events import EventMaker
from stream.simulator.playing import Event, Lead
from stream.simulator.run import partition_of
from testing.kafka_client import TopicFactory, set_topic_config
from tests.conftest import CONTACTS, StageSetter
from tests.integration.worker_process import CONTACT, PARTITIONS, Stage, event_of, headers_of

MANY = 50_000
BAD_SHARE = 0.01


@pytest.fixture(scope="module")
def many_contacts(contacts: list[Lead]) -> list[Lead]:
    """All contacts, then the first of them again under other ids."""
    again = contacts[: MANY - len(contacts)]
    return contacts + [lead._replace(lead_id=f"again-{lead.lead_id}") for lead in again]


@pytest.fixture(scope="module")
def many_contacts_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The many contacts as a CSV file."""
    with gzip.open(CONTACTS, "rt") as contacts:
        header, *rows = contacts
    path = tmp_path_factory.mktemp("contacts") / "contacts.csv"
    again = [f"again-{row}" for row in rows[: MANY - len(rows)]]
    path.write_text(header + "".join(rows + again))
    return path


async def leadscore_score(path: Path, model: Bundle) -> dict[str, dict[str, Any]]:
    """Scores of a file by `leadscore score`, by lead."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "stream", "score", str(path), "--model", model.location),
        *("--format", "jsonl"),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0
    rows = [orjson.loads(line) for line in out.splitlines()]
    return {row.pop("lead_id"): row for row in rows}


class Crm:
    """Makes events whose headers differ from lead to lead, and remembers them."""

    def __init__(self) -> None:
        self.sent: dict[str, dict[str, bytes]] = {}
        self._as_event = EventMaker(CONTACT, WireFormat.AVRO)

    def __call__(self, lead: Lead) -> Event:
        event = self._as_event(lead)
        match len(self.sent) % 5:
            case 0:
                event = event._replace(headers=[])
            case 1:
                event = event._replace(
                    headers=[*event.headers[2:], ("TraceState", b"crm=1"), ("other", b"1")]
                )
            case 2:
                event = event._replace(headers=[("Correlation_Id", lead.lead_id.encode())])
        self.sent[lead.lead_id] = dict(event.headers)
        return event


async def test_fifty_thousand_contacts_come_out_in_order_with_the_scores_of_the_offline_run(
    stage: Stage, many_contacts: list[Lead], many_contacts_file: Path, bank_model: Bundle
) -> None:
    crm = Crm()
    worker = await stage.start()
    played = await stage.play(many_contacts, as_event=crm)
    await stage.until_committed(played)
    await worker.stop_cleanly()

    records = await stage.scored_records()
    events = [event_of(record.value) for record in records]
    assert await stage.dead_records() == []
    # All of them once, each partition in its source's order.
    for partition in range(PARTITIONS):
        of_partition = [
            (event["source"]["partition"], event["source"]["offset"])
            for record, event in zip(records, events, strict=True)
            if record.partition == partition
        ]
        [run] = played.offsets[partition]
        assert of_partition == [(partition, offset) for offset in run]
    expected = await leadscore_score(many_contacts_file, bank_model)
    assert len(expected) == MANY
    by_lead = {event["lead_id"]: event for event in events}
    assert by_lead.keys() == expected.keys()
    different = [
        lead_id
        for lead_id, row in expected.items()
        if row != {name: by_lead[lead_id][name] for name in row}
    ]
    assert different == []
    assert len({event["score"] for event in events}) > 1000
    ids = EventIds(stage.settings.leads_created, bank_model.sha256)
    for record, event in zip(records, events, strict=True):
        _check_envelope(record, event, stage, ids, crm.sent[event["lead_id"]])


def _check_envelope(
    record: ConsumerRecord,
    event: dict[str, Any],
    stage: Stage,
    ids: EventIds,
    sent: dict[str, bytes],
) -> None:
    """Key, partition and headers of a scored event, by what the lead was sent with."""
    source, headers = event["source"], headers_of(record)
    assert record.key == event["lead_id"].encode()
    assert record.partition == partition_of(record.key, PARTITIONS)
    assert [event["event_id"].encode()] == ids.of([source["partition"]], [source["offset"]])
    request_id = sent.get("x-request-id") or sent.get("Correlation_Id")
    assert event["request_id"] == (request_id.decode() if request_id else event["event_id"])
    expected = {
        "ce_specversion": b"1.0",
        "ce_id": event["event_id"].encode(),
        "ce_type": b"leadscore.lead.scored.v1",
        "ce_source": f"/leadscore/{stage.settings.leads_created}".encode(),
        "ce_time": headers["ce_time"],
        "content-type": b"application/avro",
        "x-request-id": event["request_id"].encode(),
    }
    if "traceparent" in sent:
        expected["traceparent"] = sent["traceparent"]
    if "TraceState" in sent:
        expected["tracestate"] = b"crm=1"
    assert headers == expected
    assert re.fullmatch(rb"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", headers["ce_time"])


async def test_a_poison_mix_is_accounted_for_to_the_last_record(
    stage: Stage, contacts: list[Lead]
) -> None:
    worker = await stage.start(LEADSCORE_LOW_COVERAGE="refuse")
    as_event = EventMaker(CONTACT, WireFormat.AVRO, bad_share=BAD_SHARE, seed=3)
    played = await stage.play(contacts[:15_000], as_event=as_event)
    await stage.until_committed(played)

    await worker.stop_cleanly()

    account = await stage.account()
    assert account.faults(played, refuse_few_fields=True) == []
    assert account.repeats == 0
    assert 100 < len(played.broken) < 200
    assert len({event.kind for event in played.broken}) >= 8
    assert account.codes.keys() == {*ErrorCode} - {
        ErrorCode.ATTEMPTS,
        ErrorCode.INCOMPATIBLE,
        ErrorCode.OUTPUT_TOO_LARGE,
        ErrorCode.PROTOBUF,
        ErrorCode.SCHEMA_ID,
        ErrorCode.SINK_REFUSED,
        ErrorCode.TIME,
        ErrorCode.UNREADABLE,
    }
    settings = stage.settings
    source = {
        (record.partition, record.offset): record
        for record in await stage.records(settings.leads_created)
    }
    for letter in await stage.dead_records():
        headers = headers_of(letter)
        at = letter.partition, int(headers["__connect.errors.offset"])
        sent = source[at]
        assert (letter.key, letter.value) == (sent.key, sent.value)
        assert letter.headers[: len(sent.headers)] == sent.headers
        reasons = dict(letter.headers[len(sent.headers) :])
        message = reasons.pop("__connect.errors.exception.message").decode()
        assert len(message) > 20
        assert reasons.pop("leadscore.schema") in (b"leadscore.v1.bank_contact", b"unknown")
        assert reasons == {
            "__connect.errors.topic": settings.leads_created.encode(),
            "__connect.errors.partition": b"%d" % letter.partition,
            "__connect.errors.offset": b"%d" % at[1],
            "leadscore.source.timestamp": b"%d" % sent.timestamp,
            "__connect.errors.exception.class.name": b"InvalidEventError",
            "leadscore.error.code": account.dead[at].encode(),
            "leadscore.attempt": b"1",
        }


async def test_leads_of_an_aborted_transaction_are_not_scored(
    stage: Stage, contacts: list[Lead]
) -> None:
    """As a re-drive leaves them that is killed; with the default settings."""
    await stage.start()
    as_event = EventMaker(CONTACT, WireFormat.AVRO)
    source = stage.settings.leads_created
    async with AIOKafkaProducer(
        bootstrap_servers=stage.settings.kafka_bootstrap_servers, transactional_id=source
    ) as producer:
        for lead, ends_by in zip(contacts[:2], ("abort", "commit"), strict=True):
            await producer.begin_transaction()
            event = as_event(lead)
            await producer.send_and_wait(source, event.value, event.key, partition=0)
            await getattr(producer, f"{ends_by}_transaction")()
    played = await stage.play(contacts[2:20])
    await stage.until_committed(played)
    await stage.until_scored(19)
    scored = [event_of(record.value)["lead_id"] for record in await stage.scored_records()]
    assert sorted(scored) == sorted(lead.lead_id for lead in contacts[1:20])
    assert await stage.dead_records() == []


async def test_too_few_fields_are_flagged_where_they_are_not_refused(
    stage: Stage, contacts: list[Lead]
) -> None:
    await stage.start()
    bare = [lead._replace(fields=dict.fromkeys(lead.fields)) for lead in contacts[:10]]
    played = await stage.play([*contacts[10:20], *bare])
    await stage.until_committed(played)
    low = {
        event["lead_id"]: event["low_coverage"]
        for event in (event_of(record.value) for record in await stage.scored_records())
    }
    assert low == {lead.lead_id: at < 10 for at, lead in enumerate(contacts[:20])}


async def test_leads_created_in_seconds_are_dead_letters(
    stage: Stage, contacts: list[Lead]
) -> None:
    await stage.start()
    in_seconds = [lead._replace(created_at=lead.created_at // 1000) for lead in contacts[:10]]
    played = await stage.play([*in_seconds, *contacts[10:20]])
    await stage.until_committed(played)
    dead = await stage.dead_records()
    assert {record.key.decode() for record in dead} == {lead.lead_id for lead in in_seconds}
    assert {headers_of(record)["leadscore.error.code"] for record in dead} == {b"TIME"}
    scored = {event_of(record.value)["lead_id"] for record in await stage.scored_records()}
    assert scored == {lead.lead_id for lead in contacts[10:20]}


async def test_leads_in_json_become_events_in_json(
    stage: Stage, contacts: list[Lead], bank_model: Bundle
) -> None:
    await stage.start(LEADSCORE_OUTPUT_FORMAT="json")
    as_avro, as_json = (EventMaker(CONTACT, wire) for wire in (WireFormat.AVRO, WireFormat.JSON))
    twins = [lead._replace(lead_id=f"{lead.lead_id}-json") for lead in contacts[:200]]

    def as_event(lead: Lead) -> Event:
        return (as_json if lead.lead_id.endswith("-json") else as_avro)(lead)

    played = await stage.play([*contacts[:200], *twins], as_event=as_event)
    await stage.until_committed(played)
    records = await stage.scored_records()
    assert {headers_of(record)["content-type"] for record in records} == {b"application/json"}
    events = {event["lead_id"]: event for event in (orjson.loads(r.value) for r in records)}
    assert len(events) == len(records) == 400
    of_score = ("score", "category", "label", "confidence", "reasons", "created_at")
    for lead in contacts[:200]:
        by_avro, by_json = events[lead.lead_id], events[f"{lead.lead_id}-json"]
        assert {name: by_avro[name] for name in of_score} == {
            name: by_json[name] for name in of_score
        }
        assert by_json["model_sha256"] == bank_model.sha256
        assert by_json["schema_version"] == "v1"


LONG_ID = "x" * 4000
LIMIT = 4000


async def _check_too_large(stage: Stage, leads: list[Lead], long_ids: set[str]) -> None:
    dead = await stage.dead_records()
    assert {record.key.decode() for record in dead} == long_ids
    assert {headers_of(record)["leadscore.error.code"] for record in dead} == {b"OUTPUT_TOO_LARGE"}
    scored = Counter(record.key.decode() for record in await stage.scored_records())
    assert scored == Counter(lead.lead_id for lead in leads if lead.lead_id not in long_ids)


def _some_long(leads: list[Lead], name: str) -> list[Lead]:
    """Every hundredth lead with an id that makes its scored event long."""
    return [
        lead._replace(lead_id=f"{name}{at}{LONG_ID}") if at % 100 == 50 else lead
        for at, lead in enumerate(leads)
    ]


async def test_a_scored_event_that_its_topic_does_not_take_is_a_dead_letter(
    set_stage: StageSetter, topics: TopicFactory, contacts: list[Lead]
) -> None:
    stage = set_stage(topics.bootstrap, LEADSCORE_TOPIC_PREFIX=topics.prefix)
    await topics.create("leads.scored", PARTITIONS, {"max.message.bytes": str(LIMIT)})
    await stage.create_topics()
    worker = await stage.start()
    leads = _some_long(contacts[:2000], "a")
    await stage.until_committed(await stage.play(leads))
    await _check_too_large(stage, leads, {x.lead_id for x in leads if len(x.lead_id) > LIMIT})
    await worker.stop_cleanly()


@pytest.mark.long
async def test_a_limit_that_is_lowered_while_the_worker_runs_costs_only_what_is_too_large(
    stage: Stage, contacts: list[Lead]
) -> None:
    worker = await stage.start()
    before = _some_long(contacts[:1000], "before")
    await stage.until_committed(await stage.play(before))
    settings = stage.settings
    await set_topic_config(
        settings.kafka_bootstrap_servers, settings.leads_scored, "max.message.bytes", str(LIMIT)
    )
    after = _some_long(contacts[1000:3000], "after")
    await stage.until_committed(await stage.play(after))
    await _check_too_large(
        stage, before + after, {x.lead_id for x in after if len(x.lead_id) > LIMIT}
    )
    account = await stage.account()
    assert account.repeats == 0
    written = await stage.written()
    assert all(offsets == sorted(offsets) for offsets in written.values())
    await worker.stop_cleanly()


@pytest.mark.parametrize(
    "delivery", ["at_least_once", pytest.param("exactly_once", marks=pytest.mark.long)]
)
async def test_a_dead_letter_topic_that_takes_300_bytes_gets_place_and_code(
    kafka: Broker,
    topics: TopicFactory,
    set_stage: StageSetter,
    contacts: list[Lead],
    delivery: str,
) -> None:
    """The topic is made as small before the first worker, and smaller while it runs."""
    stage = set_stage(
        kafka.bootstrap, LEADSCORE_TOPIC_PREFIX=topics.prefix, LEADSCORE_DELIVERY=delivery
    )
    await stage.create_topics()
    dead = stage.settings.leads_created_dlq
    await set_topic_config(kafka.bootstrap, dead, "max.message.bytes", "600")
    worker = await stage.start()
    as_event = EventMaker(CONTACT, WireFormat.AVRO)

    def broken(lead: Lead) -> Event:
        event = as_event(lead)
        return Event(event.key, b"?" * 2000, event.headers, "broken", ErrorCode.WIRE_FORMAT)

    await stage.until_committed(await stage.play(contacts[:20], as_event=broken))
    await set_topic_config(kafka.bootstrap, dead, "max.message.bytes", "300")
    await stage.until_committed(await stage.play(contacts[:20], as_event=broken))
    letters = [headers_of(record) for record in await stage.dead_records()]
    assert len(letters) == 40
    for letter in letters:
        assert letter["leadscore.error.code"] == b"WIRE_FORMAT"
        assert letter["leadscore.value.left.out.bytes"] == b"2000"
        assert letter["__connect.errors.offset"].isdigit()
    assert worker.is_running
    await worker.stop_cleanly()
