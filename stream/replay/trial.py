"""Dry run of a replay: a sample of its records, really scored, and what the whole would take."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from agents.batch_scorer import BatchScorer
from schemas.errors import FatalError
from stream.archive.reader import Archive
from stream.consume.partition_progress import Record
from stream.kafka.log_reader import LogReader
from stream.kafka.producer import record_bytes
from stream.process.model_trial import Trials
from stream.replay.plan import ReplayPlan
from stream.replay.ranges import PartitionRange
from stream.replay.selection import load_selection
from stream.replay.untouched import with_untouched
from stream.schema_registry.opened import asked_schemas, with_own_framing
from stream.scoring.serving_model import load_pinned
from stream.settings import Settings

__all__ = ["Estimate", "drawn_spots", "spots", "try_out"]

SAMPLE = 2000
"""Records of all partitions that are scored."""
SPOTS = 4
"""Places of each partition that they are taken from: old leads may differ from new ones."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Extent and outcome of a replay, estimated from a sample.

    Attributes
    ----------
    offsets
        Offsets of all ranges; expired ones and gaps count.
    expired
        How many of these have expired.
    sampled
        Records that were read.
    scored, filtered
        How many of these would be scored, and how many would be left out.
    dead_letters
        How many would be dead letters, by code.
    records, events, letters
        Records, scored events and dead letters of the whole replay.
    bytes_read, bytes_written
        Bytes of the whole replay, before compression.
    seconds
        Duration of the whole replay in one process that scores as fast as this one; reading and
        writing not counted.
    """

    offsets: int
    expired: int
    sampled: int
    scored: int
    filtered: int
    dead_letters: dict[str, int]
    records: int
    events: int
    letters: int
    bytes_read: int
    bytes_written: int
    seconds: float


def _reachable(each: PartitionRange) -> int:
    return each.offsets - each.expired


def drawn_spots(ranges: Sequence[PartitionRange]) -> dict[int, list[tuple[int, int]]]:
    """Return the spans of offsets that are sampled, by partition: about a share of each."""
    whole = max(1, sum(map(_reachable, ranges)))
    return {
        each.partition: spots(each, max(SPOTS, round(SAMPLE * _reachable(each) / whole)))
        for each in ranges
    }


def spots(each: PartitionRange, count: int) -> list[tuple[int, int]]:
    """Return spans of offsets of a range, evenly spread, with about ``count`` offsets in all."""
    start = min(max(each.start, each.log_start), each.end)
    length = each.end - start
    if length <= count:
        return [(start, each.end)] if length else []
    size = max(1, count // SPOTS)
    step = (length - size) / max(SPOTS - 1, 1)
    return [
        (first, first + size) for first in sorted({start + round(i * step) for i in range(SPOTS)})
    ]


async def try_out(settings: Settings, plan: ReplayPlan) -> Estimate:
    """Score a sample of a plan; write nothing.

    Raises
    ------
    BundleError
        The model must not be used.
    FatalError
        Kafka did not answer.
    """
    settings = plan.settings_of(settings)
    load = partial(
        load_pinned,
        registered=asked_schemas(settings),
        replay_id=plan.id,
        ages_at=plan.ages_at,
    )
    serving = await asyncio.to_thread(load, with_own_framing(settings), Trials(), plan.model)
    drawn = drawn_spots(plan.ranges)
    records = await _drawn(settings, plan, drawn)
    selection = await with_untouched(
        *(await asyncio.to_thread(load_selection, plan, settings), settings, plan),
        serving.scorer,
    )
    by_partition: dict[int, list[Record]] = {}
    for record in records:
        by_partition.setdefault(record.partition, []).append(record)
    kept = [
        record
        for partition, its in by_partition.items()
        for record in selection.kept(partition, its)
    ]
    sampled = sum(stop - start for its in drawn.values() for start, stop in its)
    factor = sum(map(_reachable, plan.ranges)) / max(1, sampled)
    return await asyncio.to_thread(_estimate, plan, serving.scorer, records, kept, factor)


async def _drawn(
    settings: Settings, plan: ReplayPlan, drawn: Mapping[int, Sequence[tuple[int, int]]]
) -> list[Record]:
    reader: Archive | LogReader
    if plan.archive is None:
        reader = LogReader(settings.kafka_client_options(), settings.isolation_level)
    else:
        reader = await asyncio.to_thread(Archive, plan.archive, plan.topic)
    found: list[Record] = []
    try:
        for number, its in drawn.items():
            partition = TopicPartition(plan.topic, number)
            for start, stop in its:
                async for records in reader.read(partition, start, stop):
                    found += records
    except KafkaError as error:
        raise FatalError(
            f"expected to read {plan.topic}, but Kafka answered {error!r}: check that this user may"
            " read the topic, and try again"
        ) from error
    return found


def _estimate(
    plan: ReplayPlan,
    scorer: BatchScorer,
    records: Sequence[Record],
    kept: Sequence[Record],
    factor: float,
) -> Estimate:
    """Return the estimate; the whole has ``factor`` times as many offsets as the sample."""
    if kept:
        _score(scorer, kept)  # once before, as the first batch is slower
    started = time.perf_counter()
    scored, dead_letters, written = _score(scorer, kept) if kept else (0, Counter[str](), 0)
    seconds = time.perf_counter() - started
    read = sum(record_bytes(r.key, r.value, r.headers) for r in records)
    return Estimate(
        offsets=plan.offsets,
        expired=sum(each.expired for each in plan.ranges),
        sampled=len(records),
        scored=scored,
        filtered=len(records) - len(kept),
        dead_letters=dict(dead_letters),
        records=round(len(records) * factor),
        events=round(scored * factor),
        letters=round(dead_letters.total() * factor),
        bytes_read=round(read * factor),
        bytes_written=round(written * factor),
        seconds=seconds * factor,
    )


def _score(scorer: BatchScorer, records: Sequence[Record]) -> tuple[int, Counter[str], int]:
    """Score records; return the numbers of events and of dead letters by code, and their bytes."""
    read = scorer.decode(records)
    features = scorer.features(read)
    outcome = scorer.outputs(
        read,
        features,
        scorer.predict(features),
        scored_at=round(time.time() * 1000),
        too_large=lambda _: (),
    )
    outputs = [*outcome.scored, *(letter.output for letter in outcome.dead_letters)]
    codes = Counter(str(letter.code) for letter in outcome.dead_letters)
    return len(outcome.scored), codes, sum(record_bytes(*output) for output in outputs)
