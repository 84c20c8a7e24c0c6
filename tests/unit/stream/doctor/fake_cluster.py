"""A cluster for the checks that answers what a test says."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from schemas.errors import StartupError
from stream.doctor.cluster import Oldest
from stream.doctor.finding import Surroundings
from stream.kafka.access import Operation, Use
from stream.kafka.group_requests import DescribedGroup
from stream.kafka.requests import DescribedTopic
from stream.kafka.topic_catalog import TOPICS
from stream.settings import Settings

WEEK_MS = 7 * 86_400_000
DURABLE: Mapping[str, str] = {
    "cleanup.policy": "delete",
    "max.message.bytes": "1048588",
    "min.insync.replicas": "2",
    "retention.bytes": "-1",
    "retention.ms": str(WEEK_MS),
}
KAFKA_4: Mapping[int, tuple[int, int]] = {1: (4, 18), 3: (0, 13), 55: (0, 2)}


def described(partitions: int | None = 4, replicas: int = 3, in_sync: int = 3) -> DescribedTopic:
    return DescribedTopic(partitions, frozenset(Operation), replicas, in_sync)


@dataclass
class FakeCluster:
    """A sound cluster of three brokers, unless a test changes an answer."""

    settings: Settings
    described: dict[str, DescribedTopic] = field(default_factory=dict)
    configured: dict[str, dict[str, str]] = field(default_factory=dict)
    supported: Mapping[int, tuple[int, int]] = field(default_factory=lambda: KAFKA_4)
    ahead: float | None = 0.0
    """Seconds by which this machine's clock is ahead; None: Kafka does not show its clock."""
    members: DescribedGroup = field(default_factory=lambda: DescribedGroup("Empty", "", ()))
    commits_kept: float | None = WEEK_MS / 60_000
    """Minutes; None: this user may not read the brokers' configs."""
    missing_right: str = ""
    oldest_ms: list[int | None] = field(default_factory=list)
    error: Exception | None = None

    def __post_init__(self) -> None:
        for topic in TOPICS:
            name = topic.name(self.settings)
            self.described[name] = described(4 if topic.follows_source else 1)
            self.configured[name] = dict(DURABLE)

    async def brokers(self) -> Collection[str]:
        if self.error:
            raise self.error
        return ["a:9092", "b:9092", "c:9092"]

    async def versions(self) -> Mapping[int, tuple[int, int]]:
        return self.supported

    async def topics(self) -> Mapping[str, DescribedTopic]:
        return self.described

    async def configs(self) -> Mapping[str, Mapping[str, str]]:
        return self.configured

    async def commit_minutes(self) -> float | None:
        return self.commits_kept

    async def time(self) -> float | None:
        return None if self.ahead is None else time.time() - self.ahead

    async def group(self, name: str) -> DescribedGroup:
        return self.members

    async def verify_rights(self, uses: Collection[Use]) -> None:
        if self.missing_right:
            raise StartupError(self.missing_right)

    async def oldest(self, topic: str) -> list[Oldest]:
        return [Oldest(number, stamp) for number, stamp in enumerate(self.oldest_ms)]


def surroundings(**settings: object) -> tuple[Surroundings, FakeCluster]:
    """Return sound surroundings, and the cluster in them to break."""
    made = Settings(**settings)  # type: ignore[arg-type]
    cluster = FakeCluster(made)
    return Surroundings(made, cluster, {}), cluster
