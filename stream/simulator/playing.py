"""What is played to leads.created, and when: leads, events, pace."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from schemas.errors import ErrorCode

__all__ = ["AsRecorded", "AtOnce", "Event", "Lead", "Pace", "Steady"]

LEAD = "lead"
"""The kind of an event that is not broken."""


class Lead(NamedTuple):
    """A lead as the CRM knows it, before it is an event."""

    lead_id: str
    created_at: int | None
    """Milliseconds since 1970 UTC; None: it is created when it is sent."""
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
    """Of a broken event: the code that its dead letter must bear."""


class Pace(Protocol):
    """When each lead is due."""

    def due(self, index: int, lead: Lead) -> float:
        """Seconds after the start at which the ``index``-th lead (from 0) is due."""
        ...


class AtOnce:
    """As fast as the broker takes them."""

    def due(self, index: int, lead: Lead) -> float:
        """Every lead is due at the start."""
        return 0.0


@dataclass(frozen=True, slots=True)
class Steady:
    """So many leads a second, evenly."""

    rate: float

    def due(self, index: int, lead: Lead) -> float:
        """Lead ``index`` is due when ``index`` leads have had their share of time."""
        return index / self.rate


@dataclass(slots=True)
class AsRecorded:
    """As the leads' own time stamps, so many times faster."""

    speed: float
    _first: int | None = field(default=None, init=False)

    def due(self, index: int, lead: Lead) -> float:
        """Due as long after the first lead as it was created after it, divided by the speed."""
        if lead.created_at is None:
            return 0.0
        if self._first is None:
            self._first = lead.created_at
        return (lead.created_at - self._first) / 1000 / self.speed
