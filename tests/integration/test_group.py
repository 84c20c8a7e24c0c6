"""Other members of the workers' group: stock clients are refused, earlier versions are not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from itertools import islice

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from confluent_kafka import Consumer as StockConsumer
from confluent_kafka import KafkaError

from stream.broker import Broker
from stream.kafka.consumer import open_consumer
from stream.simulator.playing import Lead
from testing.kafka_client import TopicFactory, read_ends, until
from tests.conftest import StageSetter
from tests.integration.worker_process import PARTITIONS, Stage

GUESTS = {
    "range": {"partition.assignment.strategy": "range"},
    "roundrobin": {"partition.assignment.strategy": "roundrobin"},
    "cooperative": {"partition.assignment.strategy": "cooperative-sticky"},
    "kip-848": {"group.protocol": "consumer"},
}
REFUSED = (
    KafkaError.INCONSISTENT_GROUP_PROTOCOL,
    KafkaError.GROUP_ID_NOT_FOUND,  # to a client of KIP-848 the broker says that of our group
)


class Guest:
    """A client in the workers' group that is none of them."""

    def __init__(self, stage: Stage, options: Mapping[str, str]) -> None:
        self.assigned: list[int] = []
        self.refused = False
        self.got = 0
        self._consumer = StockConsumer(
            {
                "bootstrap.servers": stage.settings.kafka_bootstrap_servers,
                "group.id": stage.settings.group_id,
                "auto.offset.reset": "earliest",
                "error_cb": self._note,
                **options,
            }
        )
        self._consumer.subscribe([stage.settings.leads_created], on_assign=self._take)

    def _note(self, error: KafkaError) -> None:
        text = str(error)
        self.refused |= error.code() in REFUSED or "group id does not exist" in text

    def _take(self, _: StockConsumer, partitions: list[object]) -> None:
        self.assigned = [at.partition for at in partitions]  # type: ignore[attr-defined]

    async def poll_until_answered(self) -> None:
        """Poll until the broker has let it in, or not."""

        def is_reported() -> bool:
            message = self._consumer.poll(0.1)
            if message is not None and (error := message.error()):
                self._note(error)
            self.got += message is not None and not message.error()
            return self.refused or bool(self.assigned)

        await until(partial(asyncio.to_thread, is_reported), what="the guest let in or refused")

    def close(self) -> None:
        self._consumer.close()


@asynccontextmanager
async def guest_of(stage: Stage, kind: str) -> AsyncIterator[Guest]:
    guest = Guest(stage, GUESTS[kind])
    try:
        await guest.poll_until_answered()
        yield guest
    finally:
        await asyncio.to_thread(guest.close)


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, marks=() if kind in ("range", "kip-848") else pytest.mark.long)
        for kind in GUESTS
    ],
)
async def test_a_guest_is_refused_and_every_lead_is_scored(
    stage: Stage, contacts: list[Lead], kind: str
) -> None:
    worker = await stage.start()
    async with guest_of(stage, kind) as guest:
        played = await stage.play(contacts[:400])
        await stage.until_committed(played)
        assert guest.refused
        assert not guest.assigned
        assert guest.got == 0
    assert len(await stage.scored_records()) == 400
    await worker.stop_cleanly()


@pytest.mark.parametrize("kind", [pytest.param("range", marks=pytest.mark.long), "kip-848"])
async def test_a_worker_that_finds_a_guest_says_so_and_ends(stage: Stage, kind: str) -> None:
    async with guest_of(stage, kind) as guest:
        assert guest.assigned
        worker = stage.begin()
        assert await worker.ended(within=120) == 3, worker.log.read_text()
        assert worker.has_logged("because other clients are in it")
        assert "Traceback" not in worker.log.read_text()
    await (await stage.start()).stop_cleanly()


@pytest.mark.long
async def test_a_worker_that_delivers_in_another_way_than_its_group_ends_with_3(
    stage: Stage, contacts: list[Lead]
) -> None:
    """Neither promise holds for a group that does both."""
    worker = await stage.start()
    other = stage.begin(LEADSCORE_DELIVERY="exactly_once")
    assert await other.ended(within=120) == 3, other.log.read_text()
    assert other.has_logged("LEADSCORE_DELIVERY was expected to be 'at_least_once'")
    assert "Traceback" not in other.log.read_text()
    played = await stage.play(contacts[:400])
    await stage.until_committed(played)
    await worker.stop_cleanly()


@asynccontextmanager
async def earlier_version(stage: Stage) -> AsyncIterator[AIOKafkaConsumer]:
    """A member as a worker of an earlier version: it lists aiokafka's round robin alone."""
    consumer = AIOKafkaConsumer(
        stage.settings.leads_created,
        bootstrap_servers=stage.settings.kafka_bootstrap_servers,
        group_id=stage.settings.group_id,
        enable_auto_commit=False,
        session_timeout_ms=6000,
    )
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


async def assigned(*consumers: object) -> None:
    """Wait until the members share all partitions."""

    def are_shared() -> bool:
        parts = [{at.partition for at in each.assignment()} for each in consumers]  # type: ignore[attr-defined]
        return all(parts) and sorted(islice((n for part in parts for n in part), 9)) == list(
            range(PARTITIONS)
        )

    await until(are_shared, what="all partitions shared")


@pytest.mark.long
async def test_one_rolling_restart_leads_from_round_robin_to_the_own_protocol(stage: Stage) -> None:
    def member(protocol: str) -> object:
        settings = stage.settings
        consumer = open_consumer(
            settings.kafka_client_options(),
            group_id=settings.group_id,
            session_timeout=6,
            group_protocol=protocol,  # type: ignore[arg-type]
        )
        consumer.subscribe([settings.leads_created], listener=None)
        return consumer

    members = [member("both"), member("both"), member("own")]
    first, second, third = members
    try:
        async with earlier_version(stage) as old:
            async with earlier_version(stage) as older:
                await assigned(old, older)
                await first.start()  # type: ignore[attr-defined]
                await assigned(old, older, first)
            await second.start()  # type: ignore[attr-defined]
            await assigned(old, first, second)
        await assigned(first, second)
        await third.start()  # type: ignore[attr-defined]
        await assigned(first, second, third)
    finally:
        for each in members:
            await each.stop()  # type: ignore[attr-defined]


async def commit_as_an_operator(stage: Stage, offsets: dict[int, int]) -> None:
    """Move the offsets of a group that has no members, as --reset-offsets does."""
    settings = stage.settings
    partitions = {TopicPartition(settings.leads_created, at): to for at, to in offsets.items()}
    async with AIOKafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        group_id=settings.group_id,
        enable_auto_commit=False,
    ) as consumer:
        consumer.assign(list(partitions))
        await consumer.commit(partitions)


@pytest.mark.long
async def test_an_operators_reset_is_reported_with_how_far_it_went(
    stage: Stage, contacts: list[Lead]
) -> None:
    worker = await stage.start()
    await stage.until_committed(await stage.play(contacts[:400]))
    await worker.stop_cleanly()
    before = await stage.committed()
    await commit_as_an_operator(stage, {0: before[0] - 20})
    stopping = stage.begin(LEADSCORE_FOREIGN_COMMITS="stop")
    assert await stopping.ended(within=120) == 3
    assert stopping.has_logged("20 offsets are scored again")
    assert stopping.has_logged("LEADSCORE_FOREIGN_COMMITS=accept")
    worker = await stage.start()
    await stage.until_committed(await stage.play(contacts[400:500]))
    await until(
        lambda: worker.has_logged("20 offsets are scored again"), what="that line in its log"
    )
    assert await worker.metric("leadscore_foreign_commits_total") == 1
    assert await worker.metric("leadscore_foreign_commit_offsets_total") == 20
    assert len(await stage.scored_records()) == 520
    await worker.stop()


@pytest.mark.long
async def test_a_partition_that_another_producer_has_fenced_makes_the_worker_not_ready(
    kafka: Broker, topics: TopicFactory, set_stage: StageSetter, contacts: list[Lead]
) -> None:
    stage = set_stage(
        kafka.bootstrap, LEADSCORE_TOPIC_PREFIX=topics.prefix, LEADSCORE_DELIVERY="exactly_once"
    )
    await stage.create_topics()
    worker = await stage.start()
    await stage.until_committed(await stage.play(contacts[:200]))
    name = f"{stage.settings.group_id}/{stage.settings.leads_created}/1"
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, transactional_id=name):
        await stage.play(contacts[200:600])

        async def is_reported() -> bool:
            status, body = await worker.answer("/readyz")
            reason = body["conditions"]["partitions_move"].get("reason", "")
            return status == 503 and "leads.created/1: another producer has fenced" in reason

        await until(is_reported, what="the fenced partition in /readyz")
    await until(lambda: worker.has_logged("makes no progress"), what="that line in its log")
    assert await worker.metric("leadscore_partition_stuck") == 1
    ends = await read_ends(kafka.bootstrap, stage.settings.leads_created)

    async def do_others_continue() -> bool:
        committed = await stage.committed()
        return all(committed[number] == end for number, end in ends.items() if number != 1)

    await until(do_others_continue, what="the other partitions committed")
    stage.end()
