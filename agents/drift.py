"""Count scored leads for drift, in blocks of offsets. No Kafka, no clock.

A block is a run of offsets of one partition: k · 4096 … k · 4096 + 4095. Its counts, split by
event-time window, are a pure function of the log and the model: every worker that counts the
records of a block below some offset, a zombie or a later owner, gets the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import heappush, heappushpop
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.partials import Partial, Sample
from features.aspect_bins import AspectBins
from features.counts import CountLayout
from schemas.model_identity import ModelIdentity

__all__ = [
    "BLOCK",
    "OUTLIERS",
    "SAMPLE_EVERY",
    "SPREAD",
    "STRETCHES",
    "BlockCounts",
    "CountedLeads",
    "Counting",
    "block_of",
]

BLOCK = 4096
"""Offsets of a block."""
STRETCHES = 2**40
"""The part of a block after a model has started in its middle has this plus its first offset as its
number: a model may start several times in a block, and each part is counted once. No block has
such a number."""
SAMPLE_EVERY = 16
"""Every 16th offset is sampled: at most 256 leads of a block."""
SPREAD = 288
"""How far back a lead counts, in windows: a day of windows of five minutes. Not a setting: workers
with other values would count a block differently."""
OUTLIERS = 8
"""Leads of a block whose clocks may be wrong before others count as out of order, plus one."""


def block_of(offset: int) -> int:
    """Return the block of an offset."""
    return offset // BLOCK


@dataclass(frozen=True)
class Counting:
    """How the leads of a model are counted.

    Attributes
    ----------
    model
        The model that scores the leads.
    layout
        Its reference bins.
    label
        Score above which a lead counts as engaged.
    window_ms
        Length of a window, in milliseconds.
    further
        Finds the bins of further aspects; None: the model has none.
    """

    model: ModelIdentity
    layout: CountLayout
    label: float
    window_ms: int
    further: AspectBins | None = None

    def bins_of(self, leads: CountedLeads) -> NDArray[np.int16]:
        """Return the bins of leads: of fields, then of further aspects, shape (n, counted)."""
        if self.further is None or leads.further is None:
            return leads.bins
        return np.concatenate([leads.bins, self.further.codes(leads.further)], axis=1)


class CountedLeads(NamedTuple):
    """Leads of one partition, as counting needs them.

    Attributes
    ----------
    offsets
        int64, shape (n,), ascending.
    events
        int64, shape (n,): event times, milliseconds since 1970.
    bins
        int16, shape (n, fields): codes of the fields in the reference.
    scores
        float32, shape (n,): calibrated scores.
    further
        float32, shape (n, columns): features from which the bins of further aspects are found, when
        leads are counted: for a few leads that takes as long as for hundreds. None if there are
        none.
    """

    offsets: NDArray[np.int64]
    events: NDArray[np.int64]
    bins: NDArray[np.int16]
    scores: NDArray[np.float32]
    further: NDArray[np.float32] | None = None

    @classmethod
    def from_records(
        cls,
        offsets: NDArray[np.int64],
        created_at: NDArray[np.int64],
        timestamps: NDArray[np.int64],
        bins: NDArray[np.int16],
        scores: NDArray[np.float32],
        further: NDArray[np.float32] | None = None,
    ) -> CountedLeads:
        """Compute the leads' event times from `created_at` and the time stamps of their records.

        The earlier of the two: a lead is not from the future. One wrong clock in a CRM would
        otherwise close every window too early.
        """
        events = np.where(timestamps > 0, np.minimum(created_at, timestamps), created_at)
        return cls(offsets, events, bins, scores, further)

    def take(self, rows: slice | NDArray[np.intp]) -> CountedLeads:
        """Return some of the leads."""
        further = None if self.further is None else self.further[rows]
        return CountedLeads(
            self.offsets[rows], self.events[rows], self.bins[rows], self.scores[rows], further
        )

    @classmethod
    def joined(cls, parts: Sequence[CountedLeads]) -> CountedLeads:
        """Put leads of one model together, in the order given."""
        further = [part.further for part in parts if part.further is not None]
        return cls(
            np.concatenate([part.offsets for part in parts]),
            np.concatenate([part.events for part in parts]),
            np.concatenate([part.bins for part in parts]),
            np.concatenate([part.scores for part in parts]),
            np.concatenate(further) if further else None,
        )

    def by_block(self) -> Iterable[tuple[int, CountedLeads]]:
        """Split the leads by block, in the order of the offsets."""
        if not len(self.offsets):
            return
        first, last = block_of(int(self.offsets[0])), block_of(int(self.offsets[-1]))
        if first == last:
            yield first, self
            return
        for block in range(first, last + 1):
            start, end = self.offsets.searchsorted([block * BLOCK, (block + 1) * BLOCK])
            if start < end:
                yield block, self.take(slice(int(start), int(end)))


class BlockCounts:
    """The counts of one block of a partition.

    Leads may be added in any order, each once. They are kept, and counted when a partial is asked
    for: a batch costs next to nothing, however small it is, and a block with a window for every
    lead takes no more memory than its leads do.

    A lead is out of order, and in no partial, when its window is more than `SPREAD` windows older
    than the eighth newest (`OUTLIERS`) of the leads before it in the block. That depends on the
    block's records below the lead's own offset and on nothing else: every worker that counts the
    block decides the same.

    Parameters
    ----------
    counting
        What is counted.
    topic, partition, block
        Where the leads are.
    since
        Offset from which on the model scores: leads before it are another model's.
    own_from
        Offset of the first lead that is ours; those before it were counted by another worker, and
        are not reported as out of bounds again.
    """

    def __init__(
        self,
        counting: Counting,
        topic: str,
        partition: int,
        block: int,
        *,
        since: int = 0,
        own_from: int = 0,
    ) -> None:
        self.block = block
        self._number = block if since <= block * BLOCK else STRETCHES + since
        self._counting = counting
        self._topic = topic
        self._partition = partition
        self._own_from = own_from
        self._leads: list[CountedLeads] = []
        self._has_news = False
        self._published: dict[int, int] = {}
        self._out_of_order, self._out_of_order_reported = 0, 0

    @property
    def end(self) -> int:
        """The offset after the block's last one."""
        return (self.block + 1) * BLOCK

    def add(self, leads: CountedLeads) -> None:
        """Add leads of the block."""
        if len(leads.offsets):
            self._leads.append(leads)
            self._has_news = True

    def partials(self, next_offset: int) -> list[Partial]:
        """Return what is new since the last call or, of a whole block, everything.

        Parameters
        ----------
        next_offset
            All of the block's leads below it were added.

        Returns
        -------
        list of Partial
            One for each window, by window.
        """
        is_closed = next_offset >= self.end
        if not self._leads or not (self._has_news or is_closed):
            return []
        self._has_news = False
        partials = []
        for start, leads in self._by_window():
            if is_closed or self._published.get(start) != len(leads.offsets):
                self._published[start] = len(leads.offsets)
                partials.append(self._partial(start, leads, min(next_offset, self.end), is_closed))
        return partials

    def take_out_of_order(self) -> int:
        """Return the number of leads out of order since the last call."""
        new = self._out_of_order - self._out_of_order_reported
        self._out_of_order_reported = self._out_of_order
        return new

    def _by_window(self) -> Iterator[tuple[int, CountedLeads]]:
        """Split the leads that are in order by window; those of a window in their offsets' order.

        Yields
        ------
        tuple of int and CountedLeads
            The window's start, milliseconds since 1970, ascending, and its leads.
        """
        leads = self._joined()
        window_ms = self._counting.window_ms
        starts = leads.events // window_ms * window_ms
        if starts.min() == starts.max():
            yield int(starts[0]), leads
            return
        is_in_order = _in_order(starts, SPREAD * window_ms)
        self._out_of_order = int(np.count_nonzero(leads.offsets[~is_in_order] >= self._own_from))
        order = np.flatnonzero(is_in_order)
        order = order[np.argsort(starts[order], kind="stable")]
        found, firsts = np.unique(starts[order], return_index=True)
        for start, rows in zip(found.tolist(), np.split(order, firsts[1:]), strict=True):
            yield start, leads.take(rows)

    def _joined(self) -> CountedLeads:
        """Return all leads in the order of their offsets."""
        if len(self._leads) > 1:
            leads = CountedLeads.joined(self._leads)
            self._leads = [leads.take(np.argsort(leads.offsets, kind="stable"))]
        return self._leads[0]

    def _partial(
        self, start: int, leads: CountedLeads, next_offset: int, is_closed: bool
    ) -> Partial:
        counting = self._counting
        sampled = leads.take(np.flatnonzero(leads.offsets % SAMPLE_EVERY == 0))
        return Partial(
            topic=self._topic,
            partition=self._partition,
            block=self._number,
            next_offset=next_offset,
            is_closed=is_closed,
            model=counting.model,
            window_start=start,
            window_ms=counting.window_ms,
            counts=counting.layout.count(
                counting.bins_of(leads), leads.scores, label=counting.label
            ),
            first_event=int(leads.events.min()),
            last_event=int(leads.events.max()),
            sample=Sample(
                sampled.offsets, sampled.scores, sampled.bins[:, : len(counting.layout.fields)]
            ),
        )


def _in_order(starts: NDArray[np.int64], span: int) -> NDArray[np.bool_]:
    """Return which leads are in order, given their windows' starts in the order of the offsets."""
    if int(starts.max()) - int(starts.min()) <= span:
        return np.ones(len(starts), dtype=np.bool_)
    newest: list[int] = []  # a heap of the latest starts so far
    is_in_order = []
    for start in starts.tolist():
        if len(newest) < OUTLIERS:
            is_in_order.append(True)
            heappush(newest, start)
        else:
            is_in_order.append(start >= newest[0] - span)
            heappushpop(newest, start)
    return np.array(is_in_order)
