"""The second audit by hand, on real Kafka: it counts what is there, and finds forged faults."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from stream.broker import Broker
from testing.kafka_client import Record, TopicFactory, produce, produce_batch
from tests.chaos.second_audit.__main__ import main
from tests.chaos.second_audit.kafka_log import KafkaLog
from tests.chaos.second_audit.records import Record as Forged
from tests.record_batches import Made, batch
from tests.unit.second_audit import forged

PARTITIONS = 2
LEADS = [forged.lead(offset, partition=number) for number in range(2) for offset in range(20)]


@pytest.fixture
async def prefix(topics: TopicFactory) -> str:
    for name in ("leads.created", "leads.scored", "leads.created.dlq"):
        await topics.create(name, PARTITIONS)
    await topics.create("leads.drift.partials")
    return topics.prefix


@pytest.fixture
def sha_of(prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(forged, "TOPIC", f"{prefix}leads.created")
    return forged.model_file(tmp_path)[1]


async def write(kafka: Broker, topic: str, records: Sequence[Forged]) -> None:
    await produce(
        kafka.bootstrap,
        topic,
        [Record(r.value, r.key, r.headers or (), r.partition, r.timestamp) for r in records],
    )


async def commit(kafka: Broker, group: str, topic: str, offset: int) -> None:
    async with AIOKafkaConsumer(
        bootstrap_servers=kafka.bootstrap, group_id=group, enable_auto_commit=False
    ) as consumer:
        partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        consumer.assign(partitions)
        await consumer.commit(dict.fromkeys(partitions, offset))


async def audited(
    kafka: Broker, prefix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], *options: str
) -> tuple[int, Any]:
    given = ["--bootstrap", kafka.bootstrap, "--group", f"{prefix}group", "--prefix", prefix]
    given += ["--bundle", str(tmp_path / "model.onnx"), "--within", "0", *options]
    code = await asyncio.to_thread(main, given)
    return code, json.loads(capsys.readouterr().out)


async def test_it_counts_a_run_without_fault(
    kafka: Broker,
    prefix: str,
    sha_of: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    events = [forged.scored(source, sha_of) for source in LEADS]
    await write(kafka, f"{prefix}leads.created", LEADS)
    await write(kafka, f"{prefix}leads.scored", events)
    partials = [forged.partial(*LEADS[i : i + 20], sha=sha_of) for i in (0, 20)]
    await write(kafka, f"{prefix}leads.drift.partials", partials)
    await commit(kafka, f"{prefix}group", f"{prefix}leads.created", 20)
    code, account = await audited(kafka, prefix, tmp_path, capsys)
    assert account["faults"] == {}
    assert code == 0
    assert (account["leads"], account["scored"], account["drift_blocks"]) == (40, 40, 2)
    assert account["committed"] == {"0": 20, "1": 20}


async def test_it_finds_forged_faults(
    kafka: Broker,
    prefix: str,
    sha_of: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A lost lead, one that was scored twice, swapped order, a commit too far, a wrong bin."""
    events = [forged.scored(source, sha_of) for source in LEADS]
    events[3:5] = [events[4], events[3]]
    lost, twice = 9, 12
    await write(kafka, f"{prefix}leads.created", LEADS)
    await write(
        kafka, f"{prefix}leads.scored", [*events[:lost], *events[lost + 1 :], events[twice]]
    )
    wrong = forged.partial(*LEADS[20:], sha=sha_of, codes=[0, *forged.PLACES[1:]])
    await write(kafka, f"{prefix}leads.drift.partials", [wrong])
    await commit(kafka, f"{prefix}group", f"{prefix}leads.created", 10)
    code, account = await audited(kafka, prefix, tmp_path, capsys, "--exactly-once")
    assert code == 1
    found = {rule: (at["count"], at["examples"]) for rule, at in account["faults"].items()}
    assert found.pop("drift_counts")[1][0].endswith(": codes")
    assert found.pop("drift_not_counted")[0] == 1  # partition 0 has no partial
    assert found == {
        "committed_too_far": (1, ["0:9"]),
        "order": (1, ["0:3"]),
        "repeated": (1, ["0:12"]),
    }


async def test_aborted_leads_and_events_are_not_seen(kafka: Broker, topics: TopicFactory) -> None:
    topic = await topics.create("leads.created")
    async with AIOKafkaProducer(
        bootstrap_servers=kafka.bootstrap, transactional_id=topic
    ) as producer:
        for value, ends_well in ((b"1", True), (b"2", False), (b"3", True), (b"4", False)):
            await producer.begin_transaction()
            await producer.send_and_wait(topic, value, partition=0)
            await (producer.commit_transaction() if ends_well else producer.abort_transaction())
    log = KafkaLog(kafka.bootstrap)

    def values(committed_only: bool) -> list[bytes | None]:
        return [record.value for record in log.read(topic, 0, committed_only=committed_only)]

    assert await asyncio.to_thread(values, False) == [b"1", b"2", b"3", b"4"]
    assert await asyncio.to_thread(values, True) == [b"1", b"3"]


async def test_a_header_whose_name_is_not_utf_8_is_no_end_of_the_audit(
    kafka: Broker, topics: TopicFactory
) -> None:
    topic = await topics.create("leads.created")
    made = [Made(b"x", headers=[(name, b"")]) for name in (b"good", b"nam\xe9")]
    await produce_batch(kafka.bootstrap, topic, batch(made))
    log = KafkaLog(kafka.bootstrap)
    first, second = await asyncio.to_thread(lambda: list(log.read(topic, 0)))
    assert (first.value, first.headers) == (b"x", [("good", b"")])
    assert (second.value, second.headers) == (b"x", None)
