"""How long the source topic keeps records: older ones are gone, or go as soon as they are sent."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from aiokafka.errors import KafkaError

from schemas.display import shown_span
from stream.dead_letters.letter import DeadLetter
from stream.kafka.topic_configs import read_topic_configs
from stream.settings import Settings

__all__ = ["SourceRetention", "read_source_retention"]

log = logging.getLogger(__name__)

CLEANUP, RETENTION = "cleanup.policy", "retention.ms"
UNLIMITED = -1


@dataclass(frozen=True, slots=True)
class SourceRetention:
    """Retention of the source topic at a time.

    Attributes
    ----------
    topic
        The source topic.
    kept_ms
        How long it keeps records, in milliseconds; None: without a limit, or not known.
    now_ms
        The time, milliseconds since 1970.
    """

    topic: str
    kept_ms: int | None
    now_ms: int

    def is_over(self, timestamp_ms: int) -> bool:
        """Return whether the topic does not keep a record of this time any more."""
        return self.kept_ms is not None and timestamp_ms < self.now_ms - self.kept_ms

    def is_out_of_reach(self, letter: DeadLetter) -> bool:
        """Return whether only the source record has a letter's value, and that is too old."""
        # The source is older than its letter: enough for letters that do not have its time.
        at = letter.timestamp if letter.source_timestamp is None else letter.source_timestamp
        return letter.is_left_out and self.is_over(at)

    def __str__(self) -> str:
        return f"{self.topic} keeps records for {shown_span(self.kept_ms or 0)}"


async def read_source_retention(settings: Settings, now_ms: int) -> SourceRetention:
    """Read the retention of the source topic; it is not known without DescribeConfigs."""
    topic = settings.leads_created
    try:
        configs = await read_topic_configs(
            settings.kafka_client_options(), [topic], (CLEANUP, RETENTION)
        )
    except KafkaError as error:  # the mock broker does not support the request
        log.warning("the retention of %s can't be read: %r", topic, error)
        return SourceRetention(topic, None, now_ms)
    found = configs.get(topic, {})
    kept_ms = int(found.get(RETENTION, UNLIMITED))
    is_limited = kept_ms != UNLIMITED and "delete" in found.get(CLEANUP, "")
    return SourceRetention(topic, kept_ms if is_limited else None, now_ms)
