"""Finds the leads that were not touched for a time, by their last records in the logs.

A replay that scores untouched leads reads its ranges twice: first to find the last record of each
lead, then to score those that are old enough. What it finds is a function of the plan and the logs,
so a resumed replay, or another shard, finds the same.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from numpy.typing import NDArray

from agents.batch_scorer import BatchScorer
from agents.records import SourceRecord
from schemas.errors import FatalError
from stream.archive.reader import Archive
from stream.kafka.log_reader import LogReader, in_time
from stream.replay.plan import ReplayPlan
from stream.replay.selection import Selection
from stream.settings import Settings

__all__ = ["LastTouches", "find_untouched", "with_untouched"]

log = logging.getLogger(__name__)

PENDING = 500_000
"""Records that are kept before only the last one of each lead is."""
HASH_BYTES = 8
"""Length of a lead's hash. Among ten million leads two have the same one in one of 370,000 runs;
one of these is left out then."""

Resolve = Callable[[Sequence[Any]], Awaitable[None]]


class _Touches(NamedTuple):
    """Records of leads: int64 each but for the hashes, shape (n,)."""

    hashes: NDArray[np.uint64]
    times: NDArray[np.int64]
    partitions: NDArray[np.int64]
    offsets: NDArray[np.int64]
    """-1 where the record is a tombstone."""

    @classmethod
    def joined(cls, parts: Sequence[_Touches]) -> _Touches:
        return cls(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))

    def take(self, rows: Any) -> _Touches:
        return _Touches(*(column[rows] for column in self))

    def last(self) -> _Touches:
        """Return the last record of each lead: by its time, then by its offset."""
        ordered = self.take(np.lexsort((self.offsets, self.times, self.hashes)))
        is_last = np.ones(len(ordered.hashes), np.bool_)
        is_last[:-1] = ordered.hashes[1:] != ordered.hashes[:-1]
        return ordered.take(is_last)


class LastTouches:
    """The last record of each lead, as records are added; 32 bytes a lead."""

    def __init__(self) -> None:
        self._parts: list[_Touches] = []
        self._pending = 0

    def add(
        self,
        lead_ids: Sequence[bytes],
        times: Sequence[int] | NDArray[np.int64],
        partition: int,
        offsets: Sequence[int] | NDArray[np.int64],
    ) -> None:
        """Add records of one partition.

        Parameters
        ----------
        lead_ids
            The lead of each, in UTF-8.
        times
            Time stamps, milliseconds since 1970.
        partition
            Where they are.
        offsets
            Their offsets; -1: the record is a tombstone, which ends the lead.
        """
        if not lead_ids:
            return
        digests = b"".join(hashlib.blake2b(i, digest_size=HASH_BYTES).digest() for i in lead_ids)
        self._parts.append(
            _Touches(
                np.frombuffer(digests, np.uint64),
                np.asarray(times, np.int64),
                np.full(len(lead_ids), partition, np.int64),
                np.asarray(offsets, np.int64),
            )
        )
        self._pending += len(lead_ids)
        if self._pending > max(PENDING, len(self._parts[0].hashes)):
            self._parts = [_Touches.joined(self._parts).last()]
            self._pending = 0

    def before(self, ms: int) -> Mapping[int, NDArray[np.int64]]:
        """Return the places of the last records that are older than a time, by partition.

        Parameters
        ----------
        ms
            The time, milliseconds since 1970.

        Returns
        -------
        mapping of int to ndarray of int64
            Offsets, ascending; tombstones are left out.
        """
        if not self._parts:
            return {}
        last = _Touches.joined(self._parts).last()
        old = last.take((last.times < ms) & (last.offsets >= 0))
        return {
            int(number): np.sort(old.offsets[old.partitions == number])
            for number in np.unique(old.partitions)
        }


async def with_untouched(
    selection: Selection,
    settings: Settings,
    plan: ReplayPlan,
    scorer: BatchScorer,
    resolve: Resolve | None = None,
) -> Selection:
    """Return the selection of a plan: of untouched leads only, if the plan says so."""
    if plan.untouched_since is None:
        return selection
    return selection.at(await find_untouched(settings, plan, scorer, resolve))


async def find_untouched(
    settings: Settings, plan: ReplayPlan, scorer: BatchScorer, resolve: Resolve | None = None
) -> Mapping[int, NDArray[np.int64]]:
    """Return the places of the last records of untouched leads, by partition.

    All ranges of the plan are read, and what follows them in the topic. A record that is no lead
    touches none.

    Parameters
    ----------
    settings
        Kafka's address.
    plan
        Its ranges, and the time.
    scorer
        Decodes leads.
    resolve
        Looks up the schemas of records before they are decoded; None: there is no registry.

    Raises
    ------
    FatalError
        Kafka stopped answering.
    InputError
        The archive can't be read.
    """
    assert plan.untouched_since is not None
    touches = LastTouches()
    topic = LogReader(settings.kafka_client_options(), settings.isolation_level)
    source: Any = topic
    if plan.archive is not None:
        source = await asyncio.to_thread(Archive, plan.archive, plan.topic)
    count = sum(each.offsets for each in (*plan.ranges, *plan.watched))
    log.info("replay %s: %d offsets are read for the last record of each lead", plan.id, count)
    parts = [(source, each) for each in plan.ranges] + [(topic, each) for each in plan.watched]
    try:
        for reader, each in parts:
            partition = TopicPartition(plan.topic, each.partition)
            async for records in in_time(reader.read(partition, each.start, each.end)):
                if resolve is not None:
                    await resolve(records)
                _add(touches, scorer, each.partition, records)
    except (KafkaError, TimeoutError) as error:
        raise FatalError(
            f"expected to read {plan.topic}, but Kafka answered {error!r}: check that this user may"
            " read the topic, and resume the replay"
        ) from error
    return touches.before(plan.untouched_since)


def _add(
    touches: LastTouches, scorer: BatchScorer, partition: int, records: Sequence[SourceRecord]
) -> None:
    read = scorer.decode(records)
    touches.add(read.leads.lead_ids, read.timestamps, partition, read.offsets)
    erased = [record for record in records if record.value is None and record.key]
    touches.add(
        [record.key for record in erased if record.key],
        [record.timestamp for record in erased],
        partition,
        [-1] * len(erased),
    )
