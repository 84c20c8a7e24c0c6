"""The latest score of each lead that workers scored in a time range, from their topic."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.errors import StartupError
from stream.kafka.access import Use
from stream.kafka.topic_admin import partition_counts
from stream.outcomes.score_reader import ScoreReader
from stream.retraining.offsets import read_ranges, topic_ranges
from stream.schema_registry.opened import asked_schemas
from stream.settings import Settings

__all__ = ["LatestScores", "ScoreSample", "read_score_sample"]

PENDING = 500_000
"""Scores that are kept before only the latest one of each lead is."""
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class ScoreSample:
    """Scores of leads, and the days in which they were scored.

    Attributes
    ----------
    scores
        float64, shape (n,): the latest one of each lead.
    days
        From the first score to the end of the time.
    offsets
        Start and end of what was read, by partition.
    """

    scores: NDArray[np.float64]
    days: float
    offsets: dict[int, tuple[int, int]]


class LatestScores:
    """The latest score of each lead, as scores are added; 24 bytes a lead."""

    def __init__(self) -> None:
        self._parts: list[NDArray[Any]] = []
        self._pending = 0
        self.first: int | None = None
        """Time of the first score, milliseconds since 1970."""

    def add(self, lead_ids: Sequence[bytes], times: Sequence[int], scores: Sequence[float]) -> None:
        """Add scores; times in milliseconds since 1970."""
        if not lead_ids:
            return
        digests = b"".join(hashlib.blake2b(i, digest_size=8).digest() for i in lead_ids)
        part = np.empty(len(lead_ids), [("lead", "u8"), ("at", "i8"), ("score", "f8")])
        part["lead"] = np.frombuffer(digests, np.uint64)
        part["at"], part["score"] = times, scores
        self._parts.append(part)
        self._pending += len(lead_ids)
        self.first = min(times) if self.first is None else min(self.first, *times)
        if self._pending > max(PENDING, len(self._parts[0])):
            self._parts, self._pending = [self._latest()], 0

    def _latest(self) -> NDArray[Any]:
        if not self._parts:
            return np.empty(0, [("lead", "u8"), ("at", "i8"), ("score", "f8")])
        joined = np.concatenate(self._parts)
        ordered = joined[np.lexsort((joined["at"], joined["lead"]))]
        is_last = np.ones(len(ordered), np.bool_)
        is_last[:-1] = ordered["lead"][1:] != ordered["lead"][:-1]
        return ordered[is_last]

    def scores(self) -> NDArray[np.float64]:
        """Return the latest score of each lead: float64, shape (n,)."""
        return np.ascontiguousarray(self._latest()["score"])


async def read_score_sample(
    settings: Settings, models: Collection[str], since_ms: int, now_ms: int
) -> ScoreSample:
    """Read the scores that workers gave with some models.

    Parameters
    ----------
    settings
        Kafka's address and the topic.
    models
        SHA-256 of the models; scores of others, and of replays, are left out.
    since_ms, now_ms
        The time, milliseconds since 1970.

    Raises
    ------
    StartupError
        Kafka can't be reached, a right is missing, or there is no such topic.
    FatalError
        Kafka stopped answering.
    """
    topic = settings.leads_scored
    if not (partitions := (await partition_counts(settings, Use.BANDS)).get(topic)):
        raise StartupError(
            f"expected the topic {topic}, but it does not exist: create it with `leadscore topics"
            " create`"
        )
    ranges = await topic_ranges(settings, topic, partitions, since_ms)
    reader = ScoreReader(by_creation=False, registered=asked_schemas(settings))
    latest = LatestScores()
    async for records in read_ranges(settings, topic, ranges):
        found = reader.read(records)
        kept = [
            lead for lead in found.scores if lead.model.sha256 in models and lead.at >= since_ms
        ]
        latest.add(
            [lead.lead_id for lead in kept],
            [lead.at for lead in kept],
            [lead.score for lead in kept],
        )
    first = now_ms if latest.first is None else latest.first
    offsets = {each.partition: (each.start, each.end) for each in ranges}
    return ScoreSample(latest.scores(), (now_ms - first) / DAY_MS, offsets)
