"""Count scored leads for drift, in blocks of offsets. No Kafka, no clock.

A block is a run of offsets of one partition: k · 4096 … k · 4096 + 4095. Its counts, split by
event-time window, are a pure function of the log and the model: whoever counts the records of a
block below some offset, a zombie or a later owner, has the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.partials import ModelIdentity, Partial, Sample
from features.counts import CountLayout, LeadCounts

__all__ = ["BLOCK", "SAMPLE_EVERY", "BlockCounts", "CountedLeads", "Counting", "block_of"]

BLOCK = 4096
"""Offsets of a block."""
SAMPLE_EVERY = 16
"""Of the offsets, those that this divides are sampled: at most 256 leads of a block."""


def block_of(offset: int) -> int:
    """Tell the block of an offset."""
    return offset // BLOCK


@dataclass(frozen=True)
class Counting:
    """What is counted, and how.

    Attributes
    ----------
    model
        What scores the leads.
    layout
        Its reference bins.
    label
        Score above which a lead counts as engaged.
    window_ms
        Length of a window, in milliseconds.
    """

    model: ModelIdentity
    layout: CountLayout
    label: float
    window_ms: int


class CountedLeads(NamedTuple):
    """Leads of one partition, as counting needs them.

    Attributes
    ----------
    offsets
        int64, shape (n,), ascending.
    events
        int64, shape (n,): event times, milliseconds since 1970.
    bins
        int16, shape (n, fields): each value's code in the reference.
    scores
        float32, shape (n,): calibrated scores.
    """

    offsets: NDArray[np.int64]
    events: NDArray[np.int64]
    bins: NDArray[np.int16]
    scores: NDArray[np.float32]

    @classmethod
    def of(
        cls,
        offsets: NDArray[np.int64],
        created_at: NDArray[np.int64],
        timestamps: NDArray[np.int64],
        bins: NDArray[np.int16],
        scores: NDArray[np.float32],
    ) -> CountedLeads:
        """Take leads' event times from what they and Kafka say.

        A lead is not from the future: a `created_at` after the record's own time stamp counts as
        that. One wrong clock in a CRM would otherwise close every window before its time.
        """
        events = np.where(timestamps > 0, np.minimum(created_at, timestamps), created_at)
        return cls(offsets, events, bins, scores)

    def take(self, rows: slice | NDArray[np.intp]) -> CountedLeads:
        """Return some of the leads."""
        return CountedLeads(
            self.offsets[rows], self.events[rows], self.bins[rows], self.scores[rows]
        )

    @classmethod
    def joined(cls, parts: Sequence[CountedLeads]) -> CountedLeads:
        """Put leads together, in the order given."""
        return cls(
            np.concatenate([part.offsets for part in parts]),
            np.concatenate([part.events for part in parts]),
            np.concatenate([part.bins for part in parts]),
            np.concatenate([part.scores for part in parts]),
        )

    def by_block(self) -> Iterable[tuple[int, CountedLeads]]:
        """Split the leads by block, in the order of the offsets."""
        if not len(self.offsets):
            return
        first, last = block_of(int(self.offsets[0])), block_of(int(self.offsets[-1]))
        for block in range(first, last + 1):
            start, end = self.offsets.searchsorted([block * BLOCK, (block + 1) * BLOCK])
            if start < end:
                yield block, self.take(slice(int(start), int(end)))


@dataclass(slots=True)
class _Window:
    """What was counted of a block in one window."""

    counts: LeadCounts
    first_event: int
    last_event: int
    samples: list[CountedLeads]
    is_told: bool = False
    """Whether all of it is in a partial that was made."""


class BlockCounts:
    """The counts of one block of a partition.

    Leads may be added in any order, each once. They are gathered, and counted only when a partial
    is asked for: a batch costs next to nothing, however small it is.

    Parameters
    ----------
    counting
        What is counted.
    topic, partition, block
        Of which leads.
    """

    def __init__(self, counting: Counting, topic: str, partition: int, block: int) -> None:
        self.block = block
        self._counting = counting
        self._topic = topic
        self._partition = partition
        self._gathered: list[CountedLeads] = []
        self._windows: dict[int, _Window] = {}

    @property
    def end(self) -> int:
        """The offset after the block's last one."""
        return (self.block + 1) * BLOCK

    def add(self, leads: CountedLeads) -> None:
        """Add leads of the block."""
        if len(leads.offsets):
            self._gathered.append(leads)

    def partials(self, next_offset: int) -> list[Partial]:
        """Tell what is new since the last call, or, of a whole block, everything.

        Parameters
        ----------
        next_offset
            All of the block's leads below it were added.

        Returns
        -------
        list of Partial
            One for each window, by window.
        """
        self._count_gathered()
        is_closed = next_offset >= self.end
        told = []
        for start, window in sorted(self._windows.items()):
            if is_closed or not window.is_told:
                window.is_told = True
                told.append(self._partial(start, window, min(next_offset, self.end), is_closed))
        return told

    def _count_gathered(self) -> None:
        if not self._gathered:
            return
        leads = CountedLeads.joined(self._gathered)
        self._gathered = []
        window_ms = self._counting.window_ms
        starts = leads.events // window_ms * window_ms
        if starts.min() == starts.max():
            self._count(int(starts[0]), leads)
            return
        order = np.argsort(starts, kind="stable")
        found, firsts = np.unique(starts[order], return_index=True)
        for start, rows in zip(found.tolist(), np.split(order, firsts[1:]), strict=True):
            self._count(start, leads.take(rows))

    def _count(self, start: int, leads: CountedLeads) -> None:
        counting = self._counting
        counts = counting.layout.count(leads.bins, leads.scores, label=counting.label)
        first, last = int(leads.events.min()), int(leads.events.max())
        sampled = leads.take(np.flatnonzero(leads.offsets % SAMPLE_EVERY == 0))
        window = self._windows.get(start)
        if window is None:
            self._windows[start] = _Window(counts, first, last, [sampled])
            return
        window.counts += counts
        window.first_event = min(window.first_event, first)
        window.last_event = max(window.last_event, last)
        window.samples.append(sampled)
        window.is_told = False

    def _partial(self, start: int, window: _Window, next_offset: int, is_closed: bool) -> Partial:
        counting = self._counting
        samples = CountedLeads.joined(window.samples)
        order = np.argsort(samples.offsets, kind="stable")
        return Partial(
            topic=self._topic,
            partition=self._partition,
            block=self.block,
            next_offset=next_offset,
            is_closed=is_closed,
            model=counting.model,
            window_start=start,
            window_ms=counting.window_ms,
            counts=window.counts,
            first_event=window.first_event,
            last_event=window.last_event,
            sample=Sample(samples.offsets[order], samples.scores[order], samples.bins[order]),
        )
