"""Rates of a partition over the last minute, and the time until its group has caught up.

Pure: the time is a parameter. The worker's gauges, the exporter and ``leadscore lag`` share it.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection, Hashable
from typing import NamedTuple

__all__ = ["NEVER", "CatchUp", "Rates", "eta_seconds"]

NEVER = math.inf
"""Estimate for a group that does not consume faster than its topic grows."""

WINDOW = 60.0
"""Seconds over which rates are measured."""
LEAST = 1.0
"""Least seconds between two samples that are kept, and that a rate needs."""


class Rates(NamedTuple):
    """Rates of one partition, in offsets per second."""

    consumed: float
    produced: float


class _Sample(NamedTuple):
    at: float
    position: int
    end: int


class CatchUp:
    """Keeps samples of positions and ends, at most one a second, for a minute.

    Parameters
    ----------
    window
        Seconds over which rates are measured.
    """

    def __init__(self, window: float = WINDOW) -> None:
        self._window = window
        self._samples: dict[Hashable, deque[_Sample]] = {}
        self._latest: dict[Hashable, _Sample] = {}

    def note(self, partition: Hashable, at: float, position: int, end: int) -> None:
        """Add a sample.

        Parameters
        ----------
        partition
            The partition; of several groups, with the group.
        at
            Seconds of a monotonic clock.
        position
            Offset that the group reads next. If it went back, as after a reset, the rates start
            anew.
        end
            Offset after the last record.
        """
        samples = self._samples.setdefault(partition, deque())
        latest = self._latest.get(partition)
        if latest is not None and (position < latest.position or end < latest.end):
            samples.clear()
        sample = self._latest[partition] = _Sample(at, position, end)
        if not samples or at - samples[-1].at >= LEAST:
            samples.append(sample)
        while len(samples) > 1 and at - samples[1].at >= self._window:
            samples.popleft()

    def rates(self, partition: Hashable) -> Rates | None:
        """Return the rates of a partition; None before there are two samples."""
        samples, latest = self._samples.get(partition), self._latest.get(partition)
        if not samples or latest is None or (seconds := latest.at - samples[0].at) < LEAST:
            return None
        return Rates(
            (latest.position - samples[0].position) / seconds,
            (latest.end - samples[0].end) / seconds,
        )

    def keep(self, partitions: Collection[Hashable]) -> None:
        """Forget all partitions but these."""
        for gone in self._latest.keys() - set(partitions):
            del self._latest[gone], self._samples[gone]


def eta_seconds(backlog: int | None, rates: Rates | None) -> float | None:
    """Estimate the time until a group has caught up: backlog / (consumed - produced).

    Parameters
    ----------
    backlog
        Messages that the group is behind; None if unknown.
    rates
        Rates of the partition; None if unknown.

    Returns
    -------
    float or None
        Seconds; 0 if the group has caught up, ``NEVER`` if it does not gain, None if unknown.

    Examples
    --------
    >>> eta_seconds(600, Rates(consumed=30.0, produced=10.0))
    30.0
    >>> eta_seconds(600, Rates(consumed=10.0, produced=10.0))
    inf
    >>> eta_seconds(0, None)
    0.0
    """
    if backlog == 0:
        return 0.0
    if backlog is None or rates is None:
        return None
    gained = rates.consumed - rates.produced
    return backlog / gained if gained > 0 else NEVER
