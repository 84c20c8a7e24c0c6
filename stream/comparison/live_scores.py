"""The live scores of some leads: the events that workers have emitted for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from schemas.errors import FatalError
from stream.comparison.score_values import EventReader, ScoredSide
from stream.consume.partition_progress import Record
from stream.kafka.access import Use
from stream.settings import Settings
from stream.snapshot.record_sample import TimeRange, records_within

__all__ = ["LiveScores", "by_lead_id", "by_source", "read_live"]

AHEAD_MS = 3_600_000
"""Clocks of a CRM and of a worker may differ: events up to this long before a lead are read."""
FOREVER_MS = 1 << 62
SHOWN_MODELS = 3

Key = Callable[[Mapping[str, Any]], Hashable]
"""Returns what joins an event with its lead."""


def by_source(event: Mapping[str, Any]) -> Hashable:
    """Return topic, partition and offset of the lead's record."""
    source = event["source"]
    return source["topic"], source["partition"], source["offset"]


def by_lead_id(event: Mapping[str, Any]) -> Hashable:
    """Return the lead's id."""
    lead_id: Hashable = event["lead_id"]
    return lead_id


@dataclass(slots=True)
class LiveScores:
    """Joins scored events with leads.

    Parameters
    ----------
    wanted
        The index of each lead by its key. Leads with equal keys have the same event.
    size
        Number of leads.
    key
        Returns an event's key.

    Attributes
    ----------
    unreadable
        Number of values that are no scored event.
    """

    wanted: Mapping[Any, Sequence[int]]
    size: int
    key: Key
    unreadable: int = 0
    _values: dict[int, bytes] = field(default_factory=dict)
    _models: dict[int, str] = field(default_factory=dict)
    _reader: EventReader = field(default_factory=EventReader)

    def add(self, records: Sequence[Record]) -> None:
        """Add events in the order of their log: the last event of a lead counts."""
        for record in records:
            try:
                event = self._reader.read(record.value)
                rows = self.wanted.get(self.key(event), ())
                model = f"{event['model_id']}/{event['model_version']}"
            except (ValueError, KeyError, TypeError):
                self.unreadable += 1
                continue
            for row in rows:
                assert record.value is not None
                self._values[row], self._models[row] = record.value, model

    @property
    def side(self) -> ScoredSide:
        """The scores of all leads, named after the models that gave them."""
        models = [name for name, _ in Counter(self._models.values()).most_common()]
        shown = ", ".join(models[:SHOWN_MODELS]) + (", …" if len(models) > SHOWN_MODELS else "")
        name = f"live scores ({shown})" if shown else "live scores"
        return ScoredSide(name, [self._values.get(row) for row in range(self.size)])


async def read_live(
    settings: Settings,
    live: LiveScores,
    within: TimeRange,
    on_read: Callable[[int], None] = lambda _: None,
) -> None:
    """Read the events of ``settings.leads_scored`` from a range's start to the end of the topic.

    A lead may be scored long after it came, so the range has no end.

    Parameters
    ----------
    settings
        Kafka's address and security, and the topic.
    live
        Gets the events.
    within
        The range of the leads.
    on_read
        Called with the number of events so far.

    Raises
    ------
    StartupError, FatalError
        See ``records_within``; or all values of the topic are unreadable.
    """
    seen = 0
    later = TimeRange(max(within.start - AHEAD_MS, 0), FOREVER_MS)
    async for records in records_within(settings, settings.leads_scored, later, Use.DIFF):
        live.add(records)
        seen += len(records)
        on_read(seen)
    if seen and live.unreadable == seen:
        raise FatalError(
            f"expected scored events in {settings.leads_scored}, but none of its {seen:,} records"
            " is one: name the topic with LEADSCORE_LEADS_SCORED"
        )
