"""The topics that hold records of single leads: declared ones, and outputs of replays."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from schemas.errors import FatalError
from stream.erasure.policy import CONFIGS, TopicPolicy
from stream.fetch.closing import closed
from stream.kafka.access import Use
from stream.kafka.reachability import connected
from stream.kafka.requests import describe_topics
from stream.kafka.topic_admin import partition_counts
from stream.kafka.topic_catalog import TOPICS
from stream.kafka.topic_configs import read_topic_configs
from stream.replay.plan import ReplayRecord, isolated_topic
from stream.replay.plan_log import PlanLog
from stream.settings import Settings

__all__ = ["outputs_of", "read_lead_topics", "read_replays"]


async def read_replays(settings: Settings) -> Mapping[str, ReplayRecord]:
    """Return the latest record of each replay by its id; none if the topic of plans is missing.

    Raises
    ------
    StartupError
        Kafka can't be reached, or a right is missing.
    FatalError
        Kafka did not answer.
    """
    if settings.leads_replays not in await partition_counts(settings, Use.ERASE):
        return {}
    return await PlanLog(settings, Use.ERASE).replays()


async def read_lead_topics(
    settings: Settings, replays: Mapping[str, ReplayRecord]
) -> list[TopicPolicy]:
    """Return the existing topics that hold records of single leads, with their configuration.

    Parameters
    ----------
    settings
        Kafka's address and security, and the topics' names.
    replays
        The replays: their outputs hold leads.

    Raises
    ------
    StartupError
        Kafka can't be reached, or a right is missing.
    FatalError
        Kafka did not answer.
    """
    counts = await partition_counts(settings, Use.ERASE)
    declared = [topic.name(settings) for topic in TOPICS if topic.holds_leads]
    connection = settings.kafka_client_options()
    try:
        listed = await _listed(settings)
        outputs = outputs_of(settings, replays, listed) - {*declared}
        async with connected(settings) as client:
            others = await describe_topics(client, sorted(outputs))
        partitions = {name: counts[name] for name in declared if name in counts} | {
            name: topic.partitions for name, topic in others.items() if topic.partitions
        }
        configs = await read_topic_configs(connection, partitions, CONFIGS)
    except KafkaError as error:
        raise FatalError(
            f"expected the configuration of the topics, but Kafka answered {error!r}: try again"
        ) from error
    return [TopicPolicy.of(name, count, configs.get(name)) for name, count in partitions.items()]


def outputs_of(
    settings: Settings, replays: Mapping[str, ReplayRecord], listed: Collection[str]
) -> set[str]:
    """Return the topics that replays write to: those of plans, and those named like them.

    Parameters
    ----------
    settings
        The prefix of the topics.
    replays
        The replays whose plans are still there.
    listed
        All topics of the broker.
    """
    planned = {
        topic
        for record in replays.values()
        for topic in (record.plan.out, record.plan.dead_letters)
    }
    prefix = isolated_topic(settings, "")
    return (planned & {*listed}) | {name for name in listed if name.startswith(prefix)}


async def _listed(settings: Settings) -> Collection[str]:
    admin = AIOKafkaAdminClient(**settings.kafka_client_options())
    try:
        await admin.start()
        found: Collection[str] = await admin.list_topics()
        return found
    finally:
        await closed(admin.close())
