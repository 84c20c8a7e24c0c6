"""Audit of a run: every event that was sent must have a score or a dead letter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from schemas.headers import ERROR_CODE
from schemas.record_codec import RecordCodec
from stream.simulator.run import Played

__all__ = ["Audit", "ScoredLead", "read_scored"]

Source = tuple[int, int]
"""Partition and offset of a lead's record."""


class ScoredLead(NamedTuple):
    """The part of a scored event that the audit and the screen need."""

    source: Source
    lead_id: str
    created_at: int
    sent_at: int
    """Timestamp of the lead's record, milliseconds since 1970; scored_at if implausible."""
    score: float
    category: str
    reasons: list[dict[str, Any]]


def read_scored(value: bytes, codec: RecordCodec) -> ScoredLead:
    """Read a scored event in Avro single-object encoding, of this version or an earlier one."""
    event: Any = codec.decode(value)
    return ScoredLead(
        source=(event["source"]["partition"], event["source"]["offset"]),
        lead_id=event["lead_id"],
        created_at=event["created_at"],
        sent_at=event["scored_at"] - event["latency_ms"],
        score=event["score"],
        category=event["category"],
        reasons=event["reasons"],
    )


@dataclass(slots=True)
class Audit:
    """Outputs of a run, by the record that each belongs to."""

    scored: dict[Source, ScoredLead] = field(default_factory=dict)
    dead: dict[Source, str] = field(default_factory=dict)
    repeats: int = 0
    """Duplicate outputs: delivery is at least once."""
    latencies_ms: list[float] = field(default_factory=list)
    """From each lead's time stamp to the receipt of its scored event."""
    last_ms: float = 0.0
    """Time when the last scored event was received, milliseconds since 1970."""

    def add_scored(self, leads: Sequence[ScoredLead], received: float) -> None:
        """Add scored events, received at a time in milliseconds since 1970."""
        for lead in leads:
            if lead.source in self.scored:
                self.repeats += 1
                continue
            self.scored[lead.source] = lead
            self.latencies_ms.append(received - lead.sent_at)
            self.last_ms = received

    def add_dead(self, partition: int, headers: Mapping[str, bytes | None]) -> None:
        """Add a dead letter."""
        source = (partition, int(headers["__connect.errors.offset"] or b""))
        self.repeats += source in self.dead
        self.dead[source] = (headers[ERROR_CODE] or b"").decode()

    @property
    def total(self) -> int:
        """Number of leads that have an output."""
        return len(self.scored) + len(self.dead)

    @property
    def codes(self) -> Counter[str]:
        """Dead letters by code."""
        return Counter(self.dead.values())

    def latency_ms(self, percent: float) -> float:
        """Return a percentile of the scored leads' latency, in milliseconds."""
        return float(np.percentile(self.latencies_ms, percent)) if self.latencies_ms else 0.0

    def faults(self, played: Played, *, refuse_few_fields: bool = False) -> list[str]:
        """Compare the outputs with the events that were sent.

        Parameters
        ----------
        played
            The events that were sent, and which of them must be dead letters.
        refuse_few_fields
            Whether the worker refuses leads with too few of the model's fields.

        Returns
        -------
        list of str
            A phrase for each kind of fault; empty when every lead is accounted for.
        """
        must_be_dead = played.dead_letters(refuse_few_fields=refuse_few_fields)
        sent = {
            (at, offset) for at, runs in played.offsets.items() for run in runs for offset in run
        }
        scored, dead = self.scored.keys(), self.dead.keys()
        kinds = {
            "were sent but have no output": sent - scored - dead,
            "have an output but were not sent": (scored | dead) - sent,
            "have both a score and a dead letter": scored & dead,
            "were valid but became dead letters": (dead & sent) - must_be_dead.keys(),
            "were broken but got a score": scored & must_be_dead.keys(),
            "became dead letters with the wrong code": {
                source
                for source in dead & must_be_dead.keys()
                if self.dead[source] != must_be_dead[source]
            },
        }
        return [f"{len(sources):,} leads {what}" for what, sources in kinds.items() if sources]
