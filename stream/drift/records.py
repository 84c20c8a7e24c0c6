"""Decodes the records of the drift topics; invalid ones are logged and ignored."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from agents.drift_reports import decode_report
from agents.partials import Partial, decode_partial
from stream.settings import Settings

__all__ = ["DriftRecords"]

log = logging.getLogger(__name__)


class DriftRecords:
    """Decodes partials and reports about leads of the worker's source topic.

    Parameters
    ----------
    settings
        The names of the topics.
    """

    def __init__(self, settings: Settings) -> None:
        self._source_topic = settings.leads_created
        self._partials_topic = settings.leads_drift_partials
        self._reports_topic = settings.leads_drift

    def partials(self, values: Iterable[bytes | None]) -> Iterator[Partial]:
        """Decode partials; those about other topics are ignored."""
        for value in values:
            try:
                partial = decode_partial(value)
            except ValueError as error:
                _log_ignored(self._partials_topic, error)
                continue
            if partial.topic == self._source_topic:
                yield partial

    def reports(self, values: Iterable[bytes | None]) -> Iterator[Mapping[str, Any]]:
        """Decode reports; those about other topics are ignored."""
        for value in values:
            try:
                record = decode_report(value)
            except ValueError as error:
                _log_ignored(self._reports_topic, error)
                continue
            if record["topic"] == self._source_topic:
                yield record


def _log_ignored(topic: str, error: ValueError) -> None:
    log.warning("ignored an invalid record of %s: %s", topic, error)
