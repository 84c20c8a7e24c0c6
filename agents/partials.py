"""Partials: the counts of one block of offsets, one event-time window and one model, as records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.counts import LeadCounts
from schemas.model_identity import ModelIdentity
from schemas.record_codec import RecordCodec

__all__ = ["Partial", "Sample", "decode_partial", "dense", "sparse"]

CODEC = RecordCodec("drift_partial")
LARGEST = 2**20
"""Upper bound of the length of a model's vector: a damaged number must not exhaust memory."""
NUMBERS = (
    *("partition", "block", "next_offset", "window_ms"),
    *("leads", "present", "score_sum", "engaged"),
)
TIMES = ("window_start", "first_event", "last_event")
BOUND = 2**48
"""Upper bound of offsets, times and counts: sums of many of them fit in 64 bits."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Some of the leads, one by one.

    Attributes
    ----------
    offsets
        int64, shape (k,), ascending.
    scores
        float32, shape (k,).
    codes
        int16, shape (k, fields): each value's bin.
    """

    offsets: NDArray[np.int64]
    scores: NDArray[np.float32]
    codes: NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Partial:
    """Counts of the leads of a block that are in one window.

    Attributes
    ----------
    topic, partition
        Where the leads come from.
    block
        Number of the block; of a part of one that begins with its model, ``agents.drift.STRETCHES``
        plus its first offset.
    next_offset
        The block's records below it are counted.
    is_closed
        Whether the block is whole.
    model
        What scored the leads.
    window_start, window_ms
        The window: milliseconds since 1970, and its length.
    counts
        Counts of the leads; its vector may lack zeros at the end, once it was read from a record.
    first_event, last_event
        The earliest and the latest event time, milliseconds since 1970.
    sample
        Some of the leads.
    """

    topic: str
    partition: int
    block: int
    next_offset: int
    is_closed: bool
    model: ModelIdentity
    window_start: int
    window_ms: int
    counts: LeadCounts
    first_event: int
    last_event: int
    sample: Sample = field(compare=False)

    @property
    def key(self) -> bytes:
        """The record's key: of one key, the last record holds."""
        parts = (self.partition, self.block, self.window_start, self.model.sha256[:16])
        return "/".join(map(str, parts)).encode()

    def encode(self) -> bytes:
        """Write as Avro single-object encoding."""
        codes, counts = sparse(self.counts.counts)
        record = {
            "topic": self.topic,
            "partition": self.partition,
            "block": self.block,
            "next_offset": self.next_offset,
            "is_closed": self.is_closed,
            "model_id": self.model.id,
            "model_version": self.model.version,
            "model_sha256": self.model.sha256,
            "window_start": self.window_start,
            "window_ms": self.window_ms,
            "leads": self.counts.leads,
            "present": self.counts.present,
            "score_sum": self.counts.score_sum,
            "engaged": self.counts.engaged,
            "first_event": self.first_event,
            "last_event": self.last_event,
            "codes": codes,
            "counts": counts,
            "sample_offsets": self.sample.offsets.tolist(),
            "sample_scores": self.sample.scores.astype("<f4").tobytes(),
            "sample_codes": self.sample.codes.astype("<i2").tobytes(),
        }
        return CODEC.encode(record)


def decode_partial(value: bytes | None) -> Partial:
    """Read a partial.

    Raises
    ------
    ValueError
        The bytes are no partial.
    """
    record = CODEC.decode(value)
    try:
        return _partial(record)
    except ValueError as error:
        raise ValueError(f"expected a drift_partial, its parts don't fit: {error}") from None


def _partial(record: Mapping[str, Any]) -> Partial:
    offsets = np.array(record["sample_offsets"], dtype=np.int64)
    scores = np.frombuffer(record["sample_scores"], dtype="<f4").astype(np.float32)
    codes = np.frombuffer(record["sample_codes"], dtype="<i2").astype(np.int16)
    fields = len(codes) // len(offsets) if len(offsets) else 0
    if len(scores) != len(offsets) or len(codes) != fields * len(offsets):
        raise ValueError("the parts of the sample differ in length")
    numbers = [*(record[name] for name in NUMBERS), *record["counts"], *record["sample_offsets"]]
    latest = max(abs(record[name]) for name in TIMES)
    if not 0 <= min(numbers) <= max(*numbers, latest) < BOUND or not record["window_ms"]:
        raise ValueError("a number is outside the range that a block of leads can have")
    return Partial(
        topic=record["topic"],
        partition=record["partition"],
        block=record["block"],
        next_offset=record["next_offset"],
        is_closed=record["is_closed"],
        model=ModelIdentity(record["model_id"], record["model_version"], record["model_sha256"]),
        window_start=record["window_start"],
        window_ms=record["window_ms"],
        counts=LeadCounts(
            dense(record["codes"], record["counts"]),
            record["leads"],
            record["present"],
            record["score_sum"],
            record["engaged"],
        ),
        first_event=record["first_event"],
        last_event=record["last_event"],
        sample=Sample(offsets, scores, codes.reshape(len(offsets), fields)),
    )


def sparse(counts: NDArray[np.int64]) -> tuple[list[int], list[int]]:
    """Return the positions and the values of a vector's entries that are not 0."""
    codes = np.flatnonzero(counts)
    return codes.tolist(), counts[codes].tolist()


def dense(codes: list[int], counts: list[int], size: int = 0) -> NDArray[np.int64]:
    """Return the vector with the given entries: as long as they need, and at least `size`.

    Raises
    ------
    ValueError
        The two differ in length, places do not ascend or are in no model's vector, or a count is 0.
    """
    is_possible = min(codes, default=0) >= 0 and max(codes, default=0) < LARGEST
    is_ascending = all(low < high for low, high in pairwise(codes))
    if len(codes) != len(counts) or not (is_possible and is_ascending) or 0 in counts:
        raise ValueError("expected codes of bins that ascend, each with a count above 0")
    vector = np.zeros(max(size, max(codes, default=-1) + 1), dtype=np.int64)
    vector[codes] = counts
    return vector
