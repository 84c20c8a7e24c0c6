"""The scores that leads had before are a function of the log, whoever reads it and when."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from random import Random

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

import stream.sinks.previous_scores as module
from schemas.store import PACKAGED, SchemaStore
from stream.schema_registry.lookup import SchemaLookup
from stream.sinks.previous_scores import PreviousScores, Score
from stream.sinks.reading import reader_of
from stream.sinks.sink import SinkBatch, SinkRecord
from testing.fake_schema_registry import FakeSchemaRegistry
from testing.sink_writer import LOG
from tests.unit.stream.sinks.fake_sink import FakeRecord, record_of

LEADS = 4
READ = reader_of("scores", SchemaStore.load())


class FakeLog:
    """A log of scored events, some of whose values are none."""

    def __init__(self, size: int) -> None:
        self.records = [
            record_of(at, f"lead-{at % LEADS}", b"no event" if at % 10 == 9 else None)
            for at in range(size)
        ]
        self.start = 0
        self.reads: list[tuple[int, int]] = []
        self.error: Exception | None = None

    async def read(
        self, partition: TopicPartition, start: int, stop: int
    ) -> AsyncGenerator[Sequence[FakeRecord], None]:
        assert partition == TopicPartition(LOG.topic, LOG.partition)
        self.reads.append((start, stop))
        found = [at for at in self.records if max(start, self.start) <= at.offset < stop]
        for at in range(0, len(found), 7):
            if self.error is not None and at:
                raise self.error
            yield found[at : at + 7]

    def batch(self, start: int, stop: int, generation: int = 1, attempt: int = 1) -> SinkBatch:
        records = [
            SinkRecord(at.offset, at.timestamp, f"lead-{at.offset % LEADS}", READ(at.value))
            for at in self.records[start:stop]
            if at.value != b"no event"
        ]
        return SinkBatch(LOG, records, attempt, generation)

    def expected(self, batch: SinkBatch, lookback: int) -> list[Score | None]:
        first = batch.records[0].offset
        return [self._before(at, max(0, first - lookback, self.start)) for at in batch.records]

    def _before(self, record: SinkRecord, least: int) -> Score | None:
        for at in range(record.offset - LEADS, least - 1, -LEADS):
            if self.records[at].value != b"no event":
                score = (at % 100) / 100
                return Score(score, "High" if score >= 0.5 else "Low")
        return None


def scores_of(log: FakeLog, lookback: int = 1000) -> PreviousScores:
    return PreviousScores(log.read, READ, lookback)  # type: ignore[arg-type]


async def test_the_log_is_read_back_once_and_followed_then() -> None:
    log = FakeLog(100)
    scores = scores_of(log)
    for start in range(40, 100, 20):
        batch = log.batch(start, start + 20)
        assert await scores.before(batch) == log.expected(batch, 1000)
    assert log.reads == [(0, 40)]


async def test_a_batch_that_is_written_again_has_the_same_scores_before() -> None:
    log = FakeLog(50)
    scores = scores_of(log)
    batch = log.batch(20, 40)
    first = await scores.before(batch)
    left = replace(batch, records=batch.records[5:], attempt=2)
    assert await scores.before(left) == first[5:]
    assert await scores.before(log.batch(40, 50)) == log.expected(log.batch(40, 50), 1000)
    assert log.reads == [(0, 20)]


async def test_scores_that_another_worker_has_read_meanwhile_are_caught_up() -> None:
    log = FakeLog(100)
    scores = scores_of(log)
    await scores.before(log.batch(0, 20, generation=1))
    batch = log.batch(60, 80, generation=3)
    assert await scores.before(batch) == log.expected(batch, 1000)
    assert log.reads[-1] == (19, 60)


async def test_after_any_rebalances_and_repeats_the_scores_are_those_of_the_log() -> None:
    log, chance = FakeLog(200), Random(17)
    scores = scores_of(log)
    generation, at = 1, 0
    while at < 190:
        batch = log.batch(at, at + chance.randrange(2, 15), generation)
        assert await scores.before(batch) == log.expected(batch, 1000)
        if chance.random() < 0.5:
            generation += 1
            at = max(0, at + chance.randrange(-30, 40))
        else:
            at = batch.records[-1].offset + 1


async def test_scores_that_retention_removed_or_that_are_too_far_back_count_as_none() -> None:
    log = FakeLog(100)
    log.start = 70
    batch = log.batch(71, 80)
    assert await scores_of(log).before(batch) == log.expected(batch, 1000)
    far = FakeLog(100)
    assert (await scores_of(far, 3).before(far.batch(50, 60)))[0] is None
    assert far.reads == [(47, 50)]


async def test_the_leads_scored_last_are_kept_of_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_LEADS", LEADS - 1)
    log = FakeLog(8)
    assert await scores_of(log).before(log.batch(4, 8)) == [None] * LEADS


async def test_a_read_that_fails_is_done_again_and_changes_nothing() -> None:
    log = FakeLog(60)
    scores = scores_of(log)
    await scores.before(log.batch(0, 5))
    log.error = KafkaError("away")
    batch = log.batch(40, 60, generation=2)
    with pytest.raises(KafkaError):
        await scores.before(batch)
    log.error = None
    assert await scores.before(batch) == log.expected(batch, 1000)


async def test_a_topic_that_was_created_again_has_scores_of_its_own() -> None:
    log = FakeLog(40)
    scores = scores_of(log)
    await scores.before(log.batch(0, 20))
    again = replace(log.batch(0, 4), log=replace(LOG, topic_id="other"))
    assert await scores.before(again) == [None] * 4


async def test_the_schema_ids_of_records_that_are_read_back_are_looked_up() -> None:
    registry = FakeSchemaRegistry()
    header = registry.add((PACKAGED / "lead_scored.avsc").read_text())
    schemas = SchemaLookup(registry, None, wait_limit=1.0, unresolved="stop")
    log = FakeLog(20)
    log.records = [
        at if at.value == b"no event" else at._replace(value=header + (at.value or b"")[10:])
        for at in log.records
    ]
    batch = FakeLog(20).batch(10, 20)
    scores = PreviousScores(
        log.read,  # type: ignore[arg-type]
        reader_of("scores", SchemaStore.load(), schemas.registered),
        1000,
        schemas,
    )
    assert await scores.before(batch) == FakeLog(20).expected(batch, 1000)
    await scores.close()
    assert registry.is_closed
