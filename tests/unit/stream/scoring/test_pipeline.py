"""The pipeline: order, delivery before done, the bound on what is in flight, and errors."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from aiokafka import TopicPartition
from prometheus_client import CollectorRegistry

from agents.drift import CountedLeads
from agents.scoring import Output, Rules, Scorer
from features.matrix import FeatureEncoder
from features.reason_labels import ReasonLabels
from features.reference import FieldReference, Reference
from features.spec import FeatureSpec, NumberField
from model.serving.constant import ConstantPredictor
from monitoring.telemetry.metrics import Metrics
from schemas.decode import LeadDecoder
from schemas.errors import ErrorCode, FatalError, InvalidEventError
from schemas.left_out import LeftOutValue
from schemas.model_identity import ModelIdentity
from schemas.scored_event import ScoredModel
from schemas.store import SchemaStore
from schemas.wire import WireFormat
from stream.consume.partition_progress import Batch
from stream.deliver.batch_producer import Emitter, RecordsTooLargeError
from stream.deliver.delivery import AtLeastOnce, PartitionLostError
from stream.kafka.producer import record_bytes
from stream.kafka.topic_limits import TopicLimits
from stream.scoring import pipeline
from stream.scoring.pipeline import THREAD_FROM_ROWS, ScoringPipeline

LABELS = ("any", "other", "missing")
NOW = 1_760_000_000.0
TIMESTAMP = 1_759_999_999_000


def scorer() -> Scorer:
    spec = FeatureSpec(fields=(NumberField(name="age"),))
    bins = FieldReference(name="age", by="quantile", labels=LABELS, counts=(0, 0, 0))
    reference = Reference(fields=(bins,), score=bins)
    labels = ReasonLabels(spec, reference, by_aspect=True)
    model = ScoredModel(
        identity=ModelIdentity("m", "1", "ab"),
        engine="constant",
        calibration_method="none",
        slope=1.0,
        intercept=0.0,
        high=0.7,
        medium=0.4,
        label=0.5,
        reason_texts=labels.texts,
        topic="leads",
    )
    return Scorer(
        model,
        decoder=LeadDecoder(SchemaStore(), spec.kinds),
        encoder=FeatureEncoder(spec, reference),
        predictor=ConstantPredictor(1),
        labels=labels,
        rules=Rules(),
        wire=WireFormat.JSON,
    )


@dataclass(frozen=True)
class Record:
    offset: int
    value: bytes | None
    key: bytes | None = b"k"
    timestamp: int = TIMESTAMP
    headers: Sequence[tuple[str, bytes | None]] = ()
    partition: int = 0


def batch(first: int, count: int = 2, partition: int = 0, value: bytes | None = None) -> Batch:
    good = [b'{"lead_id":"a%d","created_at":1,"age":5}' % i for i in range(first, first + count)]
    records = [Record(first + i, value or good[i], partition=partition) for i in range(count)]
    return Batch(TopicPartition("leads", partition), records)  # type: ignore[arg-type]


@dataclass
class FakeEmitter:
    """Accepts rows at once; delivers on request."""

    sent: list[tuple[str, int, Sequence[Output]]] = field(default_factory=list)
    deliveries: list[asyncio.Future[None]] = field(default_factory=list)
    limit: int = 1_000_000
    dead_limit: int = 1_000_000
    """Bytes of the largest record that the dead-letter topic takes."""

    async def send(self, topic: str, partition: int, rows: Sequence[Output]) -> list[Any]:
        if not rows:
            return []
        self.sent.append((topic, partition, rows))
        self.deliveries.append(asyncio.get_running_loop().create_future())
        return [self.deliveries[-1]]

    @property
    def limits(self) -> FakeEmitter:
        return self

    def max_bytes(self, topic: str) -> int:
        return self.limit

    def fits(self, topic: str, key: Any, value: Any, headers: Any) -> bool:
        return record_bytes(key, value, headers) <= self.dead_limit

    def refuse(self, sending: int, positions: list[int]) -> None:
        """Refuse records as too large, and learn the limit from that, as the emitter does."""
        topic, _, rows = self.sent[sending]
        if topic == "dead":
            smallest = min(record_bytes(*rows[position]) for position in positions)
            self.dead_limit = min(self.dead_limit, smallest - 1)
        self.deliveries[sending].set_exception(RecordsTooLargeError(topic, positions))

    def topics(self) -> list[str]:
        return [topic for topic, _, _ in self.sent]


class Place:
    """A pipeline with all that is around it."""

    def __init__(self, in_flight: int = 8, cores: int = 2) -> None:
        self.emitter = FakeEmitter()
        self.crashes: list[BaseException] = []
        self.metrics = Metrics(CollectorRegistry(), version="test")
        emitter: Any = self.emitter
        assert "send" in dir(Emitter)
        assert {"max_bytes", "fits"} <= set(dir(TopicLimits))
        self.pipeline = ScoringPipeline(
            delivery=AtLeastOnce(emitter),
            scored_topic="scored",
            dead_letter_topic="dead",
            metrics=self.metrics,
            crash=self.crash,
            in_flight=in_flight,
            cores=cores,
            now=lambda: NOW,
        )
        self.pipeline.scorer = scorer()

    async def crash(self, error: BaseException) -> None:
        self.crashes.append(error)

    async def __aenter__(self) -> Place:
        self.pipeline.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.pipeline.stop()

    async def until_sent(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.emitter.sent) < count:  # noqa: ASYNC110 - the fake has no event
                await asyncio.sleep(0)

    async def until_crashed(self) -> None:
        async with asyncio.timeout(10):
            while not self.crashes:  # noqa: ASYNC110 - the fake has no event
                await asyncio.sleep(0)

    def watch(self) -> Watched:
        """Score with an engine that can be watched."""
        watched = Watched()
        assert self.pipeline.scorer is not None
        self.pipeline.scorer._predictor = watched
        return watched

    async def settle(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)

    def value(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(name, labels) or 0.0


async def test_a_batch_is_done_when_all_its_outputs_are_delivered_and_not_before() -> None:
    async with Place() as place:
        given = batch(0)
        await place.pipeline.accept([given])
        await place.until_sent(1)
        await place.settle()
        assert not given.is_done
        place.emitter.deliveries[0].set_result(None)
        await place.settle()
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


async def test_a_batch_that_was_revoked_is_left_to_its_next_owner() -> None:
    async with Place() as place:
        given = batch(0)
        given.revoke()
        await place.pipeline.accept([given])
        await place.settle()
        assert not place.emitter.sent
        assert not given.is_done


async def test_no_more_batches_are_in_hand_than_allowed() -> None:
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

        assert place.pipeline.scorer is not None
        place.pipeline.scorer._predictor = Broken(1)
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


async def test_a_record_that_cannot_be_read_is_a_dead_letter_and_its_neighbours_go_on() -> None:
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
        told = dict(headers)
        assert (key, value) == (b"k", given.records[1].value)
        assert told["leadscore.error.code"] == b"UNREADABLE"
        assert told["__connect.errors.offset"] == b"11"
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
        place.emitter.deliveries[0].set_result(None)
        await place.settle()
        assert given.is_done
        assert place.value("leadscore_leads_scored_total") == 0


async def test_what_the_topic_does_not_take_is_a_dead_letter_before_it_is_sent() -> None:
    async with Place() as place:
        place.emitter.limit = 500
        await place.pipeline.accept([batch(0)])
        await place.until_sent(1)
        assert place.emitter.topics() == ["dead"]
        codes = [
            dict(headers)["leadscore.error.code"] for _, _, headers in place.emitter.sent[0][2]
        ]
        assert codes == [b"OUTPUT_TOO_LARGE"] * 2


async def test_what_the_broker_refuses_as_too_large_is_a_dead_letter_too() -> None:
    async with Place() as place:
        given = batch(0, count=3)
        await place.pipeline.accept([given])
        await place.until_sent(1)
        place.emitter.refuse(0, [1])
        await place.until_sent(2)
        topic, _, rows = place.emitter.sent[1]
        assert topic == "dead"
        assert [dict(headers)["__connect.errors.offset"] for _, _, headers in rows] == [b"1"]
        await place.settle()
        assert not given.is_done
        place.emitter.deliveries[1].set_result(None)
        await place.settle()
        assert given.is_done
        assert place.value("leadscore_leads_scored_total") == 2


async def test_latency_is_from_the_records_time_stamp_to_the_delivery() -> None:
    async with Place() as place:
        await place.pipeline.accept([batch(0)])
        await place.until_sent(1)
        place.emitter.deliveries[0].set_result(None)
        await place.settle()
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
        place.emitter.deliveries[0].set_result(None)
        await place.settle()
        assert np.isclose(place.value("leadscore_event_to_scored_seconds_sum"), 1.0)
        assert place.value("leadscore_event_to_scored_seconds_count") == 1
        assert place.value("leadscore_leads_scored_total") == 2


async def test_without_metrics_everything_goes_on() -> None:
    async with Place() as place:
        place.pipeline._metrics = None
        given = batch(0)
        await place.pipeline.accept([given])
        await place.until_sent(1)
        place.emitter.deliveries[0].set_result(None)
        await place.settle()
        assert given.is_done


class Watched(ConstantPredictor):
    """Notes which thread scores how many leads; scores only while it is allowed to."""

    def __init__(self) -> None:
        super().__init__(1)
        self.seen: list[tuple[str, int]] = []
        self.allowed = threading.Event()
        self.allowed.set()

    def predict(self, matrix: Any) -> Any:
        assert self.allowed.wait(10)
        self.seen.append((threading.current_thread().name, len(matrix)))
        return super().predict(matrix)


async def test_a_large_batch_is_scored_in_the_models_thread_and_a_small_one_at_once() -> None:
    async with Place() as place:
        watched = place.watch()
        await place.pipeline.accept([batch(0, THREAD_FROM_ROWS - 1)])
        assert watched.seen == [("MainThread", THREAD_FROM_ROWS - 1)]
        await place.pipeline.accept([batch(100, THREAD_FROM_ROWS)])
        await place.until_sent(2)
        thread, rows = watched.seen[1]
        assert thread.startswith("model")
        assert rows == THREAD_FROM_ROWS


async def test_on_one_core_there_is_no_thread_for_the_model() -> None:
    async with Place(cores=1) as place:
        watched = place.watch()
        await place.pipeline.accept([batch(0, THREAD_FROM_ROWS)])
        assert watched.seen == [("MainThread", THREAD_FROM_ROWS)]


async def test_the_next_batch_is_decoded_while_the_model_scores() -> None:
    async with Place() as place:
        watched = place.watch()
        watched.allowed.clear()
        first, second = batch(0, THREAD_FROM_ROWS), batch(100, THREAD_FROM_ROWS)
        await place.pipeline.accept([first])
        await place.pipeline.accept([second])
        assert first.is_in_flight
        assert second.is_in_flight
        assert place.value("leadscore_stage_duration_seconds_count", stage="decode") == 2
        assert not watched.seen
        watched.allowed.set()
        await place.until_sent(2)


async def test_a_slot_is_given_back_with_every_batch() -> None:
    async with Place(in_flight=2) as place:
        for at in range(20):
            await place.pipeline.accept([batch(at)])
            await place.until_sent(at + 1)
            place.emitter.deliveries[at].set_result(None)
        await place.settle()
        assert len(place.emitter.sent) == 20


async def test_without_a_model_nothing_is_taken_in_silence() -> None:
    async with Place() as place:
        place.pipeline.scorer = None
        given = batch(0)
        await place.pipeline.accept([given])
        assert [type(error) for error in place.crashes] == [AssertionError]
        assert not given.is_done


@pytest.mark.parametrize("name", ["x-request-id", "traceparent", "tracestate"])
async def test_headers_that_come_from_the_lead_count_as_what_they_are(name: str) -> None:
    async with Place() as place:
        place.emitter.limit = 3_000
        value = b'{"lead_id":"a","created_at":1,"age":5}'
        long = Record(0, value, headers=[(name, b"t" * (200 if name == "x-request-id" else 2_500))])
        given = Batch(TopicPartition("leads", 0), [long])  # type: ignore[arg-type]
        await place.pipeline.accept([given])
        await place.until_sent(1)
        assert place.emitter.topics() == ["scored" if name == "x-request-id" else "dead"]


def codes(rows: Sequence[Output]) -> list[bytes | None]:
    return [dict(headers)["leadscore.error.code"] for _, _, headers in rows]


async def test_a_dead_letter_that_its_topic_does_not_take_goes_without_its_value() -> None:
    async with Place() as place:
        place.emitter.dead_limit = 700
        await place.pipeline.accept([batch(0, 1, value=b"?" * 500)])
        await place.until_sent(1)
        [(key, value, headers)] = place.emitter.sent[0][2]
        assert (key, value) == (None, None)
        assert dict(headers)["leadscore.value.left.out.bytes"] == b"500"
        assert dict(headers)["__connect.errors.offset"] == b"0"


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


async def test_a_dead_letter_that_the_broker_refuses_goes_without_its_value() -> None:
    async with Place() as place:
        given = batch(0, 3, value=b"?")
        await place.pipeline.accept([given])
        await place.until_sent(1)
        place.emitter.refuse(0, [0, 2])
        await place.until_sent(2)
        topic, _, rows = place.emitter.sent[1]
        assert topic == "dead"
        assert [(key, value) for key, value, _ in rows] == [(None, None)] * 2
        assert [dict(headers)["__connect.errors.offset"] for _, _, headers in rows] == [b"0", b"2"]
        await place.settle()
        assert not given.is_done
        place.emitter.deliveries[1].set_result(None)
        await place.settle()
        assert given.is_done
        assert not place.crashes


@pytest.mark.parametrize(
    ("limit", "names"),
    [
        (700, {"__connect.errors.exception.message", "leadscore.schema", "leadscore.attempt"}),
        (360, {"__connect.errors.topic", "__connect.errors.partition"}),
        (300, set()),
    ],
)
async def test_a_dead_letter_goes_with_as_many_headers_as_its_topic_takes(
    limit: int, names: set[str]
) -> None:
    async with Place() as place:
        place.emitter.dead_limit = limit
        await place.pipeline.accept([batch(0, 1, value=b"?" * 700)])
        await place.until_sent(1)
        [(key, value, headers)] = place.emitter.sent[0][2]
        assert (key, value) == (None, None)
        assert record_bytes(key, value, headers) <= limit
        least = {
            "__connect.errors.offset",
            "leadscore.error.code",
            "leadscore.value.left.out.bytes",
        }
        assert names | least <= dict(headers).keys()


async def test_a_topic_that_takes_no_dead_letter_at_all_crashes_the_app_with_a_sentence() -> None:
    async with Place() as place:
        place.emitter.dead_limit = 100
        with pytest.raises(FatalError, match=r"raise its max\.message\.bytes"):
            place.pipeline.verify_limits()
        await place.pipeline.accept([batch(0, 1, value=b"?")])
        await place.settle()
        [error] = place.crashes
        assert "Topic dead was expected to take records of 2" in str(error)
        place.emitter.dead_limit = 300
        place.pipeline.verify_limits()


async def test_a_refused_event_whose_dead_letter_is_refused_too_is_told_of_all_the_same() -> None:
    async with Place() as place:
        given = batch(0, 1)
        await place.pipeline.accept([given])
        for refusals in range(2):
            await place.until_sent(refusals + 1)
            place.emitter.refuse(refusals, [0])
        await place.until_sent(3)
        assert place.emitter.topics() == ["scored", "dead", "dead"]
        assert codes(place.emitter.sent[2][2]) == [b"OUTPUT_TOO_LARGE"]
        assert place.emitter.sent[2][2][0][1] is None
        place.emitter.deliveries[2].set_result(None)
        await place.settle()
        assert given.is_done


async def test_an_error_in_the_models_thread_crashes_and_commits_nothing() -> None:
    async with Place() as place:
        watched = place.watch()
        watched.seen = None  # type: ignore[assignment]
        given = batch(0, THREAD_FROM_ROWS)
        await place.pipeline.accept([given])
        await place.until_crashed()
        assert not given.is_done
        assert not place.emitter.sent


async def test_a_stop_leaves_what_is_in_flight_undone() -> None:
    async with Place() as place:
        given = batch(0)
        await place.pipeline.accept([given])
        await place.until_sent(1)
        await place.pipeline.stop()
        assert not given.is_done
        assert not place.crashes


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
        place.emitter.deliveries[1].set_result(None)
        await place.settle()
        assert (slow.is_done, quick.is_done) == (False, True)
        assert place.value("leadscore_leads_scored_total") == 2
        following = asyncio.create_task(place.pipeline.accept([batch(2, partition=2)]))
        await place.settle()
        assert not following.done(), "a poll has left when all its batches have"
        place.emitter.deliveries[0].set_result(None)
        await following
        assert slow.is_done


async def test_of_a_poll_only_what_is_still_ours_is_scored() -> None:
    async with Place(in_flight=1) as place:
        lost, ours = batch(0, partition=1), batch(0, partition=2)
        lost.revoke()
        await place.pipeline.accept([lost, ours])
        await place.until_sent(1)
        assert [partition for _, partition, _ in place.emitter.sent] == [2]
        place.emitter.deliveries[0].set_result(None)
        await place.settle()
        assert (lost.is_done, ours.is_done) == (False, True)
        await place.pipeline.accept([batch(2)])


async def test_bad_records_are_told_of_where_they_come_from_in_any_partition_of_a_poll() -> None:
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
        told = [
            (why["__connect.errors.partition"], why["__connect.errors.offset"])
            for topic, _, rows in place.emitter.sent
            for why in (dict(headers) for _, _, headers in rows)
            if topic == "dead"
        ]
        assert told == [(b"3", b"40"), (b"3", b"41"), (b"5", b"51")]
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


class Admitting(AtLeastOnce):
    """A delivery that some partitions are lost to."""

    lost: frozenset[int] = frozenset({1})

    async def admit(self, batch: Batch) -> bool:
        return batch.partition.partition not in self.lost


async def test_of_a_poll_only_what_is_admitted_is_sent() -> None:
    async with Place(in_flight=1) as place:
        emitter: Any = place.emitter
        place.pipeline._delivery = Admitting(emitter)
        lost, ours = batch(0, partition=1), batch(0, partition=2)
        await place.pipeline.accept([lost, ours])
        await place.until_sent(1)
        assert [partition for _, partition, _ in place.emitter.sent] == [2]
        place.emitter.deliveries[0].set_result(None)
        await place.settle()
        assert (lost.is_done, ours.is_done) == (False, True)
        await place.pipeline.accept([batch(2, partition=1)])


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


async def test_of_a_poll_each_batchs_own_leads_are_counted_once_it_is_admitted() -> None:
    async with Place() as place:
        emitter: Any = place.emitter
        counted: Any = Counted()
        place.pipeline._delivery = Admitting(emitter)
        place.pipeline._drift = counted
        good = b'{"lead_id":"a","created_at":1}'
        records = [Record(at, b"?" if at == 21 else good, partition=3) for at in range(20, 24)]
        mixed = Batch(TopicPartition("leads", 3), records)  # type: ignore[arg-type]
        bad = batch(30, 2, partition=4, value=b"?")
        await place.pipeline.accept(
            [batch(0, partition=1), batch(10, partition=2), mixed, bad, batch(40, partition=5)]
        )
        await place.until_sent(5)
        assert counted.offsets == [(2, [10, 11]), (3, [20, 22, 23]), (4, []), (5, [40, 41])]


async def test_a_partition_that_is_lost_on_the_way_leaves_and_the_others_go_on() -> None:
    async with Place(in_flight=1) as place:
        lost, ours = batch(0, partition=1), batch(0, partition=2)
        await place.pipeline.accept([lost, ours])
        await place.until_sent(2)
        place.emitter.deliveries[0].set_exception(PartitionLostError("another's"))
        place.emitter.deliveries[1].set_result(None)
        await place.settle()
        assert (lost.is_done, ours.is_done) == (False, True)
        assert not place.crashes
        async with asyncio.timeout(1):
            await place.pipeline.accept([batch(2)])
