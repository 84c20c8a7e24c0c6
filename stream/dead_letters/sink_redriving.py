"""Wiring of a re-drive of a sink's dead letters: its clients, and the rights that it needs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from schemas.store import SchemaStore
from stream.dead_letters.dead_letter_log import DeadLetterLog
from stream.dead_letters.sink_redrive import SinkAccount, SinkRedrive
from stream.kafka.access import Use
from stream.kafka.topic_ids import TopicIds
from stream.schema_registry.opened import open_lookup
from stream.settings import Settings
from stream.sinks.assembly import sink_settings
from stream.sinks.kinds import make_sink
from stream.sinks.reading import reader_of

__all__ = ["redrive_sink"]

ANSWER_LIMIT = 60.0
"""Seconds for the id of the topic."""


async def redrive_sink(
    settings: Settings,
    *,
    since_ms: int | None,
    stop: asyncio.Event,
    on_progress: Callable[[SinkAccount], None],
) -> SinkAccount:
    """Write the dead letters of the settings' sink to its target, up to where the topic ends now.

    Parameters
    ----------
    settings
        Kafka, and the sink.
    since_ms
        Start at the first letter of this time or later, milliseconds since 1970; None: at the
        start of the topic.
    stop
        Ends it after the write under way.
    on_progress
        Called with the account after each write.

    Raises
    ------
    StartupError
        Kafka can't be reached, a right or a topic is missing, or a setting of the sink.
    FatalError
        Kafka stopped answering, or the sink can't continue.
    """
    settings = sink_settings(settings)
    letters = DeadLetterLog(settings, settings.leads_sinks_dlq)
    sink, schemas = make_sink(settings), open_lookup(settings)
    try:
        spans = await letters.spans(Use.SINK_REDRIVE, since_ms=since_ms)
        async with asyncio.timeout(ANSWER_LIMIT):
            topic_id = await TopicIds(settings.kafka_client_options()).read(letters.topic)
        return await SinkRedrive(
            sink,
            settings.sink_label,
            reader_of(
                settings.sink_content,
                SchemaStore.load(*settings.schema_folders),
                None if schemas is None else schemas.registered,
            ),
            letters,
            topic_id=topic_id or "",
            stop=stop,
            look_up=None if schemas is None else schemas.resolve,
            on_progress=on_progress,
        ).run(spans)
    finally:
        if schemas is not None:
            await schemas.close()
