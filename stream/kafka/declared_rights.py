"""Every Kafka right of LeadScore, declared once; those on topics are declared with the topics.

docs/rights.md is made from this page and stream/kafka/topic_catalog.py by `make docs`; a test on a
broker with an authorizer shows that these rights suffice and that each is needed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from stream.kafka.access import Operation, ResourceType, Use
from stream.kafka.topic_catalog import SOURCE, TOPICS, topics_of
from stream.settings import Settings

__all__ = [
    "CHECK_ID",
    "CLUSTER",
    "RESOURCES",
    "Resource",
    "Right",
    "optional_rights_of",
    "rights_of",
]


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource of Kafka's authorizer, and who needs which operations on it."""

    type: ResourceType
    template: str
    """Computes the name from the settings."""
    rights: Mapping[Use, tuple[Operation, ...]]
    is_prefix: bool = False
    """Whether the name is a prefix of the resources' names."""

    def name(self, settings: Settings) -> str:
        """Return its name under these settings."""
        return self.template.format(settings)


RESCORED = "{0.topic_prefix}leads.rescored."
"""Computes from the settings what the names of replays' outputs begin with."""

RESOURCES: tuple[Resource, ...] = (
    *(Resource("topic", topic.template, topic.rights) for topic in TOPICS),
    Resource(
        "group",
        "{0.group_id}",
        {Use.SCORE: (Operation.READ,), Use.LAG: (Operation.DESCRIBE,)},
    ),
    # Progress of replays and their outputs, named by stream/replay/plan.py and launch.py.
    Resource("group", "{0.group_id}-replay-", {Use.REPLAY: (Operation.READ,)}, is_prefix=True),
    Resource(
        "topic",
        RESCORED,
        {Use.REPLAY: (Operation.CREATE, Operation.WRITE), Use.ERASE: (Operation.READ,)},
        is_prefix=True,
    ),
    Resource(
        "transactional-id",
        "{0.group_id}-replay-",
        {Use.REPLAY: (Operation.WRITE,)},
        is_prefix=True,
    ),
    Resource("group", "{0.shadow_group}", {Use.SHADOW: (Operation.READ,)}),
    # As stream/roles/archive.py names it.
    Resource("group", "{0.group_id}-archive", {Use.ARCHIVE: (Operation.READ,)}),
    Resource("group", "{0.group_id}-outcomes", {Use.OUTCOMES: (Operation.READ,)}),
    # Of each sink, by its name (Settings.sink_group).
    Resource(
        "group",
        "{0.group_id}-sink-",
        dict.fromkeys((Use.SINK, Use.SINK_LEADS, Use.SINK_OVERDUE), (Operation.READ,)),
        is_prefix=True,
    ),
    # Faust's groups, as stream/faust_app.py names them.
    Resource("group", "{0.group_id}-drift", {Use.DRIFT: (Operation.READ,)}),
    Resource("group", "{0.group_id}-trainer", {Use.TRAIN: (Operation.READ,)}),
    Resource("group", "{0.group_id}-rollout", {Use.ROLLOUT: (Operation.READ,)}),
    # One per partition of the source, named by stream/deliver/transactional_writer.py.
    Resource(
        "transactional-id",
        "{0.group_id}/{0.leads_created}/",
        {Use.TRANSACT: (Operation.WRITE,)},
        is_prefix=True,
    ),
    Resource(
        "transactional-id",
        "{0.shadow_group}/{0.leads_created}/",
        {Use.SHADOW_TRANSACT: (Operation.WRITE,)},
        is_prefix=True,
    ),
    # Named by stream/dead_letters/redriving.py.
    Resource(
        "transactional-id",
        "{0.group_id}/{0.leads_created_dlq}/",
        {Use.REDRIVE: (Operation.WRITE,)},
        is_prefix=True,
    ),
)
"""All resources. Read, Write and Create imply Describe."""

CLUSTER = "kafka-cluster"
"""The name that Kafka gives the one resource of this type."""

SCORERS = {Use.SCORE, Use.SHADOW}
WORKERS = SCORERS | {
    *(Use.COUNT, Use.DRIFT, Use.ROLLOUT, Use.OUTCOMES, Use.TIMERS),
    *(Use.SINK, Use.SINK_LEADS, Use.SINK_OVERDUE),
}
"""Uses of workers that have optional rights."""

CHECK_ID = "check"
"""Suffix of the transactional id of the start-up check, which no writer uses."""


@dataclass(frozen=True, slots=True)
class Right:
    """One operation on one resource."""

    operation: Operation
    type: ResourceType
    name: str
    is_prefix: bool = False

    def __str__(self) -> str:
        if self.type == "cluster":
            return f"{self.operation.title} on the cluster"
        kind = self.type.replace("-", " ") + ("s that begin with" if self.is_prefix else "")
        return f"{self.operation.title} on the {kind} {self.name}"


CLOCK = Right(Operation.DESCRIBE, "cluster", CLUSTER)
"""Right to read Kafka's clock."""


def rights_of(settings: Settings, uses: Collection[Use]) -> tuple[Right, ...]:
    """Return the minimum rights for some uses, without duplicates, in the declared order."""
    found = (
        Right(operation, resource.type, resource.name(settings), resource.is_prefix)
        for resource in RESOURCES
        for use in Use
        if use in uses
        for operation in resource.rights.get(use, ())
    )
    return tuple(dict.fromkeys(found))


def optional_rights_of(settings: Settings, uses: Collection[Use]) -> tuple[Right, ...]:
    """Return the rights that workers and some commands use if they have them.

    - DescribeConfigs on an output topic: to read its largest record size. Without it 1,000,000
      bytes are assumed until the broker refuses a record.
    - DescribeConfigs on the source topic: to warn if it allows batches that are too large to be
      read (stream/consume/large_batches.py).
    - Describe on the cluster: to read Kafka's clock. Without it a worker, and `leadscore lag`, use
      that of their machine (stream/kafka/broker_clock.py).
    - Read on the topics of scored leads and dead letters: to find how far an earlier owner emitted
      scores of another model, and whether a missing commit was deleted. Without it that model
      scores all leads up to the end of the partition (stream/deliver/emitted_offsets.py), and a
      missing commit is not reported (stream/consume/missing_commits.py).
    - For an erasure, DescribeConfigs on the topics of leads: to know what ages out when; and Write
      on those that are compacted, for tombstones.
    - For an explanation, Read on the shadow's scores and on those of replays: to explain a score at
      a place in them; and on the plans of replays: for the ages of a rescore.
    - For `leadscore serve`, DescribeConfigs on the topic of leads: its largest record size.
    - For a replay, Describe on the workers' group and Read on their scored events: to yield to them
      (stream/replay/live_watch.py). Without these it does not.
    """
    workers = set(uses) & WORKERS
    if Use.REPLAY in uses:
        return (
            Right(Operation.DESCRIBE, "group", settings.group_id),
            Right(Operation.READ, "topic", settings.leads_scored),
        )
    if Use.ERASE in uses:
        held = [topic.name(settings) for topic in TOPICS if topic.holds_leads]
        operations = (Operation.DESCRIBE_CONFIGS, Operation.WRITE)
        return tuple(Right(each, "topic", name) for name in held for each in operations)
    if Use.EXPLAIN in uses:
        return (
            Right(Operation.READ, "topic", settings.leads_replays),
            Right(Operation.READ, "topic", settings.leads_scored_shadow),
            Right(Operation.READ, "topic", RESCORED.format(settings), is_prefix=True),
        )
    if Use.SERVE in uses:
        return (Right(Operation.DESCRIBE_CONFIGS, "topic", settings.leads_created),)
    if not workers:
        return (CLOCK,) if Use.LAG in uses else ()
    written = {r.name for r in rights_of(settings, uses) if r.operation is Operation.WRITE}
    return (
        CLOCK,
        *(
            Right(operation, "topic", topic.name(settings))
            for topic in topics_of(workers)
            if (topic is SOURCE and workers & SCORERS) or topic.name(settings) in written
            for operation in topic.optional
        ),
    )
