"""Current drift status, from the report topic: the newest window and the latest alarms."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from agents.drift_reports import decode_report
from schemas.errors import StartupError
from stream.consume.partition_progress import Record
from stream.kafka.access import Use
from stream.kafka.log_reader import LogReader
from stream.kafka.topic_admin import partition_counts
from stream.settings import Settings

__all__ = ["LATEST", "DriftStatus", "decoded_reports", "reports"]

log = logging.getLogger(__name__)

LATEST = 300
"""Records to read at first: a day of windows of five minutes, or fewer windows and their alarms."""
ALARMS = 100


class DriftStatus:
    """Newest drift report and latest alarms of a topic of leads.

    Parameters
    ----------
    topic
        Topic of the leads; reports on other topics are ignored.

    Attributes
    ----------
    window
        Report of the newest window of the latest model, a record of drift_report.avsc; None if
        there is none yet.
    """

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self.window: Mapping[str, Any] | None = None
        self._alarms: dict[tuple[Any, ...], Mapping[str, Any]] = {}

    @property
    def alarms(self) -> list[Mapping[str, Any]]:
        """The reports of the latest alarms, the newest first."""
        return [*reversed(self._alarms.values())]

    def take(self, report: Mapping[str, Any]) -> bool:
        """Add a report, in the order of the topic; return whether it changes the status."""
        if report["topic"] != self._topic:
            return False
        if (alarm := report["alarm"]) is not None:
            key = (*_place(report), alarm["detector"], alarm["stream"])
            is_news = self._alarms.pop(key, None) is None  # reports are delivered at least once
            self._alarms[key] = report
            if len(self._alarms) > ALARMS:
                del self._alarms[next(iter(self._alarms))]
            return is_news
        if self.window is not None and not _supersedes(report, self.window):
            return False
        self.window = report
        return True


def _place(report: Mapping[str, Any]) -> tuple[str, int]:
    return report["model_sha256"], report["window_start"]


def _supersedes(report: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    """Return whether a report replaces another; of the same window, the one of more leads is kept.

    A later report of another model always replaces it, whatever its event time: a new model may
    score old leads again.
    """
    if report["model_sha256"] != before["model_sha256"]:
        return True
    if report["window_start"] == before["window_start"]:
        return bool(report["leads"] >= before["leads"])
    return bool(report["window_end"] > before["window_end"])


async def reports(settings: Settings) -> AsyncGenerator[Sequence[Mapping[str, Any]], None]:
    """Yield the latest reports, then new ones as they arrive, or an empty batch twice a second.

    Close the generator when done, for example with `contextlib.aclosing`.

    Parameters
    ----------
    settings
        Kafka's address, and the topic.

    Yields
    ------
    sequence of mapping
        Records of drift_report.avsc; the first batch has up to the latest few hundred.

    Raises
    ------
    StartupError
        Kafka can't be reached, or has no such topic.
    """
    if settings.leads_drift not in await partition_counts(settings, Use.STATUS):
        raise StartupError(
            f"expected the topic {settings.leads_drift}, but it does not exist: create it with"
            " `leadscore topics create`, and start `leadscore worker --role drift`, which writes"
            " to it"
        )
    partition = TopicPartition(settings.leads_drift, 0)
    reader = LogReader(settings.kafka_client_options(), "read_uncommitted")
    try:
        async with reader.open() as consumer:
            end = (await consumer.end_offsets([partition]))[partition]
        yield decoded_reports(partition, await reader.last(partition, LATEST, before=end))
        async with aclosing(reader.follow(partition, end)) as followed:
            async for records in followed:
                yield decoded_reports(partition, records)
    except (KafkaError, TimeoutError) as error:
        raise StartupError(
            f"expected to read {settings.leads_drift} from Kafka at"
            f" {settings.kafka_bootstrap_servers}, but: {str(error) or type(error).__name__}"
        ) from error


def decoded_reports(
    partition: TopicPartition, records: Iterable[Record]
) -> list[Mapping[str, Any]]:
    """Return the drift reports of records; a record that is none is skipped, and logged."""
    decoded = []
    for record in records:
        try:
            decoded.append(decode_report(record.value))
        except ValueError as error:
            log.warning(
                "ignored the invalid record at offset %d of %s: %s",
                *(record.offset, partition.topic, error),
            )
    return decoded
