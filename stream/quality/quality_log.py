"""The reports of leads.quality: a bounded read of a compacted topic."""

from __future__ import annotations

import logging
from collections.abc import Collection

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from agents.quality.quality_report import decode_quality_report
from agents.quality.reported_quality import ReportedQuality
from agents.records import SourceRecord as Record
from monitoring.drift.diagnosis import Diagnosis
from schemas.errors import StartupError
from stream.drift.status import LATEST, DriftStatus, decoded_reports
from stream.kafka.access import Use
from stream.kafka.log_reader import LogReader, in_time
from stream.kafka.topic_admin import partition_counts
from stream.settings import Settings

__all__ = ["QualityLog", "leads_diagnosis"]

log = logging.getLogger(__name__)


class QualityLog:
    """Reads the reports on the scores of a topic; each read continues where the last one ended.

    Parameters
    ----------
    settings
        Kafka's address, and the topics.
    topic
        Topic of the scores.
    use
        What it is read for: a missing right is named with it.

    Attributes
    ----------
    reported
        What was read.
    """

    def __init__(self, settings: Settings, topic: str, use: Use = Use.QUALITY) -> None:
        self._settings = settings
        self._use = use
        self._partition = TopicPartition(settings.leads_quality, 0)
        self._reader = LogReader(settings.kafka_client_options(), "read_uncommitted")
        self._next = 0
        self.reported = ReportedQuality(topic)

    async def read(self) -> None:
        """Read what is on the topic now.

        Raises
        ------
        StartupError
            Kafka can't be reached or refuses, or has no such topic.
        """
        name = self._partition.topic
        if name not in await partition_counts(self._settings, self._use):
            raise StartupError(
                f"expected the topic {name}, but it does not exist: create it with `leadscore"
                " topics create`, and start `leadscore worker --role outcomes`, which writes to it"
            )
        try:
            end = await _end_offset(self._reader, self._partition)
            if end < self._next:  # the topic was created again
                self._next, self.reported = 0, self.reported.emptied()
            async for records in in_time(self._reader.read(self._partition, self._next, end)):
                self._take(records)
            self._next = end
        except (KafkaError, TimeoutError) as error:
            raise StartupError(
                f"expected to read {name} from Kafka at {self._settings.kafka_bootstrap_servers},"
                f" but: {str(error) or type(error).__name__}"
            ) from error

    def _take(self, records: Collection[Record]) -> None:
        for record in records:
            if record.value is None:
                self.reported.drop(record.key or b"")
                continue
            try:
                self.reported.take(decode_quality_report(record.value))
            except ValueError as error:
                log.warning(
                    "ignored the invalid record at offset %d of %s: %s",
                    *(record.offset, self._partition.topic, error),
                )


async def leads_diagnosis(settings: Settings) -> Diagnosis | None:
    """Return the diagnosis of the leads by the latest drift report, over its longest horizon.

    Returns
    -------
    Diagnosis or None
        None if there is no report, or none with enough leads.

    Raises
    ------
    StartupError
        Kafka can't be reached or refuses.
    """
    if settings.leads_drift not in await partition_counts(settings, Use.QUALITY):
        return None
    partition = TopicPartition(settings.leads_drift, 0)
    reader = LogReader(settings.kafka_client_options(), "read_uncommitted")
    status = DriftStatus(settings.leads_created)
    try:
        end = await _end_offset(reader, partition)
        async for records in in_time(reader.read(partition, max(0, end - LATEST), end)):
            for report in decoded_reports(partition, records):
                status.take(report)
    except (KafkaError, TimeoutError) as error:
        raise StartupError(
            f"expected to read {partition.topic} from Kafka at"
            f" {settings.kafka_bootstrap_servers}, but: {str(error) or type(error).__name__}"
        ) from error
    horizons = [] if status.window is None else status.window["horizons"]
    found = [Diagnosis(horizon["diagnosis"]) for horizon in horizons]
    return next((one for one in reversed(found) if one is not Diagnosis.TOO_FEW), None)


async def _end_offset(reader: LogReader, partition: TopicPartition) -> int:
    async with reader.open() as consumer:
        return int((await consumer.end_offsets([partition]))[partition])
