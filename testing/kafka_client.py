"""A CRM's and a consumer's view of Kafka, for tests: make topics, write records, read them all."""

from __future__ import annotations

import asyncio
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import aclosing, asynccontextmanager
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.produce import ProduceRequest


class Record(NamedTuple):
    """A record to write; without a partition, the key determines it."""

    value: bytes | None
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes | None]] = ()
    partition: int | None = None
    timestamp_ms: int | None = None


@asynccontextmanager
async def open_admin(bootstrap: str) -> AsyncIterator[AIOKafkaAdminClient]:
    """Open an admin client until the body ends."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


class TopicFactory:
    """Makes topics that no other test has, and removes them."""

    def __init__(self, bootstrap: str, prefix: str) -> None:
        self.bootstrap = bootstrap
        self.prefix = prefix

    async def create(
        self, name: str, partitions: int = 1, configs: Mapping[str, str] | None = None
    ) -> str:
        """Make a topic; returns its name with the test's prefix."""
        topic = self.prefix + name
        async with open_admin(self.bootstrap) as admin:
            response = await admin.create_topics(
                [NewTopic(topic, partitions, 1, topic_configs=dict(configs or {}))]
            )
            [(_, code, message)] = response.topic_errors
            assert code == 0, f"{topic}: {message}"

            async def is_seen() -> bool:  # the broker hears of it a moment later
                return topic in await admin.list_topics()

            await until(is_seen, what=f"{topic} on the broker")
        return topic

    async def delete_all(self) -> None:
        """Remove all topics with the test's prefix, whoever made them."""
        async with open_admin(self.bootstrap) as admin:
            ours = [name for name in await admin.list_topics() if name.startswith(self.prefix)]
            if ours:
                await admin.delete_topics(ours)


async def set_topic_config(bootstrap: str, topic: str, name: str, value: str) -> None:
    """Replace the configs of a topic by one."""
    await set_topic_configs(bootstrap, topic, {name: value})


async def set_topic_configs(bootstrap: str, topic: str, values: Mapping[str, str]) -> None:
    """Replace the configs of a topic, and wait until the broker returns the new ones."""
    async with open_admin(bootstrap) as admin:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, dict(values))])

        async def are_set() -> bool:
            asked = ConfigResource(ConfigResourceType.TOPIC, topic, dict.fromkeys(values))
            [response] = await admin.describe_configs([asked])
            [(*_, entries)] = response.resources
            return {entry[0]: entry[1] for entry in entries} == values

        await until(are_set, what=f"{', '.join(values)} of {topic}")


async def produce(bootstrap: str, topic: str, records: Iterable[Record | bytes]) -> None:
    """Write records and wait until all are delivered."""
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all") as producer:
        deliveries = []
        for record in records:
            given = record if isinstance(record, Record) else Record(record)
            deliveries.append(
                await producer.send(
                    topic,
                    given.value,
                    key=given.key,
                    headers=list(given.headers),
                    partition=given.partition,
                    timestamp_ms=given.timestamp_ms,
                )
            )
        await asyncio.gather(*deliveries)


async def produce_batch(bootstrap: str, topic: str, batch: bytes, partition: int = 0) -> int:
    """Write a record batch as it is, such as no client would make; returns its first offset."""
    client = AIOKafkaClient(bootstrap_servers=bootstrap)
    await client.bootstrap()
    try:
        await client._wait_on_metadata(topic)
        leader = client.cluster.leader_for_partition(TopicPartition(topic, partition))
        request = ProduceRequest(
            transactional_id=None,
            required_acks=-1,
            timeout=10_000,
            topics=[(topic, [(partition, batch)])],
        )
        response = await client.send(leader, request)
    finally:
        await client.close()
    [(_, [(_, code, offset, *_)])] = response.topics
    assert code == 0, f"{topic}: error {code}"
    return int(offset)


async def read_all(
    bootstrap: str, topic: str, *, committed_only: bool = False, within: float = 60.0
) -> list[ConsumerRecord]:
    """Read a topic from its beginning to where it ends now, by partition and offset."""
    parts = read_in_parts(bootstrap, topic, committed_only=committed_only)
    # A cancelled read closes its consumer immediately, not at the next garbage collection.
    async with asyncio.timeout(within), aclosing(parts):
        return [record async for records in parts for record in records]


async def read_in_parts(
    bootstrap: str, topic: str, *, committed_only: bool = False
) -> AsyncGenerator[list[ConsumerRecord], None]:
    """Read a topic as `read_all` does, without keeping it: some of a partition at a time."""
    async with open_admin(bootstrap) as admin:
        [described] = await admin.describe_topics([topic])
    assert described["error_code"] == 0, f"there is no topic {topic}"
    numbers = sorted(partition["partition"] for partition in described["partitions"])
    partitions = [TopicPartition(topic, number) for number in numbers]
    async with AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        isolation_level="read_committed" if committed_only else "read_uncommitted",
    ) as consumer:
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        for partition in partitions:
            consumer.assign([partition])
            while await consumer.position(partition) < ends[partition]:
                fetched = await consumer.getmany(partition, timeout_ms=100)
                if records := fetched.get(partition):
                    yield records


async def read_ends(bootstrap: str, topic: str, *, committed_only: bool = False) -> dict[int, int]:
    """Return the end of each partition, or the offset up to which transactions have ended."""
    async with open_admin(bootstrap) as admin:
        [described] = await admin.describe_topics([topic])
    partitions = [TopicPartition(topic, p["partition"]) for p in described["partitions"]]
    async with AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        isolation_level="read_committed" if committed_only else "read_uncommitted",
    ) as consumer:
        ends = await consumer.end_offsets(partitions)
    return {at.partition: end for at, end in ends.items()}


async def until_transactions_ended(bootstrap: str, *topics: str) -> None:
    """Wait until the transactions that are open now have ended; later ones may be open.

    A broker writes the marks of a commit after it has answered: for a moment a reader of committed
    records sees less than was committed.
    """
    ends = {topic: await read_ends(bootstrap, topic) for topic in topics}

    async def have_ended() -> bool:
        for topic in topics:
            committed = await read_ends(bootstrap, topic, committed_only=True)
            if any(committed[number] < end for number, end in ends[topic].items()):
                return False
        return True

    await until(have_ended, what=f"the end of all transactions in {', '.join(topics)}")


async def committed_offsets(bootstrap: str, group: str, topic: str) -> dict[int, int]:
    """Return the offsets that a group has committed, by partition."""
    async with open_admin(bootstrap) as admin:
        offsets = await admin.list_consumer_group_offsets(group)
    return {tp.partition: at.offset for tp, at in offsets.items() if tp.topic == topic}


async def group_members(bootstrap: str, group: str) -> set[str]:
    """Return the ids of the members that the coordinator has in a group."""
    async with open_admin(bootstrap) as admin:
        [described] = await admin.describe_consumer_groups([group])
    [(_, _, _, _, _, members, *_)] = described.groups
    return {member_id for member_id, *_ in members}


async def until(
    condition: Callable[[], Awaitable[bool] | bool], *, within: float = 60.0, what: str = ""
) -> None:
    """Wait for a condition; fails the test when it does not come true in time."""
    try:
        async with asyncio.timeout(within):
            while True:
                holds = condition()
                if holds if isinstance(holds, bool) else await holds:
                    return
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"not within {within:g} s: {what or condition}") from None
