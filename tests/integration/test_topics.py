from __future__ import annotations

import asyncio

import pytest
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from click.testing import CliRunner

from schemas.errors import StartupError
from stream.broker import Broker, BrokerKind, open_broker
from stream.broker.mock import MockBroker
from stream.broker.node import free_ports
from stream.cli.topics import topics as command
from stream.kafka.access import Use
from stream.kafka.topic_admin import (
    create_topics,
    expected_partitions,
    listed_topics,
    partition_counts,
    verify_topics,
)
from stream.kafka.topic_catalog import TOPICS
from stream.settings import Settings
from testing.kafka_client import TopicFactory, open_admin


@pytest.fixture
def settings(kafka: Broker, topics: TopicFactory) -> Settings:
    return Settings(
        kafka_bootstrap_servers=kafka.bootstrap,
        topic_prefix=topics.prefix,
        group_id=f"{topics.prefix}leadscore",
    )


async def test_all_topics_are_created_with_their_partitions(settings: Settings) -> None:
    made = await create_topics(settings, partitions=3, replication_factor=1)

    assert {topic.state for topic in made} == {"created"}
    listed = await listed_topics(settings)
    assert {n: topic.partitions for n, topic in listed.items()} == expected_partitions(settings, 3)
    assert await partition_counts(settings, Use.STATUS) == {settings.leads_drift: 1}
    await verify_topics(settings)


async def test_creating_again_changes_nothing(settings: Settings) -> None:
    await create_topics(settings)

    again = await create_topics(settings, partitions=4)

    assert {topic.state for topic in again} == {"existed"}


async def test_new_topics_follow_the_source_that_is_there(
    settings: Settings, topics: TopicFactory
) -> None:
    await topics.create("leads.created", partitions=5)

    made = {topic.name: topic for topic in await create_topics(settings)}

    assert made[settings.leads_created].state == "existed"
    assert made[settings.leads_scored] == (settings.leads_scored, 5, "created")
    assert made[settings.leads_drift].partitions == 1


async def test_a_mismatch_is_refused_and_nothing_is_created(
    settings: Settings, topics: TopicFactory
) -> None:
    await topics.create("leads.created", partitions=5)

    with pytest.raises(
        StartupError, match=r"leads\.created to have 6 partitions, it exists with 5"
    ):
        await create_topics(settings, partitions=6)

    assert (await listed_topics(settings))[settings.leads_scored].partitions is None


async def test_two_creators_at_once_agree(settings: Settings) -> None:
    one, other = await asyncio.gather(create_topics(settings), create_topics(settings))

    assert [(topic.name, topic.partitions) for topic in one] == [
        (topic.name, topic.partitions) for topic in other
    ]
    for mine, theirs in zip(one, other, strict=True):
        assert {mine.state, theirs.state} >= {"created"}


async def test_dead_letters_get_their_configs(settings: Settings) -> None:
    await create_topics(settings)

    async with open_admin(settings.kafka_bootstrap_servers) as admin:
        resource = ConfigResource(ConfigResourceType.TOPIC, settings.leads_created_dlq)
        [response] = await admin.describe_configs([resource])
    [(_, _, _, _, entries)] = response.resources
    configs = {entry[0]: entry[1] for entry in entries}
    assert configs["max.message.bytes"] == "2097152"
    assert configs["cleanup.policy"] == "delete"


async def test_start_up_names_what_is_missing_and_the_command(settings: Settings) -> None:
    with pytest.raises(
        StartupError, match=r"created, but it does not exist.*leadscore topics create"
    ):
        await verify_topics(settings)


async def test_start_up_refuses_topics_that_do_not_fit(
    settings: Settings, topics: TopicFactory
) -> None:
    await topics.create("leads.created", partitions=4)
    await topics.create("leads.scored", partitions=2)
    await topics.create("leads.created.dlq", partitions=4)

    with pytest.raises(StartupError, match=r"leads\.scored to have 4 partitions.*it has 2"):
        await verify_topics(settings)


async def test_a_broker_that_refuses_is_quoted(settings: Settings) -> None:
    with pytest.raises(StartupError, match=r"refused to create .*[Rr]eplication factor"):
        await create_topics(settings, replication_factor=7)


async def test_an_unreachable_broker_is_reported_in_one_sentence() -> None:
    address = f"127.0.0.1:{free_ports(1)[0]}"

    with pytest.raises(StartupError, match=f"expected Kafka to answer at {address}"):
        await verify_topics(Settings(kafka_bootstrap_servers=address))


async def test_the_mock_broker_creates_topics_by_its_own_interface() -> None:
    with open_broker(BrokerKind.MOCK) as broker:
        assert isinstance(broker, MockBroker)
        settings = Settings(kafka_bootstrap_servers=broker.bootstrap)
        with pytest.raises(StartupError, match="creates topics on request"):
            await create_topics(settings)

        broker.create_topics(expected_partitions(settings, 4))

        await verify_topics(settings)


def test_the_commands(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("kafka_bootstrap_servers", "topic_prefix", "group_id"):
        monkeypatch.setenv(f"LEADSCORE_{name.upper()}", getattr(settings, name))
    shell = CliRunner()

    checked_before = shell.invoke(command, ["check"])
    created = shell.invoke(command, ["create", "--partitions", "2"])
    checked = shell.invoke(command, ["check"])
    listed = shell.invoke(command, ["list"])
    refused = shell.invoke(command, ["create", "--partitions", "3"])

    assert checked_before.exit_code == 3
    assert "leadscore topics create" in checked_before.output
    assert created.exit_code == 0
    assert f"created  {settings.leads_scored} (2 partitions)" in created.output
    assert checked.exit_code == 0
    assert settings.leads_created in checked.output
    assert listed.exit_code == 0
    for topic in TOPICS:
        assert topic.name(settings) in listed.output
    assert refused.exit_code == 3
    assert "it exists with 2" in refused.output
