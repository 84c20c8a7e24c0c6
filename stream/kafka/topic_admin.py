"""Create topics (`leadscore topics create`), and check them when a worker starts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from types import MappingProxyType
from typing import Literal, NamedTuple

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import TopicAlreadyExistsError, TopicAuthorizationFailedError, for_code

from schemas.errors import StartupError
from stream.fetch.closing import closed
from stream.kafka.access import Operation, Use, uses_of
from stream.kafka.declared_rights import Right
from stream.kafka.reachability import connected
from stream.kafka.requests import DescribedTopic, describe_topics
from stream.kafka.rights import refusal, verify_rights
from stream.kafka.topic_catalog import SOURCE, TOPICS, Topic, topics_of
from stream.settings import Settings

__all__ = [
    "DEFAULT_PARTITIONS",
    "MadeTopic",
    "create_copies",
    "create_topics",
    "expected_partitions",
    "faults",
    "listed_topics",
    "partition_counts",
    "planned",
    "verify_topics",
]

COMMAND = "leadscore topics create"
DEFAULT_PARTITIONS = 4
BROKERS_DEFAULT = -1
MILLISECOND = timedelta(milliseconds=1)
SEEN_ATTEMPTS, SEEN_WAIT_SECONDS = 200, 0.05


class MadeTopic(NamedTuple):
    """A topic after `create_topics`; "missing" is what `planned` would create."""

    name: str
    partitions: int
    state: Literal["created", "existed", "missing"]


def expected_partitions(
    settings: Settings, source_partitions: int, topics: Iterable[Topic] = TOPICS
) -> dict[str, int]:
    """Return the expected number of partitions of each topic, by name."""
    return {
        topic.name(settings): source_partitions if topic.follows_source else 1 for topic in topics
    }


def faults(settings: Settings, found: Mapping[str, int], topics: Iterable[Topic]) -> list[str]:
    """Compare the existing topics with the required ones.

    Parameters
    ----------
    settings
        Settings with the topics' names.
    found
        Partitions by name, of all topics on the broker.
    topics
        The required topics.

    Returns
    -------
    list of str
        One sentence for each fault.
    """
    topics = tuple(topics)
    source = SOURCE.name(settings)
    if source not in found and any(topic.follows_source for topic in topics):
        return [f"expected the topic {source}, but it does not exist: create it with `{COMMAND}`"]
    expected = expected_partitions(settings, found.get(source, 0), topics)
    # An output with more partitions than the source is none: the source may have been created again
    # with fewer, and only workers that start report what was lost (consume/removed_partitions.py).
    may_have_more = {topic.name(settings) for topic in topics if topic.follows_source}
    return [
        _missing(name, count) if name not in found else _mismatch(name, count, found[name], source)
        for name, count in expected.items()
        if found.get(name, 0) < count or (found[name] > count and name not in may_have_more)
    ]


def _missing(name: str, expected: int) -> str:
    return (
        f"expected the topic {name} ({_say(expected)}), but it does not exist: create it with"
        f" `{COMMAND}`"
    )


def _mismatch(name: str, expected: int, found: int, source: str) -> str:
    why = "" if expected == 1 else f", as {source} has"
    again = f"delete it and run `{COMMAND}`"
    # Kafka adds partitions to a topic, but removes none.
    remedy = (
        f"add partitions with `kafka-topics.sh --alter`, or {again}" if found < expected else again
    )
    return f"expected the topic {name} to have {_say(expected)}{why}, but it has {found}: {remedy}"


def _say(partitions: int) -> str:
    return "1 partition" if partitions == 1 else f"{partitions} partitions"


async def verify_topics(settings: Settings) -> None:
    """Check at start-up that a worker's topics exist with enough partitions, and its rights.

    Raises
    ------
    StartupError
        Kafka can't be reached, this user lacks a right, or a topic is missing or has fewer
        partitions than the source.
    """
    uses = uses_of(settings)
    async with connected(settings) as client:
        found = _counts(await verify_rights(client, settings, uses))
    wrong = faults(settings, found, topics_of(uses))
    if wrong:
        raise StartupError("; ".join(wrong))


async def partition_counts(settings: Settings, use: Use) -> dict[str, int]:
    """Return the number of partitions of a command's existing topics, by name.

    Raises
    ------
    StartupError
        Kafka can't be reached, or this user lacks a right that the command needs.
    """
    async with connected(settings) as client:
        return _counts(await verify_rights(client, settings, (use,)))


async def listed_topics(settings: Settings) -> Mapping[str, DescribedTopic]:
    """Return every topic of LeadScore as the broker describes it to this user, by name.

    Raises
    ------
    StartupError
        When Kafka can't be reached.
    """
    async with connected(settings) as client:
        return await describe_topics(client, [topic.name(settings) for topic in TOPICS])


async def create_topics(
    settings: Settings,
    partitions: int | None = None,
    replication_factor: int = BROKERS_DEFAULT,
    retention: timedelta | None = None,
) -> list[MadeTopic]:
    """Create the missing topics.

    Parameters
    ----------
    settings
        Settings with the topics' names and the broker.
    partitions
        Partitions of the source and the topics that match it; by default those of the existing
        source, else four.
    replication_factor
        Replication factor of new topics; by default that of the brokers.
    retention
        How long a new source topic keeps leads; by default as declared.

    Raises
    ------
    StartupError
        When the broker can't be reached or refuses, or a topic exists with another number of
        partitions.
    """
    source = SOURCE.name(settings)
    async with connected(settings) as client, _open_admin(settings) as admin:
        found = _counts(await verify_rights(client, settings, (Use.CREATE,)))
        count = partitions or found.get(source, DEFAULT_PARTITIONS)
        _refuse_mismatch(expected_partitions(settings, count), found)
        # The source first, as others match it, and another process may create it at the same time.
        kept = {} if retention is None else {"retention.ms": str(round(retention / MILLISECOND))}
        first = {source: _new_topic(SOURCE, source, count, replication_factor, kept)}
        created = await _create(admin, first, found, settings)
        found = await _wait_until_seen(client, first)
        count = partitions or found[source]
        expected = expected_partitions(settings, count)
        _refuse_mismatch(expected, found)
        wanted = {
            name: _new_topic(topic, name, expected[name], replication_factor)
            for name, topic in zip(expected, TOPICS, strict=True)
        }
        created |= await _create(admin, wanted, found, settings)
        _refuse_mismatch(expected, await _wait_until_seen(client, wanted))
    return [
        MadeTopic(name, count, "created" if name in created else "existed")
        for name, count in expected.items()
    ]


async def create_copies(
    settings: Settings, copies: Mapping[str, Topic], partitions: int, use: Use
) -> None:
    """Create topics under names of their own, with the configuration of declared ones.

    Parameters
    ----------
    settings
        Settings with the broker.
    copies
        The declared topics by the names that the copies get; one that exists is not changed.
    partitions
        Number of partitions of each.
    use
        The use whose rights are named if one is missing.

    Raises
    ------
    StartupError
        When the broker can't be reached or refuses, or a topic exists with another number of
        partitions.
    """
    expected = dict.fromkeys(copies, partitions)
    async with connected(settings) as client, _open_admin(settings) as admin:
        found = _counts(await describe_topics(client, list(copies)))
        _refuse_mismatch(expected, found)
        wanted = {
            name: _new_topic(topic, name, partitions, BROKERS_DEFAULT)
            for name, topic in copies.items()
        }
        await _create(admin, wanted, found, settings, use)
        _refuse_mismatch(expected, await _wait_until_seen(client, copies))


def planned(
    settings: Settings, found: Mapping[str, DescribedTopic], partitions: int | None = None
) -> list[MadeTopic]:
    """Return what `create_topics` would create, and what exists.

    Parameters
    ----------
    settings
        Settings with the topics' names.
    found
        Topics as `listed_topics` returns them.
    partitions
        As for `create_topics`.

    Raises
    ------
    StartupError
        A topic exists with another number of partitions.
    """
    counts = _counts(found)
    count = partitions or counts.get(SOURCE.name(settings), DEFAULT_PARTITIONS)
    expected = expected_partitions(settings, count)
    _refuse_mismatch(expected, counts)
    return [
        MadeTopic(name, count, "existed" if name in counts else "missing")
        for name, count in expected.items()
    ]


def _refuse_mismatch(expected: Mapping[str, int], found: Mapping[str, int]) -> None:
    wrong = [
        f"expected {name} to have {_say(count)}, it exists with {found[name]}"
        for name, count in expected.items()
        if found.get(name, count) != count
    ]
    if wrong:
        raise StartupError(
            f"{'; '.join(wrong)}; not created: give the number that is there with"
            " --partitions, or add partitions with `kafka-topics.sh --alter`"
        )


def _new_topic(
    topic: Topic,
    name: str,
    partitions: int,
    replication_factor: int,
    configs: Mapping[str, str] = MappingProxyType({}),
) -> NewTopic:
    has_default = replication_factor == BROKERS_DEFAULT
    return NewTopic(
        name,
        partitions,
        replication_factor,
        replica_assignments={} if has_default else None,  # aiokafka's way to allow -1
        topic_configs={**topic.configs, **configs},
    )


async def _create(
    admin: AIOKafkaAdminClient,
    wanted: Mapping[str, NewTopic],
    found: Mapping[str, int],
    settings: Settings,
    use: Use = Use.CREATE,
) -> set[str]:
    missing = [topic for name, topic in wanted.items() if name not in found]
    if not missing:
        return set()
    cluster = await admin.describe_cluster()
    if cluster["controller_id"] not in [broker["node_id"] for broker in cluster["brokers"]]:
        raise StartupError(
            "expected a broker that creates topics on request, but this one does not (is it"
            " librdkafka's mock broker?): create them with its own tools"
        )
    created = set()
    for name, code, message in (await admin.create_topics(missing)).topic_errors:
        error = for_code(code)
        if error is TopicAuthorizationFailedError:
            lacking = Right(Operation.CREATE, "topic", name)
            raise StartupError(refusal(settings, [lacking], (use,)))
        if code and error is not TopicAlreadyExistsError:  # another process has created it
            raise StartupError(f"the broker refused to create {name}: {message or error.__name__}")
        if not code:
            created.add(name)
    return created


async def _wait_until_seen(client: AIOKafkaClient, names: Iterable[str]) -> dict[str, int]:
    """Wait until the brokers list the created topics: the controller knows them earlier."""
    for _ in range(SEEN_ATTEMPTS):
        found = _counts(await describe_topics(client, list(names)))
        unseen = set(names) - found.keys()
        if not unseen:
            return found
        await asyncio.sleep(SEEN_WAIT_SECONDS)
    raise StartupError(
        f"the broker created {', '.join(sorted(unseen))} but does not list it yet: check again"
        " with `leadscore topics list`"
    )


def _counts(described: Mapping[str, DescribedTopic]) -> dict[str, int]:
    return {name: topic.partitions for name, topic in described.items() if topic.partitions}


@asynccontextmanager
async def _open_admin(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(**settings.kafka_client_options())
    try:
        await admin.start()
        yield admin
    finally:
        await closed(admin.close())
