"""How a topic gets rid of records: by compaction, by retention, or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["CONFIGS", "Fate", "TopicPolicy"]

POLICY, RETENTION, SEGMENT = "cleanup.policy", "retention.ms", "segment.ms"
LAG = "max.compaction.lag.ms"
CONFIGS = (POLICY, RETENTION, SEGMENT, LAG)
"""Topic configs that decide it."""
UNLIMITED = 2**62
"""Milliseconds from which on a time limit is none: Kafka's default is 2⁶³ - 1."""


class Fate(StrEnum):
    """Fate of the records of a lead in a topic."""

    TOMBSTONE = "tombstone"
    """A tombstone is written: compaction removes the records."""
    TOMBSTONED = "tombstoned"
    """The last record is a tombstone already."""
    AGES_OUT = "ages_out"
    """Retention removes them."""
    STAYS = "stays"
    """Nothing removes them."""
    UNKNOWN = "unknown"
    """The topic's configuration can't be read."""


@dataclass(frozen=True, slots=True)
class TopicPolicy:
    """The configuration of a topic, as the broker has it.

    Attributes
    ----------
    topic, partitions
        The topic.
    is_known
        Whether this user may read the configuration; else the rest is meaningless.
    is_compacted
        Whether it is compacted.
    retention_ms
        Age at which records are removed, in milliseconds; None: never.
    segment_ms
        Longest time in milliseconds that a segment takes records: it is removed as a whole.
    compaction_lag_ms
        Longest time in milliseconds before a record is compacted; None: unlimited.
    """

    topic: str
    partitions: int
    is_known: bool = False
    is_compacted: bool = False
    retention_ms: int | None = None
    segment_ms: int = 0
    compaction_lag_ms: int | None = None

    @classmethod
    def of(cls, topic: str, partitions: int, configs: Mapping[str, str] | None) -> TopicPolicy:
        """Read the policy from a topic's configs; None: they can't be read."""
        if configs is None:
            return cls(topic, partitions)
        policies = configs[POLICY].split(",")
        return cls(
            topic,
            partitions,
            is_known=True,
            is_compacted="compact" in policies,
            retention_ms=_limit(configs[RETENTION]) if "delete" in policies else None,
            segment_ms=_limit(configs[SEGMENT]) or 0,
            compaction_lag_ms=_limit(configs[LAG]),
        )

    @property
    def fate(self) -> Fate:
        """Return the fate of a lead's records whose last one has a value."""
        if not self.is_known:
            return Fate.UNKNOWN
        if self.is_compacted:
            return Fate.TOMBSTONE
        return Fate.STAYS if self.retention_ms is None else Fate.AGES_OUT

    def gone_by(self, newest_ms: int, now_ms: int) -> int | None:
        """Return the time by which retention, or compaction after a tombstone, removes records.

        A segment is removed when its newest record is old enough, and it may have taken records
        for its whole length after this one. The broker looks every few minutes.

        Parameters
        ----------
        newest_ms
            Time stamp of the newest record, milliseconds since 1970.
        now_ms
            The time of the tombstone, if one is written.

        Returns
        -------
        int or None
            Milliseconds since 1970; None if there is no limit of time, or it is unknown.
        """
        by_age = None if self.retention_ms is None else newest_ms + self.retention_ms
        by_age = None if by_age is None else by_age + self.segment_ms
        if not self.is_compacted or self.compaction_lag_ms is None:
            return by_age
        by_compaction = now_ms + self.compaction_lag_ms + self.segment_ms
        return by_compaction if by_age is None else min(by_age, by_compaction)


def _limit(text: str) -> int | None:
    value = int(text)
    return value if 0 <= value < UNLIMITED else None
