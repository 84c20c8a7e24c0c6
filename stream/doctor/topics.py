"""Checks of the topics: existence, co-partitioning, replication."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from stream.doctor.finding import Finding, Level, Surroundings, fail, ok, warn
from stream.kafka.access import uses_of
from stream.kafka.requests import DescribedTopic
from stream.kafka.topic_admin import faults
from stream.kafka.topic_catalog import SOURCE, Topic, topics_of

__all__ = ["check_partitions", "check_replication", "check_topics"]

DURABLE = "min.insync.replicas"
RIGHTS = "see the line on rights"


def _used(at: Surroundings) -> dict[str, Topic]:
    """Return the topics of the worker's role, by name."""
    return {topic.name(at.settings): topic for topic in topics_of(uses_of(at.settings))}


async def _existing(at: Surroundings) -> dict[str, DescribedTopic]:
    assert at.cluster is not None
    found = await at.cluster.topics()
    return {name: found[name] for name in _used(at) if name in found and found[name].partitions}


async def check_topics(at: Surroundings) -> Sequence[Finding]:
    """Check that the topics of the worker's role exist, with one partition where that is meant."""
    assert at.cluster is not None
    used, found, described = _used(at), await _existing(at), await at.cluster.topics()
    hidden = [name for name in used if described[name].operations == frozenset()]
    counts = {name: topic.partitions or 0 for name, topic in found.items()}
    alone = [topic for topic in used.values() if not topic.follows_source]
    findings = [
        fail(f"the topic {name} does not exist", "create it: `leadscore topics create`")
        for name in used
        if name not in found and name not in hidden
    ]
    findings += [
        warn(f"whether the topic {name} exists is not known: this user may not see it", RIGHTS)
        for name in hidden
    ]
    findings += [
        fail(*_split(fault))
        for fault in faults(at.settings, counts, alone)
        if "does not exist" not in fault
    ]
    if not findings:
        listed = ", ".join(f"{name} ({count})" for name, count in counts.items())
        findings = [ok(f"all topics of role {at.settings.role} exist (partitions): {listed}")]
    return findings


async def check_partitions(at: Surroundings) -> Sequence[Finding]:
    """Check co-partitioning: outputs are written to the number of the source's partition."""
    used, found = _used(at), await _existing(at)
    source = SOURCE.name(at.settings)
    counts = {name: topic.partitions or 0 for name, topic in found.items()}
    following = [topic for name, topic in used.items() if topic.follows_source and name in found]
    if source not in found:
        return [] if not any(topic.follows_source for topic in used.values()) else [_unknown()]
    findings = [fail(*_split(fault)) for fault in faults(at.settings, counts, following)]
    if not findings:
        names = " and ".join(topic.name(at.settings) for topic in following if topic is not SOURCE)
        findings = [ok(f"{names} have at least the {counts[source]} partitions of {source}")]
    return findings


def _unknown() -> Finding:
    return warn(
        "not checked, as the leads topic does not exist, or this user may not see it",
        "see the lines on topics and rights",
    )


def _split(fault: str) -> tuple[str, str]:
    """Split a sentence of the start-up check into facts and remedy."""
    sentence, _, remedy = fault.rpartition(": ")
    return sentence, remedy


async def check_replication(at: Surroundings) -> Sequence[Finding]:
    """Check that acknowledged records survive the loss of a broker, and that writes continue."""
    assert at.cluster is not None
    configs = await at.cluster.configs()
    found = await _existing(at)
    names: dict[_Fault, list[str]] = {}
    for name, topic in found.items():
        for fault in _replication(topic, configs.get(name)):
            names.setdefault(fault, []).append(name)
    if found and not names:
        least = min(topic.replicas for topic in found.values())
        return [ok(f"every topic has {least} replicas or more, all in sync")]
    return [fault.of(topics) for fault, topics in names.items()]


class _Fault(NamedTuple):
    """A fault that several topics may have."""

    level: Level
    fact: str
    remedy: str

    def of(self, topics: Sequence[str]) -> Finding:
        """Return the finding on the topics that have it."""
        make = fail if self.level is Level.FAIL else warn
        return make(f"{', '.join(topics)}: {self.fact}", self.remedy)


def _replication(topic: DescribedTopic, configs: Mapping[str, str] | None) -> Iterator[_Fault]:
    if topic.in_sync < topic.replicas:
        yield _Fault(
            Level.WARN,
            f"a partition has {topic.in_sync} of {topic.replicas} replicas in sync",
            "find the broker that is down or slow",
        )
    if configs is None or DURABLE not in configs:
        yield _Fault(
            Level.WARN,
            f"{DURABLE} can't be read",
            "grant DescribeConfigs on the topic, which is optional (docs/rights.md)",
        )
        return
    least = int(configs[DURABLE])
    if least > topic.in_sync:
        yield _Fault(
            Level.FAIL,
            f"{_replicas(topic.in_sync)} in sync and {DURABLE}={least}: nothing can be written",
            f"start the missing brokers, add replicas, or lower {DURABLE}",
        )
    elif topic.replicas == 1:
        yield _Fault(
            Level.WARN,
            "one replica: a lost disk loses its records",
            "use 3 replicas in production (`leadscore topics create --replication-factor 3`, or"
            " kafka-reassign-partitions.sh)",
        )
    elif least < 2:
        yield _Fault(
            Level.WARN,
            f"{DURABLE}={least}: a record may be acknowledged by one broker alone",
            f"set {DURABLE}=2 on the topic",
        )
    elif least == topic.replicas:
        yield _Fault(
            Level.WARN,
            f"{DURABLE}={least} and as many replicas: one broker that restarts stops all writes",
            f"add a replica, or lower {DURABLE}",
        )


def _replicas(count: int) -> str:
    return "1 replica" if count == 1 else f"{count} replicas"
