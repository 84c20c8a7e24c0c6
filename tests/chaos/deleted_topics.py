"""Deletions of a topic under a stage, and what the audits can compare after them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from aiokafka.errors import KafkaError

from stream.kafka.topic_ids import TopicIds
from testing.kafka_client import open_admin, read_ends, until
from tests.chaos.crew import Crew
from tests.integration.worker_process import Stage

Begins = dict[str, dict[int, int]]
"""By topic and partition, the first offset that an audit counts."""
ANOTHER_WITHIN = 60.0


async def begins_after(stage: Stage, deleted: str) -> Begins:
    """Return where leads and outputs end now, when all is done; the deleted topic begins at 0."""
    settings = stage.settings
    topics = {settings.leads_created, settings.leads_scored, settings.leads_created_dlq}
    return {
        topic: await read_ends(settings.kafka_bootstrap_servers, topic)
        for topic in topics - {deleted}
    }


async def delete_topic(stage: Stage, topic: str) -> None:
    async with open_admin(stage.settings.kafka_bootstrap_servers) as admin:
        await admin.delete_topics([topic])


async def ask_for(stage: Stage, topic: str) -> None:
    """Ask for a topic as any client does; a broker may create it then."""
    async with open_admin(stage.settings.kafka_bootstrap_servers) as admin:
        await admin.describe_topics([topic])


async def id_of(stage: Stage, topic: str) -> str | None:
    return await TopicIds(stage.settings.kafka_client_options()).read(topic)


async def until_another(stage: Stage, topic: str, topic_id: str | None) -> None:
    """Wait until a topic with another id has the name."""

    async def is_another() -> bool:
        return await id_of(stage, topic) != topic_id

    await until(is_another, within=ANOTHER_WITHIN, what=f"{topic} created again")


async def until_done_since(stage: Stage, begins: Mapping[int, int], count: int) -> None:
    """Wait until the group has committed more leads than a number since some offsets."""
    settings = stage.settings

    async def are_done() -> bool:
        with suppress(KafkaError, AssertionError):
            ends = await read_ends(settings.kafka_bootstrap_servers, settings.leads_created)
            committed = await stage.committed()
            done = [min(committed.get(at, 0), end) - begins.get(at, 0) for at, end in ends.items()]
            return sum(done) > count
        return False

    await until(are_done, within=120, what=f"{count} leads done")


async def lost_partitions(crew: Crew) -> set[int]:
    """Return the partitions whose loss the workers report in /readyz."""
    answers = [await member.process.answer("/readyz") for member in crew.members]
    return {loss["partition"] for _, body in answers for loss in body.get("losses", ())}


def is_confused(crew: Crew) -> bool:
    """Return whether a client of a worker failed because a partition is gone."""
    return any(worker.has_logged("Unrecognized partition") for worker in crew.stage.workers)
