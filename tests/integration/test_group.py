"""Other members of the workers' group: stock clients are refused, earlier versions are not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from itertools import islice

import pytest
from aiokafka import AIOKafkaConsumer
from confluent_kafka import Consumer as StockConsumer
from confluent_kafka import KafkaError

from stream.consumer import open_consumer
from stream.crm.playing import Lead
from tests.integration.worker_process import PARTITIONS, Stage
from tests.kafka_client import until

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

    async def poll_until_told(self) -> None:
        """Poll until the broker has let it in, or not."""

        def is_told() -> bool:
            message = self._consumer.poll(0.1)
            if message is not None and (error := message.error()):
                self._note(error)
            self.got += message is not None and not message.error()
            return self.refused or bool(self.assigned)

        await until(partial(asyncio.to_thread, is_told), what="the guest let in or refused")

    def close(self) -> None:
        self._consumer.close()


@asynccontextmanager
async def guest_of(stage: Stage, kind: str) -> AsyncIterator[Guest]:
    guest = Guest(stage, GUESTS[kind])
    try:
        await guest.poll_until_told()
        yield guest
    finally:
        await asyncio.to_thread(guest.close)


@pytest.mark.parametrize("kind", GUESTS)
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


@pytest.mark.parametrize("kind", ["range", "kip-848"])
async def test_a_worker_that_finds_a_guest_says_so_and_ends(stage: Stage, kind: str) -> None:
    async with guest_of(stage, kind) as guest:
        assert guest.assigned
        worker = stage.begin()
        assert await worker.ended(within=30) == 3, worker.log.read_text()
        assert worker.has_logged("because other clients are in it")
        assert "Traceback" not in worker.log.read_text()
    await (await stage.start()).stop_cleanly()


async def test_a_worker_that_delivers_in_another_way_than_its_group_ends_with_3(
    stage: Stage, contacts: list[Lead]
) -> None:
    """Neither promise holds for a group that does both."""
    worker = await stage.start()
    other = stage.begin(LEADSCORE_DELIVERY="exactly_once")
    assert await other.ended(within=30) == 3, other.log.read_text()
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
