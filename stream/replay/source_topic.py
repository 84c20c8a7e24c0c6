"""Whether the topic that a plan was made for still exists."""

from __future__ import annotations

from schemas.errors import StartupError
from stream.kafka.topic_ids import TopicIds
from stream.replay.plan import ReplayPlan
from stream.settings import Settings

__all__ = ["read_topic_id", "require_same_topic"]


async def read_topic_id(settings: Settings, topic: str) -> str | None:
    """Return the id of a topic; None where the broker gives topics none.

    Raises
    ------
    KafkaError
        Kafka did not answer.
    """
    return await TopicIds(settings.kafka_client_options()).read(topic)


async def require_same_topic(settings: Settings, plan: ReplayPlan) -> None:
    """Check that the topic of a plan was not deleted and created again since.

    A replay of an archive reads no topic.

    Raises
    ------
    StartupError
        It was: the offsets of the plan are of other records.
    KafkaError
        Kafka did not answer.
    """
    if plan.topic_id is None or plan.archive is not None:
        return
    found = await read_topic_id(settings, plan.topic)
    if found is not None and found != plan.topic_id:
        raise StartupError(
            f"expected the topic {plan.topic} for which replay {plan.id} was planned, but it was"
            " deleted and created again: its offsets are of other records; start a new replay"
        )
