"""Reports to the operator that outcomes don't come in the partitions of their leads."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from aiokafka import TopicPartition

from agents.records import SourceRecord as Record
from monitoring.telemetry.outcome_metrics import OutcomeMetrics
from stream.outcomes.partitioning import PartitionSample, misplacement

__all__ = ["PlacementWatch"]

log = logging.getLogger(__name__)


class PlacementWatch:
    """Looks at the keys of scores and outcomes.

    Parameters
    ----------
    leads, scores, outcomes
        The topics. Scores are in the partitions of their leads.
    metrics
        Where it is shown.
    """

    def __init__(self, leads: str, scores: str, outcomes: str, metrics: OutcomeMetrics) -> None:
        self._leads = leads
        self._topics = scores, outcomes
        self._samples: dict[str, PartitionSample] = {}
        self._metrics = metrics
        self._reported: str | None = None

    def start(self, partitions: Mapping[str, int]) -> None:
        """Start to look, given the numbers of partitions by topic."""
        self._samples = {name: PartitionSample(partitions[name]) for name in self._topics}

    def see(self, at: TopicPartition, records: Sequence[Record]) -> None:
        """Look at the keys of records."""
        if sample := self._samples.get(at.topic):
            sample.add(at.partition, (record.key for record in records))

    def look(self) -> None:
        """Log and show what is wrong, if it was not before."""
        scores, outcomes = (self._samples[name] for name in self._topics)
        wrong = misplacement(scores, outcomes, self._leads, self._topics[1])
        self._metrics.misplaced(wrong is not None)
        if wrong is not None and wrong != self._reported:
            log.error("%s (docs/outcomes.md#partitions)", wrong)
        self._reported = wrong
