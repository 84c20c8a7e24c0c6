"""Leads of a made-up log, and what workers tell of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from agents.drift import BLOCK, BlockCounts, CountedLeads, Counting
from agents.partials import Partial
from features.counts import CountLayout
from features.reference import Bins, FieldReference, Reference
from schemas.model_identity import ModelIdentity

MODEL = ModelIdentity("bank", "3", "3f" * 32)
OTHER_MODEL = ModelIdentity("bank", "4", "a0" * 32)
WINDOW_MS = 1000
STRIDE = 16
"""Every offset that the log still has is sampled, and a block has 256 of them."""
PER_BLOCK = BLOCK // STRIDE


def _quantile(size: int) -> dict[str, object]:
    return {
        "by": "quantile",
        "edges": tuple(i / size for i in range(1, size)),
        "labels": tuple(str(code) for code in range(size + 2)),
        "counts": (*[500] * size, 0, 100),
    }


LAYOUT = CountLayout(
    Reference(
        fields=(
            FieldReference(name="visits", **_quantile(10)),
            FieldReference(
                name="industry",
                by="level",
                levels=("health", "retail"),
                labels=("health", "retail", "other", "missing"),
                counts=(2500, 2500, 0, 100),
            ),
        ),
        score=Bins(**{**_quantile(10), "counts": (*[500] * 10, 0, 0)}),
    )
)


def counting(model: ModelIdentity = MODEL) -> Counting:
    return Counting(model, LAYOUT, label=0.5, window_ms=WINDOW_MS)


def leads(
    count: int, *, first: int = 0, since_ms: int = 0, step_ms: int = 5, rise: float = 0.0
) -> CountedLeads:
    """Return leads that are a function of their offsets.

    Parameters
    ----------
    first
        Number of the first one in the log. Its offset is 16 times that.
    since_ms, step_ms
        Event time of the log's first lead, and from one to the next.
    rise
        What visits and score rise by.
    """
    numbers = np.arange(first, first + count)
    mixed = (numbers * 2_654_435_761 % 2**32) / 2**32
    scores = np.clip(mixed + rise, 0, 0.999).astype(np.float32)
    visits = np.clip(mixed * 7 % 1 + rise, 0, 0.999) * 10
    bins = np.column_stack((visits, numbers % 2)).astype(np.int16)
    return CountedLeads(numbers * STRIDE, since_ms + numbers * step_ms, bins, scores)


def partials_of(
    log: CountedLeads,
    *,
    every: int = 50,
    partition: int = 0,
    model: ModelIdentity = MODEL,
    from_block: int = 0,
) -> list[Partial]:
    """Return the partials of a log, with the open block published after a number of leads."""
    return list(_partials_of(log, every, partition, model, from_block))


def _partials_of(
    log: CountedLeads, every: int, partition: int, model: ModelIdentity, from_block: int
) -> Iterator[Partial]:
    for number, of_block in log.by_block():
        if number < from_block:
            continue
        block = BlockCounts(counting(model), "leads", partition, number)
        for start in range(0, len(of_block.offsets), every):
            some = of_block.take(slice(start, start + every))
            block.add(some)
            next_offset = int(some.offsets[-1]) + 1
            if next_offset + STRIDE > block.end:
                yield from block.partials(block.end)
            else:
                yield from block.partials(next_offset)


def encoded(partials: Sequence[Partial]) -> list[bytes]:
    return [partial.encode() for partial in partials]
