"""`leadscore produce` on real Kafka: what it says it delivered is what is there."""

import asyncio
import os
import re
import signal
import sys
from collections import Counter
from itertools import islice
from typing import Any

import pytest
from aiokafka.partitioner import DefaultPartitioner

from schemas.decode import LeadDecoder
from schemas.errors import ErrorCode
from schemas.lead_outcome import OutcomeReader
from schemas.store import SchemaStore
from schemas.wire import WireFormat
from stream.broker import Broker
from stream.settings import load_settings
from stream.simulator.connection import connected_producer
from stream.simulator.events import EventMaker
from stream.simulator.lead_fields import lead_fields
from stream.simulator.run import play
from stream.simulator.synthetic import synthetic_leads
from testing.kafka_client import TopicFactory, open_admin, read_all, until
from testing.schemas import packaged_schema

STORE = SchemaStore.load()
CONTACTS = "data/bank_marketing/contacts.csv.gz"
MAX_BYTES = 50_000


def decoded(contract: Any, records: Any) -> Any:
    fields = lead_fields(packaged_schema(contract).avro)
    kinds = {field.name: field.kind for field in fields if field.kind}
    return LeadDecoder(STORE, kinds, max_bytes=MAX_BYTES).decode([r.value for r in records])


async def leadscore_produce(
    topic: Any, bootstrap: Any, *arguments: Any, stop_when: Any = None, **environment: str
) -> Any:
    """Run the command in a process of its own; ``stop_when`` is awaited before Ctrl-C."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "stream", "produce", "--topic", topic, *arguments),
        env=os.environ | {"KAFKA_BOOTSTRAP_SERVERS": bootstrap, "COLUMNS": "100"} | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        if stop_when is not None:
            await stop_when()
            process.send_signal(signal.SIGINT)
        out, err = await asyncio.wait_for(process.communicate(), 60)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode, out.decode(), err.decode()


@pytest.mark.parametrize("wire", [WireFormat.AVRO, WireFormat.JSON])
async def test_every_event_is_where_the_count_says_and_is_what_it_says(
    kafka: Broker, topics: TopicFactory, wire: Any
) -> None:
    topic = await topics.create("leads.created", partitions=4)
    as_event = EventMaker(
        packaged_schema("lead_created"), wire, bad_share=0.05, max_bytes=MAX_BYTES, seed=11
    )
    leads = list(islice(synthetic_leads(11), 10_000))
    settings = load_settings(kafka_bootstrap_servers=kafka.bootstrap, leads_created=topic)
    async with connected_producer(settings) as producer:
        # Two runs by one producer: the second one's offsets follow the first one's.
        played = [
            await play(half, producer, topic=topic, as_event=as_event)
            for half in (leads[:4000], leads[4000:])
        ]
    assert [run.sent for run in played] == [4000, 6000]
    records = await read_all(kafka.bootstrap, topic)
    assert Counter(record.key.decode() for record in records) == Counter(
        lead.lead_id for lead in leads
    )
    decoder = decoded("lead_created", records)
    verdicts = {
        (records[at].partition, records[at].offset): error.code for at, error in decoder.errors
    }
    expected = played[0].dead_letters(refuse_few_fields=False)
    expected |= played[1].dead_letters(refuse_few_fields=False)
    assert verdicts == expected
    assert {ErrorCode(code) for code in expected.values()} == {*ErrorCode} - {
        ErrorCode.ATTEMPTS,
        ErrorCode.FEATURES,
        ErrorCode.INCOMPATIBLE,
        ErrorCode.OUTPUT_TOO_LARGE,
        ErrorCode.PROTOBUF,
        ErrorCode.SCHEMA_ID,
        ErrorCode.SINK_REFUSED,
        ErrorCode.TIME,
        ErrorCode.UNREADABLE,
    }
    broken = {(event.partition, event.offset) for run in played for event in run.broken}
    good = {place for run in played for place in run.good()}
    assert good | broken == {(record.partition, record.offset) for record in records}
    assert good.isdisjoint(broken)


async def test_keys_are_where_kafkas_own_clients_put_them_and_headers_are_there(
    kafka: Broker, topics: TopicFactory
) -> None:
    topic = await topics.create("leads.created", partitions=7)
    code, _, err = await leadscore_produce(topic, kafka.bootstrap, "--count", "500")
    assert code == 0, err
    records = await read_all(kafka.bootstrap, topic)
    assert len(records) == 500
    partitioner = DefaultPartitioner()
    assert all(
        partitioner(record.key, list(range(7)), []) == record.partition for record in records
    )
    headers = [dict(record.headers) for record in records]
    assert {tuple(sorted(names)) for names in headers} == {
        ("content-type", "traceparent", "x-request-id")
    }
    assert len({names["x-request-id"] for names in headers}) == 500
    created = decoded("lead_created", records).created_at
    ages = [record.timestamp - at for record, at in zip(records, created, strict=True)]
    assert all(-10 <= age < 5000 for age in ages), "synthetic leads are created when they are sent"


async def test_a_file_is_played_whole_shifted_and_counted(
    kafka: Broker, topics: TopicFactory
) -> None:
    topic = await topics.create("leads.created", partitions=4)
    code, out, err = await leadscore_produce(
        *(topic, kafka.bootstrap, CONTACTS, "--count", "3000", "--format", "json"),
        *("--drift", "age=+100", "--drift-from", "50%"),
    )
    assert code == 0, err
    assert out.startswith(f"delivered   3,000 events of bank_contact to {topic} in ")
    leads = decoded("bank_contact", await read_all(kafka.bootstrap, topic))
    assert leads.errors == []
    ages = dict(zip(leads.lead_ids, leads.columns["age"], strict=True))
    assert len(ages) == 3000
    assert all((age > 100) == (int(lead.rpartition(b"-")[2]) > 1500) for lead, age in ages.items())


async def test_outcomes_of_a_file_are_in_the_partitions_of_their_leads(
    kafka: Broker, topics: TopicFactory
) -> None:
    topic = await topics.create("leads.created", partitions=4)
    ended = await topics.create("leads.outcomes", partitions=4)
    code, out, err = await leadscore_produce(
        *(topic, kafka.bootstrap, CONTACTS, "--count", "800", "--now"),
        *("--outcomes", "y=yes", "--outcome-after", "1s"),
        LEADSCORE_LEADS_OUTCOMES=ended,
    )
    assert code == 0, err
    assert "outcomes    800 delivered" in out
    records = await read_all(kafka.bootstrap, topic)
    outcomes = await read_all(kafka.bootstrap, ended)
    created = {record.key: record for record in records}
    reader = OutcomeReader(STORE)
    found: Counter[str] = Counter()
    for record in outcomes:
        lead, outcome = created[record.key], reader.read(record.value, record.timestamp)
        assert record.partition == lead.partition
        assert record.timestamp >= lead.timestamp + 900, "a second after its lead"
        assert outcome.lead_id == record.key.decode()
        found[outcome.outcome] += 1
    assert found.total() == 800
    assert 0 < found["converted"] < found["lost"]


async def test_ctrl_c_delivers_what_was_begun_and_counts_it(
    kafka: Broker, topics: TopicFactory
) -> None:
    topic = await topics.create("leads.created", partitions=2)

    async def some_are_there() -> Any:
        return len(await read_all(kafka.bootstrap, topic)) > 100

    code, out, err = await leadscore_produce(
        *(topic, kafka.bootstrap, "--count", "0", "--rate", "2000/s"),
        stop_when=lambda: until(some_are_there),
    )
    assert code == 130, err
    delivered = re.search(r"^delivered   ([\d,]+) events", out, re.MULTILINE)
    assert delivered is not None, out
    records = await read_all(kafka.bootstrap, topic)
    assert int(delivered[1].replace(",", "")) == len(records)
    assert "stopped" in out


async def test_a_topic_that_is_not_there_is_not_made(kafka: Broker, topics: TopicFactory) -> None:
    topic = topics.prefix + "nothing"
    code, _, err = await leadscore_produce(topic, kafka.bootstrap, "--count", "1")
    assert code == 3
    assert f"expected the topic {topic}, but it does not exist" in err
    async with open_admin(kafka.bootstrap) as admin:
        assert topic not in await admin.list_topics()
