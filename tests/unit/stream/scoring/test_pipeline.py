"""The pipeline: order, delivery before done, the bound on polls in flight, and errors."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from aiokafka import TopicPartition

from agents.batch_scorer import BatchScorer
from agents.canary_split import CanarySplit
from agents.drift import CountedLeads
from agents.records import Output
from agents.scoring import Scorer
from agents.split_scoring import SplitScorer
from model.serving.constant import ConstantPredictor
from schemas.errors import ErrorCode, FatalError, InvalidEventError
from schemas.headers import CANARY
from schemas.left_out import LeftOutValue
from schemas.wire import WireFormat
from stream.consume.partition_progress import Batch
from stream.deliver.delivery import PartitionLostError
from stream.scoring import pipeline
from tests.unit.agents.test_split_scoring import scorer_of
from tests.unit.stream.scoring.pipeline_bench import (
    TIMESTAMP,
    Admitting,
    Place,
    Record,
    batch,
)
from tests.unit.two_models import TwoModels


async def test_a_batch_is_done_when_all_its_outputs_are_delivered_and_not_before() -> None:
    async with Place() as place:
        given = batch(0)
        await place.pipeline.accept([given])
        await place.until_sent(1)
        await place.settle()
        assert not given.is_done
        await place.deliver(0)
        assert given.is_done
        assert place.value("leadscore_leads_scored_total") == 2


async def test_batches_are_sent_in_the_order_in_which_they_came() -> None:
    async with Place() as place:
        # The large ones are scored in the thread, the small ones at once.
        firsts = [0, 200, 202, 404]
        for first, count in zip(firsts, [200, 2, 202, 2], strict=True):
            await place.pipeline.accept([batch(first, count)])
        await place.until_sent(4)
        offsets = [int(rows[0][2][5][1].rpartition(b"-")[2]) for _, _, rows in place.emitter.sent]
        assert offsets == firsts


async def test_nothing_waits_for_more_than_a_stage_of_a_large_poll(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pipeline, "GIVE_WAY_AFTER", 0.0)
    turns = 0
    seen: list[tuple[str, int]] = []

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    def noted(scorer: Any, stage: str) -> None:
        run = getattr(scorer, stage)

        def note(*args: Any, **options: Any) -> Any:
            seen.append((stage, turns))
            return run(*args, **options)

        monkeypatch.setattr(scorer, stage, note)

    async with Place(cores=1) as place:
        stages = ["decode", "features", "predict", "outputs"]
        for stage in stages:
            noted(place.pipeline.scorer, stage)
        ticking = asyncio.create_task(others())
        for first in (0, 100):
            await place.pipeline.accept([batch(first, 100)])
        await place.until_sent(2)
        ticking.cancel()
    assert sorted(stage for stage, _ in seen) == sorted(2 * stages)
    accepted = [turn for stage, turn in seen if stage != "outputs"]
    assert len(set(accepted)) == len(accepted)
    emitted = [turn for stage, turn in seen if stage == "outputs"]
    assert len(set(emitted)) == len(emitted)


async def test_the_outputs_of_a_split_batch_are_those_of_each_model_alone(
    two: TwoModels,
) -> None:
    values = [
        *two.small.values(WireFormat.JSON)[:120],
        b"no lead",
        *two.small.values(WireFormat.JSON)[120:],
    ]
    before, after = scorer_of(two.before), scorer_of(two.after)
    split = CanarySplit(two.after.identity, 30, "a")
    scorers: list[BatchScorer] = [
        SplitScorer(before, after, split, clock=time.perf_counter),
        before,
        after,
    ]
    found: list[dict[str, list[Any]]] = []
    for scorer in scorers:
        async with Place() as place:
            place.pipeline.scorer = scorer
            polls = [values[:3], values[3:100], values[100:]]
            for first, poll in zip((0, 3, 100), polls, strict=True):
                records: Any = [Record(first + at, value) for at, value in enumerate(poll)]
                await place.pipeline.accept([Batch(TopicPartition("leads", 0), records)])
            await place.until_sent(4)
            found.append({topic: [] for topic in ("scored", "dead")})
            for topic, _, rows in place.emitter.sent:
                found[-1][topic] += [
                    (key, value, [header for header in headers if header[0] != CANARY])
                    for key, value, headers in rows
                ]
    together, *alone = found
    chosen = split.chosen([key for key, _, _ in together["scored"]])
    assert 80 < chosen.sum() < 160
    assert together["scored"] == [
        alone[is_canary]["scored"][row] for row, is_canary in enumerate(chosen.astype(int))
    ]
    assert together["dead"] == alone[0]["dead"]


async def test_a_batch_that_was_revoked_is_left_to_its_next_owner() -> None:
    async with Place() as place:
        given = batch(0)
        given.revoke()
        await place.pipeline.accept([given])
        await place.settle()
        assert not place.emitter.sent
        assert not given.is_done


async def test_no_more_batches_are_in_flight_than_allowed() -> None:
    async with Place(in_flight=2) as place:
        await place.pipeline.accept([batch(0)])
        await place.pipeline.accept([batch(2)])
        third = asyncio.create_task(place.pipeline.accept([batch(4)]))
        await place.until_sent(2)
        await place.settle()
        assert not third.done()
        place.emitter.deliveries[0].set_result(None)
        await third
        await place.until_sent(3)


async def test_a_revoked_batch_gives_its_slot_back() -> None:
    async with Place(in_flight=1) as place:
        revoked = batch(0)
        revoked.revoke()
        await place.pipeline.accept([revoked])
        await place.pipeline.accept([batch(2)])
        await place.until_sent(1)
        [(topic, _, rows)] = place.emitter.sent
        assert (topic, len(rows)) == ("scored", 2)
        assert not revoked.is_begun


async def test_a_failed_delivery_crashes_and_the_batch_is_never_done() -> None:
    async with Place() as place:
        given = batch(0)
        await place.pipeline.accept([given])
        await place.until_sent(1)
        error = FatalError("no broker")
        place.emitter.deliveries[0].set_exception(error)
        await place.settle()
        assert place.crashes == [error]
        assert not given.is_done


async def test_an_unexpected_error_in_scoring_crashes_and_commits_nothing() -> None:
    async with Place() as place:
        given = batch(0)
        error = MemoryError("no memory")

        class Broken(ConstantPredictor):
            def predict(self, matrix: Any) -> Any:
                raise error

        scorer: Any = place.pipeline.scorer
        scorer._predictor = Broken(1)
        await place.pipeline.accept([given])
        await place.settle()
        assert place.crashes == [error]
        assert not given.is_done
        assert not place.emitter.sent


async def test_bad_records_go_to_the_dead_letters_and_the_others_on() -> None:
    async with Place() as place:
        records = [Record(0, b"?"), Record(1, b'{"lead_id":"a","created_at":1}')]
        given = Batch(TopicPartition("leads", 3), records)  # type: ignore[arg-type]
        await place.pipeline.accept([given])
        await place.until_sent(2)
        assert place.emitter.topics() == ["scored", "dead"]
        assert [partition for _, partition, _ in place.emitter.sent] == [3, 3]
        [(key, value, headers)] = place.emitter.sent[1][2]
        assert (key, value) == (b"k", b"?")
        assert dict(headers)["leadscore.error.code"] == b"WIRE_FORMAT"
        for delivery in place.emitter.deliveries:
            delivery.set_result(None)
        await place.settle()
        assert given.is_done


async def test_a_record_that_cannot_be_read_is_a_dead_letter_and_its_neighbours_continue() -> None:
    verdict = InvalidEventError(ErrorCode.UNREADABLE, "the name of a header is not UTF-8")
    async with Place() as place:
        given = batch(10, 3, partition=1)
        given.verdicts = {1: verdict}
        await place.pipeline.accept([batch(0, 2), given])
        await place.until_sent(3)
        assert [(topic, at, len(rows)) for topic, at, rows in place.emitter.sent] == [
            ("scored", 0, 2),
            ("scored", 1, 2),
            ("dead", 1, 1),
        ]
        [(key, value, headers)] = place.emitter.sent[2][2]
        values_found = dict(headers)
        assert (key, value) == (b"k", given.records[1].value)
        assert values_found["leadscore.error.code"] == b"UNREADABLE"
        assert values_found["__connect.errors.offset"] == b"11"
        for delivery in place.emitter.deliveries:
            delivery.set_result(None)
        await place.settle()
        assert given.is_done
        assert place.value("leadscore_dead_letters_total", code="UNREADABLE") == 1


async def test_a_batch_of_dead_letters_alone_is_done() -> None:
    async with Place() as place:
        given = batch(0, value=b"?")
        await place.pipeline.accept([given])
        await place.until_sent(1)
        assert place.emitter.topics() == ["dead"]
        await place.deliver(0)
        assert given.is_done
        assert place.value("leadscore_leads_scored_total") == 0


async def test_latency_is_from_the_records_time_stamp_to_the_delivery() -> None:
    async with Place() as place:
        await place.pipeline.accept([batch(0)])
        await place.until_sent(1)
        await place.deliver(0)
        name = "leadscore_event_to_scored_seconds_sum"
        assert np.isclose(place.value(name), 2 * 1.0)


@pytest.mark.parametrize(
    "timestamp", [-1, 0, 1_760_000_000, TIMESTAMP * 1000, TIMESTAMP + 2 * 3_600_000]
)
async def test_an_implausible_time_stamp_enters_no_latency(timestamp: int) -> None:
    async with Place() as place:
        given = batch(0)
        records: list[Any] = list(given.records)
        first, second = records
        given.records = [dataclasses.replace(first, timestamp=timestamp), second]
        await place.pipeline.accept([given])
        await place.until_sent(1)
        await place.deliver(0)
        assert np.isclose(place.value("leadscore_event_to_scored_seconds_sum"), 1.0)
        assert place.value("leadscore_event_to_scored_seconds_count") == 1
        assert place.value("leadscore_leads_scored_total") == 2


async def test_batches_are_done_without_metrics() -> None:
    async with Place(has_metrics=False) as place:
        given = batch(0)
        await place.pipeline.accept([given])
        await place.until_sent(1)
        await place.deliver(0)
        assert given.is_done


async def test_a_slot_is_given_back_with_every_batch() -> None:
    async with Place(in_flight=2) as place:
        for at in range(20):
            await place.pipeline.accept([batch(at)])
            await place.until_sent(at + 1)
            await place.deliver(at)
        assert len(place.emitter.sent) == 20


async def test_without_a_model_nothing_is_taken_in_silence() -> None:
    async with Place() as place:
        place.pipeline.scorer = None
        given = batch(0)
        await place.pipeline.accept([given])
        assert [type(error) for error in place.crashes] == [AssertionError]
        assert not given.is_done


async def test_a_lead_that_was_too_large_to_be_read_is_a_dead_letter_with_its_size() -> None:
    async with Place() as place:
        good = Record(1, b'{"lead_id":"a","created_at":1,"age":5}')
        large = Record(0, LeftOutValue(300_000_000))
        given = Batch(TopicPartition("leads", 0), [large, good])  # type: ignore[arg-type]
        await place.pipeline.accept([given])
        await place.until_sent(2)
        assert place.emitter.topics() == ["scored", "dead"]
        [(key, value, headers)] = place.emitter.sent[1][2]
        assert (key, value) == (b"k", None)
        assert dict(headers)["leadscore.error.code"] == b"TOO_LARGE"
        assert dict(headers)["leadscore.value.left.out.bytes"] == b"300000000"
        assert dict(headers)["__connect.errors.offset"] == b"0"


@pytest.mark.parametrize("is_lost", [False, True])
async def test_the_records_of_a_batch_that_has_left_are_released(is_lost: bool) -> None:
    released: list[int] = []
    async with Place() as place:
        records = [Record(0, b'{"lead_id":"a","created_at":1,"age":5}')]
        given = Batch(
            TopicPartition("leads", 0),
            records,  # type: ignore[arg-type]
            size=70,
            on_release=released.append,
        )
        await place.pipeline.accept([given])
        await place.until_sent(1)
        assert not released
        error = PartitionLostError("another's") if is_lost else None
        for delivery in place.emitter.deliveries:
            delivery.set_exception(error) if error else delivery.set_result(None)
        await place.settle()
        assert (released, given.is_done) == ([70], not is_lost)
        assert not given.records


async def test_a_stop_leaves_what_is_in_flight_undone() -> None:
    async with Place() as place:
        given = batch(0)
        await place.pipeline.accept([given])
        await place.until_sent(1)
        await place.pipeline.stop()
        await place.deliver(0)
        assert not given.is_done
        assert not place.crashes


async def test_batches_that_are_done_together_are_counted_together() -> None:
    async with Place() as place:
        await place.pipeline.accept([batch(0, 2, partition=1), batch(7, 3, partition=4)])
        await place.until_sent(2)
        place.emitter.deliveries[0].set_result(None)
        await place.deliver(1)
        assert place.value("leadscore_leads_scored_total") == 5
        assert place.value("leadscore_batch_records_count") == 2
        assert place.value("leadscore_batch_records_sum") == 5
        assert place.value("leadscore_event_to_scored_seconds_count") == 5


async def test_an_error_after_the_delivery_of_a_batch_ends_the_worker() -> None:
    async with Place() as place:
        broken = OSError("the log is full")

        def on_done(*_: Any) -> None:
            raise broken

        place.pipeline._on_done = on_done
        await place.pipeline.accept([batch(0)])
        await place.until_sent(1)
        await place.deliver(0)
        await place.until_crashed()
        assert place.crashes == [broken]


def event_of(row: Output) -> tuple[bytes | None, bytes | None]:
    """Key and event id."""
    return row[0], dict(row[2])["ce_id"]


async def test_a_poll_is_scored_at_once_and_each_partition_gets_its_own() -> None:
    async with Place() as place:
        watched = place.watch()
        first, second = batch(0, 2, partition=1), batch(7, 3, partition=4)
        await place.pipeline.accept([first, second])
        await place.until_sent(2)
        assert [rows for _, rows in watched.seen] == [5]
        assert [partition for _, partition, _ in place.emitter.sent] == [1, 4]
        keys = [[event_of(row)[0] for row in rows] for _, _, rows in place.emitter.sent]
        assert keys == [[b"a0", b"a1"], [b"a7", b"a8", b"a9"]]
        ids = [(event_of(row)[1] or b"")[17:] for _, _, rows in place.emitter.sent for row in rows]
        assert ids == [b"1-0", b"1-1", b"4-7", b"4-8", b"4-9"]


async def test_a_partition_whose_broker_is_slow_to_answer_holds_up_no_others_commits() -> None:
    async with Place(in_flight=1) as place:
        slow, quick = batch(0, partition=1), batch(0, partition=2)
        await place.pipeline.accept([slow, quick])
        await place.until_sent(2)
        await place.deliver(1)
        assert (slow.is_done, quick.is_done) == (False, True)
        assert place.value("leadscore_leads_scored_total") == 2
        following = asyncio.create_task(place.pipeline.accept([batch(2, partition=2)]))
        await place.settle()
        assert not following.done(), "a poll has left when all its batches have"
        place.emitter.deliveries[0].set_result(None)
        await following
        assert slow.is_done


async def test_only_the_partitions_of_a_poll_that_are_still_owned_are_scored() -> None:
    async with Place(in_flight=1) as place:
        lost, ours = batch(0, partition=1), batch(0, partition=2)
        lost.revoke()
        await place.pipeline.accept([lost, ours])
        await place.until_sent(1)
        assert [partition for _, partition, _ in place.emitter.sent] == [2]
        await place.deliver(0)
        assert (lost.is_done, ours.is_done) == (False, True)
        await place.pipeline.accept([batch(2)])


async def test_dead_letters_name_their_source_in_any_partition_of_a_poll() -> None:
    async with Place() as place:
        bad = batch(40, 2, partition=3, value=b"?")
        good = b'{"lead_id":"a","created_at":1}'
        values = {50: good, 51: b"?", 52: good}
        records = [Record(at, value, partition=5) for at, value in values.items()]
        mixed = Batch(TopicPartition("leads", 5), records)  # type: ignore[arg-type]
        await place.pipeline.accept([batch(0, 2, partition=1), bad, mixed])
        await place.until_sent(4)
        sent = [(topic, partition, len(rows)) for topic, partition, rows in place.emitter.sent]
        assert sent == [("scored", 1, 2), ("dead", 3, 2), ("scored", 5, 2), ("dead", 5, 1)]
        values_found = [
            (why["__connect.errors.partition"], why["__connect.errors.offset"])
            for topic, _, rows in place.emitter.sent
            for why in (dict(headers) for _, _, headers in rows)
            if topic == "dead"
        ]
        assert values_found == [(b"3", b"40"), (b"3", b"41"), (b"5", b"51")]
        # The broker refuses the second event of the third batch: offset 52, not 51.
        place.emitter.refuse(2, [1])
        await place.until_sent(5)
        topic, partition, rows = place.emitter.sent[4]
        assert (topic, partition) == ("dead", 5)
        assert [dict(headers)["__connect.errors.offset"] for _, _, headers in rows] == [b"52"]
        for delivery in place.emitter.deliveries:
            if not delivery.done():
                delivery.set_result(None)
        await place.settle()
        assert bad.is_done
        assert mixed.is_done
        assert place.value("leadscore_leads_scored_total") == 3
        assert place.value("leadscore_dead_letters_total", code="OUTPUT_TOO_LARGE") == 1


class Counted:
    """Records the leads that are counted for drift."""

    def __init__(self) -> None:
        self.offsets: list[tuple[int, list[int]]] = []

    def count(
        self, batch: Batch, scorer: Scorer, leads: CountedLeads, deliveries: Sequence[Any]
    ) -> Sequence[Any]:
        assert all(record.partition == batch.partition.partition for record in batch.records)
        self.offsets.append((batch.partition.partition, leads.offsets.tolist()))
        return ()


async def test_the_leads_of_each_batch_of_a_poll_are_counted_once_it_is_admitted() -> None:
    counted = Counted()
    async with Place(delivery=Admitting, drift=counted) as place:
        good = b'{"lead_id":"a","created_at":1}'
        records = [Record(at, b"?" if at == 21 else good, partition=3) for at in range(20, 24)]
        mixed = Batch(TopicPartition("leads", 3), records)  # type: ignore[arg-type]
        bad = batch(30, 2, partition=4, value=b"?")
        await place.pipeline.accept(
            [batch(0, partition=1), batch(10, partition=2), mixed, bad, batch(40, partition=5)]
        )
        await place.until_sent(5)
        assert counted.offsets == [(2, [10, 11]), (3, [20, 22, 23]), (4, []), (5, [40, 41])]
