"""Windows of event time: their counts, and when they are complete. Plain Python.

A window's counts are the sum over blocks, each taken once: its closed version where there is one,
else the latest open one. So they do not depend on how often a block is published, by which worker,
and in which order.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agents.partials import Partial, dense, sparse
from features.counts import LeadCounts
from schemas.model_identity import ModelIdentity

__all__ = ["BlockSet", "Watermark", "WindowCounts", "WindowKey", "summed"]

FORMAT_VERSION = 1
LARGEST_LONG = 2**63 - 1
MOST_LATE = 5.0
"""Seconds by which a busy process may be late."""


class WindowKey(NamedTuple):
    """Key of the table: one window of one partition, under one model."""

    sha256: str
    """The first 16 hex digits of the model's."""
    partition: int
    start: int
    """Milliseconds since 1970."""

    @classmethod
    def from_partial(cls, partial: Partial) -> WindowKey:
        """Return the key of the window that a partial belongs to."""
        return cls(partial.model.sha256[:16], partial.partition, partial.window_start)

    def __str__(self) -> str:
        return f"{self.sha256}/{self.partition}/{self.start}"

    @classmethod
    def parse(cls, text: str) -> WindowKey:
        """Read a key as it is written."""
        sha256, partition, start = text.split("/")
        return cls(sha256, int(partition), int(start))


class BlockSet:
    """A set of block numbers, kept as runs: a window's are nearly consecutive.

    Examples
    --------
    >>> blocks = BlockSet([[4, 6]])
    >>> blocks.add(6), blocks.add(5), blocks.runs
    (True, False, [[4, 7]])
    """

    def __init__(self, runs: Iterable[Iterable[int]] = ()) -> None:
        self.runs = [list(run) for run in runs]
        """Each first <= block < last, ascending, apart from each other."""

    def __contains__(self, block: int) -> bool:
        at = bisect_right(self.runs, block, key=lambda run: run[0]) - 1
        return at >= 0 and block < self.runs[at][1]

    def add(self, block: int) -> bool:
        """Add a block; return whether it is new."""
        if block in self:
            return False
        at = bisect_right(self.runs, block, key=lambda run: run[0])
        self.runs.insert(at, [block, block + 1])
        self._join(at)
        self._join(at - 1)
        return True

    def _join(self, at: int) -> None:
        """Make one run of the run at a place and the next one, where they touch."""
        if 0 <= at < len(self.runs) - 1 and self.runs[at][1] == self.runs[at + 1][0]:
            self.runs[at][1] = self.runs.pop(at + 1)[1]


@dataclass(slots=True)
class _OpenBlock:
    next_offset: int
    counts: LeadCounts


@dataclass(slots=True)
class WindowCounts:
    """The counts of one window of one partition: a value of the table.

    Attributes
    ----------
    topic, model, window_ms
        Whose leads, scored by what, and the window's length.
    closed
        Sum over the blocks that are whole.
    blocks
        Which blocks these are: none is counted twice.
    open
        The latest version of each block that is not whole.
    """

    topic: str
    model: ModelIdentity
    window_ms: int
    closed: LeadCounts = field(default_factory=lambda: _none())
    blocks: BlockSet = field(default_factory=BlockSet)
    open: dict[int, _OpenBlock] = field(default_factory=dict)

    @classmethod
    def empty_for(cls, partial: Partial) -> WindowCounts:
        """Make the empty window that a partial belongs to."""
        return cls(partial.topic, partial.model, partial.window_ms)

    def add(self, partial: Partial) -> bool:
        """Count a partial; return whether it changes the window."""
        block = partial.block
        if block in self.blocks:
            return False
        if partial.is_closed:
            self.blocks.add(block)
            self.open.pop(block, None)
            self.closed = _sum((self.closed, partial.counts))
            return True
        known = self.open.get(block)
        if known is not None and partial.next_offset <= known.next_offset:
            return False
        self.open[block] = _OpenBlock(partial.next_offset, partial.counts)
        return True

    def total(self) -> LeadCounts:
        """Return the sum over all blocks; the vector may lack zeros at the end."""
        return _sum((self.closed, *(version.counts for version in self.open.values())))

    def encode(self) -> bytes:
        """Write as JSON, which people can read, too: a value of the changelog."""
        return orjson.dumps(
            {
                "format_version": FORMAT_VERSION,
                "topic": self.topic,
                "model": [self.model.id, self.model.version, self.model.sha256],
                "window_ms": self.window_ms,
                "blocks": self.blocks.runs,
                "closed": _as_json(self.closed),
                "open": [
                    [block, version.next_offset, _as_json(version.counts)]
                    for block, version in sorted(self.open.items())
                ],
            }
        )

    @classmethod
    def decode(cls, value: bytes) -> WindowCounts:
        """Read a value of the changelog.

        Raises
        ------
        ValueError
            It is none.
        """
        try:
            record = _WindowRecord.model_validate_json(value)
            if record.format_version != FORMAT_VERSION:
                raise ValueError(f"it has format {record.format_version}")
            return cls(
                topic=record.topic,
                model=ModelIdentity(*record.model),
                window_ms=record.window_ms,
                closed=_from_json(record.closed),
                blocks=BlockSet(record.blocks),
                open={
                    block: _OpenBlock(next_offset, _from_json(counts))
                    for block, next_offset, counts in record.open
                },
            )
        except ValueError as error:
            what = str(error)
            if isinstance(error, ValidationError):
                [first, *_] = error.errors()
                what = f"{'.'.join(map(str, first['loc'])) or 'the whole'}: {first['msg']}"
            raise ValueError(
                f"expected a window of format {FORMAT_VERSION} in the table drift_windows, got"
                f" {value[:80]!r}: {what}"
            ) from None


def _none() -> LeadCounts:
    return LeadCounts(np.zeros(0, dtype=np.int64), 0, 0, 0, 0)


def _sum(parts: Iterable[LeadCounts]) -> LeadCounts:
    parts = list(parts)
    size = max(len(part.counts) for part in parts)
    total = LeadCounts(np.zeros(size, dtype=np.int64), 0, 0, 0, 0)
    for part in parts:
        padded = np.pad(part.counts, (0, size - len(part.counts)))
        total += LeadCounts(padded, part.leads, part.present, part.score_sum, part.engaged)
    return total


def summed(parts: Iterable[LeadCounts], size: int) -> LeadCounts:
    """Add counts whose vectors may lack zeros at the end.

    Parameters
    ----------
    parts
        Counts of one model.
    size
        Length of the model's vector.

    Raises
    ------
    ValueError
        A vector is longer: it is of another model.
    """
    total = _sum((LeadCounts(np.zeros(size, dtype=np.int64), 0, 0, 0, 0), *parts))
    if len(total.counts) != size:
        raise ValueError(f"expected counts of {size} bins, got {len(total.counts)}")
    return total


def _as_json(counts: LeadCounts) -> list[Any]:
    return [
        counts.leads,
        counts.present,
        counts.score_sum,
        counts.engaged,
        *sparse(counts.counts),
    ]


_Long = Annotated[int, Field(ge=0, le=LARGEST_LONG)]
_Counts = tuple[_Long, _Long, _Long, _Long, list[_Long], list[_Long]]


class _WindowRecord(BaseModel):
    """The schema of a value of the changelog."""

    model_config = ConfigDict(strict=True)

    format_version: int
    topic: str
    model: tuple[str, str, str]
    window_ms: Annotated[int, Field(gt=0, le=LARGEST_LONG)]
    closed: _Counts
    blocks: list[tuple[_Long, _Long]]
    open: list[tuple[_Long, _Long, _Counts]]


def _from_json(record: _Counts) -> LeadCounts:
    leads, present, score_sum, engaged, codes, counts = record
    vector: NDArray[np.int64] = dense(codes, counts)
    return LeadCounts(vector, leads, present, score_sum, engaged)


@dataclass(slots=True)
class _Progress:
    event: int
    """Latest event time, milliseconds since 1970."""
    seen_at: float
    """When the last lead arrived, seconds of the clock."""
    active_at: float
    """Return the time by the active clock, which counts silences of all partitions only in part."""


class Watermark:
    """The event time up to which all leads are assumed to have arrived.

    It is that of the partition furthest behind [1]_. An idle partition, from which nothing has
    arrived for a while, does not hold it back. When all are idle it advances with the clock until
    leads arrive again; these may be delayed by an outage, and do not count as late for that. It is
    never ahead of the wall clock, so a lead from the future closes no window.

    When nothing arrives from any partition, the scoring worker may be down, and once it is back
    its partitions arrive one by one. So at most half of `idle_after` of such a silence counts
    towards the time for which a partition is idle.

    Parameters
    ----------
    idle_after
        Seconds without a lead after which a partition is idle.
    started_at
        Seconds of the clock. The watermark stands still for `idle_after` seconds from then: no lead
        may have arrived yet from the partition furthest behind. It stands still as long when leads
        arrive after all partitions were idle for twice that time, and when it was not asked for
        during that time: then this process was suspended.

    Attributes
    ----------
    reached
        The watermark when it was last asked for.

    References
    ----------
    .. [1] T. Akidau et al., "The Dataflow Model", VLDB 2015.
    """

    def __init__(self, *, idle_after: float, started_at: float) -> None:
        self._idle_after = idle_after
        self._stands_until = started_at + idle_after
        self._partitions: dict[int, _Progress] = {}
        self._active, self._active_until = 0.0, started_at
        self._asked_at = started_at
        self._seen: int | None = None
        self.reached: int | None = None

    def saw(self, partition: int, event: int, now: float) -> None:
        """Update a partition with the latest event time of leads that have arrived."""
        if self._partitions and self._are_idle(now, 2 * self._idle_after):
            self._stand(now)
        self._active, self._active_until = self._active_at(now), now
        progress = self._partitions.get(partition)
        if progress is None:
            self._partitions[partition] = _Progress(event, now, self._active)
        else:
            progress.event = max(progress.event, event)
            progress.seen_at, progress.active_at = now, self._active

    def at(self, now: float, wall_ms: int) -> int | None:
        """Return the watermark, milliseconds since 1970; None before the first.

        It goes back only by what the clock alone has advanced it.

        Parameters
        ----------
        now
            Seconds of the clock.
        wall_ms
            Milliseconds since 1970.
        """
        if now - self._asked_at >= max(self._idle_after, MOST_LATE):
            self._stand(now)
        self._asked_at = now
        if now >= self._stands_until and self._partitions:
            self.reached = self._mark(now, wall_ms)
        else:
            self.reached = self._seen
        return self.reached

    def _stand(self, now: float) -> None:
        self._stands_until = max(self._stands_until, now + self._idle_after)

    def _mark(self, now: float, wall_ms: int) -> int:
        if self._are_idle(now, self._idle_after):
            mark = min(max(self._advanced(now)), wall_ms)
            return mark if self._seen is None else max(mark, self._seen)
        active = [
            progress.event
            for progress in self._partitions.values()
            if self._active_at(now) - progress.active_at < self._idle_after
        ]
        mark = min(*active, wall_ms)
        self._seen = mark if self._seen is None else max(mark, self._seen)
        return self._seen

    def _active_at(self, now: float) -> float:
        silence = now - self._active_until
        return self._active + min(silence, self._idle_after / 2)

    def _are_idle(self, now: float, seconds: float) -> bool:
        return all(now - progress.seen_at >= seconds for progress in self._partitions.values())

    def _advanced(self, now: float) -> Iterator[int]:
        for progress in self._partitions.values():
            yield progress.event + round((now - progress.seen_at) * 1000)
