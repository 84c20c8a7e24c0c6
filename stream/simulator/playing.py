"""Leads, their events, and the pace of sending."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from schemas.errors import ErrorCode

__all__ = ["AsRecorded", "AtOnce", "Event", "Lead", "Pace", "Steady"]

LEAD = "lead"
"""The kind of an event that is not broken."""


class Lead(NamedTuple):
    """A lead in the CRM, before it becomes an event."""

    lead_id: str
    created_at: int | None
    """Time of creation, milliseconds since 1970 UTC; None: the time of sending."""
    fields: dict[str, object]
    """The other fields of its contract, by name."""


class Event(NamedTuple):
    """A record as it is sent to Kafka."""

    key: bytes
    value: bytes | None
    headers: list[tuple[str, bytes]]
    kind: str = LEAD
    """``lead``, or the name of its defect."""
    code: ErrorCode | None = None
    """Expected error code of a broken event's dead letter."""


class Pace(Protocol):
    """Schedule of the leads."""

    def due(self, index: int, lead: Lead) -> float:
        """Return the time at which lead ``index`` (from 0) is due, in seconds after the start."""
        ...


class AtOnce:
    """Sends leads as fast as the broker accepts them."""

    def due(self, index: int, lead: Lead) -> float:
        """Return 0: every lead is due at the start."""
        return 0.0


@dataclass(frozen=True, slots=True)
class Steady:
    """Sends leads at a constant rate."""

    rate: float

    def due(self, index: int, lead: Lead) -> float:
        """Return the index divided by the rate."""
        return index / self.rate


@dataclass(slots=True)
class AsRecorded:
    """Sends leads at their recorded times, accelerated by a factor."""

    speed: float
    _first: int | None = field(default=None, init=False)

    def due(self, index: int, lead: Lead) -> float:
        """Return the time since the first lead's creation, divided by the speed."""
        if lead.created_at is None:
            return 0.0
        if self._first is None:
            self._first = lead.created_at
        return (lead.created_at - self._first) / 1000 / self.speed
