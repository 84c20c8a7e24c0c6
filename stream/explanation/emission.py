"""A scored event of a lead, and the lead's record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from agents.records import SourceRecord as Record
from stream.dead_letters.letter import Place
from stream.explanation.subject import LeadId, RecordPlace

__all__ = ["Emission", "SourceRead"]


@dataclass(frozen=True, slots=True)
class Emission:
    """A scored event of a lead.

    Attributes
    ----------
    at
        Its place.
    event
        The event.
    """

    at: RecordPlace
    event: Mapping[str, Any]

    @property
    def source(self) -> RecordPlace:
        """The place of the lead's record."""
        at = self.event["source"]
        return RecordPlace(at["topic"], Place(at["partition"], at["offset"]))

    @property
    def lead(self) -> LeadId:
        """The lead."""
        return LeadId(self.event["lead_id"])

    @property
    def scored_at(self) -> datetime:
        """When it was scored, UTC."""
        at = self.event["scored_at"]
        return at if isinstance(at, datetime) else datetime.fromtimestamp(at / 1000, UTC)


@dataclass(frozen=True, slots=True)
class SourceRead:
    """The lead's record, or why it can't be read.

    Attributes
    ----------
    record
        The record; None: it is not there.
    is_expired
        Whether the log begins after it: retention or a deletion removed it.
    why
        What the topic has instead of it; empty where that is not known.
    """

    record: Record | None
    is_expired: bool = False
    why: str = ""
