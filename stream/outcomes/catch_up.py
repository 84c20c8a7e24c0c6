"""Whether a partition has been read up to where its logs ended when it was assigned."""

from __future__ import annotations

from collections.abc import Callable

from aiokafka import TopicPartition

from stream.consume.batch_source import BatchSource

__all__ = ["CatchUp"]


class CatchUp:
    """Compares how far partitions are with the ends that were seen first.

    Parameters
    ----------
    source
        Reads the live scores.
    has_outcomes
        Whether the outcomes of a partition that were there are read.
    """

    def __init__(self, source: BatchSource, has_outcomes: Callable[[int], bool]) -> None:
        self._source = source
        self._has_outcomes = has_outcomes
        self._targets: dict[int, int] = {}
        self._reached: set[int] = set()

    def assigned(self) -> None:
        """Forget what was: after a rebalance, all partitions are started again."""
        self._targets.clear()
        self._reached.clear()

    def is_caught_up(self, number: int) -> bool:
        """Return whether a partition has been read that far."""
        at = TopicPartition(self._source.topic, number)
        end, progress = self._source.end_offset(at), self._source.assignment.get(at)
        if not self._has_outcomes(number) or end is None or progress is None:
            return False
        target = self._targets.setdefault(number, end)
        if progress.done_offset is not None and progress.done_offset >= target:
            self._reached.add(number)
        return number in self._reached
