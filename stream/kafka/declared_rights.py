"""Every right of LeadScore in Kafka, declared once: those on topics beside the topics themselves.

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
    """Its name, made of settings."""
    rights: Mapping[Use, tuple[Operation, ...]]
    is_prefix: bool = False
    """Whether the name is a prefix of the resources' names."""

    def name(self, settings: Settings) -> str:
        """Return its name under these settings."""
        return self.template.format(settings)


RESOURCES: tuple[Resource, ...] = (
    *(Resource("topic", topic.template, topic.rights) for topic in TOPICS),
    Resource("group", "{0.group_id}", {Use.SCORE: (Operation.READ,)}),
    # Faust's group, as stream/app.py names it.
    Resource("group", "{0.group_id}-drift", {Use.DRIFT: (Operation.READ,)}),
    # Of each partition of the source one, as stream/deliver/transactional_writer.py names them.
    Resource(
        "transactional-id",
        "{0.group_id}/{0.leads_created}/",
        {Use.TRANSACT: (Operation.WRITE,)},
        is_prefix=True,
    ),
)
"""All of them. Read, Write and Create imply Describe."""

CLUSTER = "kafka-cluster"
"""The name that Kafka gives the one resource of this type."""

CHECK_ID = "check"
"""With the prefix of the transactional ids: the one of the start-up check, which no writer has."""


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


def rights_of(settings: Settings, uses: Collection[Use]) -> tuple[Right, ...]:
    """Return the least rights for some uses, each once, in the order of the declarations."""
    found = (
        Right(operation, resource.type, resource.name(settings), resource.is_prefix)
        for resource in RESOURCES
        for use in Use
        if use in uses
        for operation in resource.rights.get(use, ())
    )
    return tuple(dict.fromkeys(found))


def optional_rights_of(settings: Settings, uses: Collection[Use]) -> tuple[Right, ...]:
    """Return the rights that workers use but can do without.

    DescribeConfigs on an output topic tells how large a record may be; without it 1,000,000 bytes
    are assumed until the broker refuses a record. On the source topic it tells whether batches may
    be too large to be read; without it there is no warning (stream/consume/large_batches.py).
    Describe on the cluster tells Kafka's time; without it a worker goes by its own clock
    (stream/kafka/broker_clock.py). Read on the topics of scored leads and dead letters tells how
    far an earlier owner came under another model; without it all leads up to the partition's end
    are scored by that model (stream/deliver/emitted_offsets.py).
    """
    workers = set(uses) & {Use.SCORE, Use.COUNT, Use.DRIFT}
    if not workers:
        return ()
    written = {r.name for r in rights_of(settings, uses) if r.operation is Operation.WRITE}
    return (
        Right(Operation.DESCRIBE, "cluster", CLUSTER),
        *(
            Right(operation, "topic", topic.name(settings))
            for topic in topics_of(workers)
            if topic is SOURCE or topic.name(settings) in written
            for operation in topic.optional
        ),
    )
