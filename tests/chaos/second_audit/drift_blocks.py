"""Drift counted again from the leads, and held against the partials."""

from __future__ import annotations

import struct
from bisect import insort
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.chaos.second_audit.avro_files import AvroFiles
from tests.chaos.second_audit.drift_reports import Windows
from tests.chaos.second_audit.model_bins import ModelBins
from tests.chaos.second_audit.records import Faults, Record

__all__ = ["BLOCK", "BlockKey", "DriftBlocks"]

BLOCK = 4096
"""Offsets of a block."""
STRETCHES = 2**40
"""A part of a block that begins with its model has this plus its first offset as its number."""
SAMPLED = 16
"""Offsets that this divides are in the sample."""
BILLION = 1_000_000_000
SPREAD = 288
"""Windows that a lead may be older than the newest leads before it, to be counted."""
NEWEST = 8
"""Which of the newest leads before it counts for that: a few wrong clocks must not matter."""


class BlockKey(NamedTuple):
    """Identity of a partial."""

    partition: int
    block: int
    window_start: int
    model_sha256: str

    def __str__(self) -> str:
        model = self.model_sha256[:16]
        return f"{self.partition}/{self.block}/{self.window_start}/{model}"


@dataclass(slots=True)
class _Counted:
    leads: int = 0
    present: int = 0
    score_sum: int = 0
    engaged: int = 0
    first_event: int = 2**63
    last_event: int = -(2**63)
    places: Counter[int] = field(default_factory=Counter)
    offsets: list[int] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)

    def add(self, other: _Counted) -> None:
        """Add the counts of other leads, without their sample."""
        self.leads += other.leads
        self.present += other.present
        self.score_sum += other.score_sum
        self.engaged += other.engaged
        self.places.update(other.places)

    def as_partial(self) -> dict[str, object]:
        """Return what the partial's fields must be."""
        places = sorted(self.places)
        return {
            "leads": self.leads,
            "present": self.present,
            "score_sum": self.score_sum,
            "engaged": self.engaged,
            "first_event": self.first_event,
            "last_event": self.last_event,
            "codes": places,
            "counts": [self.places[place] for place in places],
            "sample_offsets": self.offsets,
            "sample_scores": struct.pack(f"<{len(self.scores)}f", *self.scores),
            "sample_codes": struct.pack(f"<{len(self.codes)}h", *self.codes),
        }


class DriftBlocks:
    """Counts by block of offsets, window of event time, and model.

    Parameters
    ----------
    topic
        Topic of the leads.
    window_ms
        Length of a window.
    """

    def __init__(self, topic: str, window_ms: int) -> None:
        self._topic = topic
        self._window_ms = window_ms
        self._counted: dict[BlockKey, _Counted] = {}
        self._newest: dict[BlockKey, list[int]] = {}
        self._unchecked: set[tuple[int, int]] = set()
        self._starts: dict[int, int] = {}

    def add(
        self, record: Record, created_at: int, fields: Any, score: float, model: ModelBins
    ) -> None:
        """Count a lead that was scored; to be called in the order of the offsets."""
        event = min(created_at, record.timestamp) if record.timestamp > 0 else created_at
        window = event // self._window_ms * self._window_ms
        key = BlockKey(record.partition, record.offset // BLOCK, window, model.sha256)
        if self._is_out_of_order(key):
            return
        counted = self._counted.get(key)
        if counted is None:
            counted = self._counted[key] = _Counted()
        places, codes, present = model.codes(fields)
        places.append(model.score_place(score))
        counted.places.update(places)
        counted.leads += 1
        counted.present += present
        counted.score_sum += round(score * BILLION)
        counted.engaged += model.is_engaged(score)
        counted.first_event = min(counted.first_event, event)
        counted.last_event = max(counted.last_event, event)
        if record.offset % SAMPLED == 0:
            counted.offsets.append(record.offset)
            counted.scores.append(score)
            counted.codes += codes

    def _is_out_of_order(self, key: BlockKey) -> bool:
        newest = self._newest.setdefault(key._replace(window_start=0), [])
        oldest = newest[0] - SPREAD * self._window_ms if len(newest) == NEWEST else 0
        insort(newest, key.window_start)
        del newest[:-NEWEST]
        return key.window_start < oldest

    def leave_out(self, partition: int, offset: int) -> None:
        """Check nothing of an offset's block: a lead of it is counted, and its score not known."""
        self._unchecked.add((partition, offset // BLOCK))

    def begin(self, partition: int, start: int) -> None:
        """Check nothing of blocks of which retention has removed leads, those below `start`."""
        self._starts[partition] = start

    @property
    def blocks(self) -> int:
        """How many blocks there are to check."""
        keys = {(key.partition, key.block) for key in self._counted}
        return sum(self._is_checked(*key) for key in keys)

    def windows(self) -> Windows:
        """Return, by window and model, the sums over blocks; None where one is not checked."""
        sums: dict[tuple[int, str], _Counted | None] = {}
        for key, counted in self._counted.items():
            window = (key.window_start, key.model_sha256)
            known = sums.setdefault(window, _Counted())
            if known is None or not self._is_checked(key.partition, key.block):
                sums[window] = None
            else:
                known.add(counted)
        return {
            window: None if total is None else total.as_partial() for window, total in sums.items()
        }

    def _is_checked(self, partition: int, block: int) -> bool:
        is_whole = block * BLOCK >= self._starts.get(partition, 0)
        return is_whole and (partition, block) not in self._unchecked

    def hold_against(self, records: Iterable[Record], avro: AvroFiles, faults: Faults) -> None:
        """Compare the partials with what was counted.

        Of several partials of a key, the one that counts up to the latest offset holds; those that
        count up to the same offset must be the same.
        """
        found: dict[BlockKey, dict[str, Any]] = {}
        for record in records:
            if record.value is None:
                continue
            try:
                partial = avro.read(record.value)
                key = BlockKey(
                    *(partial[name] for name in ("partition", "block")),
                    *(partial[name] for name in ("window_start", "model_sha256")),
                )
            except Exception:  # whatever reading leads to
                faults.add("partial_unreadable", f"partials {record.partition}:{record.offset}")
                continue
            if record.key != str(key).encode():
                faults.add("partial_key", str(key))
            known = found.get(key)
            if known is None or known["next_offset"] < partial["next_offset"]:
                found[key] = partial
            elif known["next_offset"] == partial["next_offset"] and known != partial:
                faults.add("partials_differ", str(key))
        latest = _whole_blocks(found)
        for key in self._counted.keys() | latest.keys():
            if self._is_checked(key.partition, key.block):
                self._compare(key, latest.get(key), faults)

    def _compare(self, key: BlockKey, partial: dict[str, Any] | None, faults: Faults) -> None:
        counted = self._counted.get(key)
        if partial is None:
            faults.add("drift_not_counted", str(key))
            return
        if counted is None:
            faults.add("drift_of_no_lead", str(key))
            return
        expected = {
            **counted.as_partial(),
            "topic": self._topic,
            "window_ms": self._window_ms,
            "is_closed": partial["next_offset"] == (key.block + 1) * BLOCK,
        }
        differing = [name for name, value in expected.items() if partial[name] != value]
        if differing:
            faults.add("drift_counts", f"{key}: {', '.join(differing)}")


def _whole_blocks(partials: dict[BlockKey, dict[str, Any]]) -> dict[BlockKey, dict[str, Any]]:
    """Add up the parts of a block that one model has scored."""
    parts: dict[BlockKey, list[dict[str, Any]]] = {}
    for key, partial in partials.items():
        block = key.block if key.block < STRETCHES else (key.block - STRETCHES) // BLOCK
        parts.setdefault(key._replace(block=block), []).append(partial)
    return {key: _added_up(some) if len(some) > 1 else some[0] for key, some in parts.items()}


def _added_up(parts: list[dict[str, Any]]) -> dict[str, Any]:
    parts = sorted(parts, key=lambda part: part["next_offset"])
    places = Counter[int]()
    for part in parts:
        places.update(dict(zip(part["codes"], part["counts"], strict=True)))
    codes = sorted(places)
    return {
        **parts[-1],
        **{name: sum(part[name] for part in parts) for name in ("leads", "present")},
        **{name: sum(part[name] for part in parts) for name in ("score_sum", "engaged")},
        "first_event": min(part["first_event"] for part in parts),
        "last_event": max(part["last_event"] for part in parts),
        "codes": codes,
        "counts": [places[code] for code in codes],
        "sample_offsets": [at for part in parts for at in part["sample_offsets"]],
        "sample_scores": b"".join(part["sample_scores"] for part in parts),
        "sample_codes": b"".join(part["sample_codes"] for part in parts),
    }
