"""Leads that nobody contacted in time, as records of the topic leads.overdue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agents.outcomes.lead_timers import Overdue
from schemas.record_codec import RecordCodec

__all__ = ["encode_overdue", "event_id_of", "read_overdue"]

CODEC = RecordCodec("lead_overdue")


def event_id_of(overdue: Overdue, partition: int) -> str:
    """Return the identity of an event: the same whoever finds it, and how often.

    Examples
    --------
    >>> from schemas.model_identity import ModelIdentity
    >>> model = ModelIdentity("leads", "3", "9f")
    >>> event_id_of(Overdue("hot", 1760000000000, 1760001800000, 17, 0.9, "High", model), 2)
    'hot-2-17-1760000000000'
    """
    return f"{overdue.timer}-{partition}-{overdue.offset}-{overdue.since}"


def encode_overdue(lead_id: str, overdue: Overdue, partition: int) -> bytes:
    """Write an event as Avro single-object encoding.

    Parameters
    ----------
    lead_id, overdue
        The lead, and its timer.
    partition
        Partition of the lead's record.
    """
    return CODEC.encode(
        {
            "event_id": event_id_of(overdue, partition),
            "lead_id": lead_id,
            "timer": overdue.timer,
            "since": overdue.since,
            "due_at": overdue.due,
            "score": overdue.score,
            "category": overdue.band,
            "model_id": overdue.model.id,
            "model_version": overdue.model.version,
            "model_sha256": overdue.model.sha256,
            "source_partition": partition,
            "source_offset": overdue.offset,
        }
    )


def read_overdue(value: bytes | None) -> Mapping[str, Any]:
    """Read an event.

    Raises
    ------
    ValueError
        The bytes are no such event.
    """
    return CODEC.decode(value)
