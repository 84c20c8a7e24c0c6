"""Settings of a sink's parts, from those of the worker."""

from __future__ import annotations

from stream.settings import Settings
from stream.sinks.sink import Gathering, Sink

__all__ = ["TURNS", "gathering_of", "sink_settings"]

TURNS = 300.0
"""Seconds that a partition may wait for its turn: one is written after the other, and the consumer
hands over what it has fetched of one before the next, which takes long where a target is slow."""


def sink_settings(settings: Settings) -> Settings:
    """Return the settings for the Kafka clients of a sink.

    They have the group of the sink. Of outputs that workers write exactly once, only the committed
    ones are read.
    """
    committed_only = settings.is_exactly_once and settings.sink_content == "scores"
    return settings.model_copy(
        update={
            "group_id": settings.sink_group,
            "sink_name": settings.sink_label,
            "delivery": "at_least_once",
            "isolation_level": "read_committed" if committed_only else settings.isolation_level,
        }
    )


def gathering_of(settings: Settings, sink: Sink) -> Gathering:
    """Return how long records are gathered: as the settings say, else as the sink needs it."""
    own = sink.gathering
    return Gathering(
        own.records if settings.sink_records is None else settings.sink_records,
        own.seconds if settings.sink_seconds is None else settings.sink_seconds,
    )
