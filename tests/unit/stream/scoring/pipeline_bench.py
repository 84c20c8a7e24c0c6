"""A pipeline on fakes, for the tests of the pipeline and its parts."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka import TopicPartition
from prometheus_client import CollectorRegistry

from agents.records import Output
from agents.rules import Rules
from agents.scoring import Scorer
from features.field_spec import NumberField
from features.matrix import FeatureEncoder
from features.reason_labels import ReasonLabels
from features.reference import FieldReference, Reference
from features.spec import FeatureSpec
from model.serving.constant import ConstantPredictor
from monitoring.telemetry.metrics import Metrics
from schemas.decode import LeadDecoder
from schemas.model_identity import ModelIdentity
from schemas.scored_event import ScoredModel
from schemas.store import SchemaStore
from schemas.wire import WireFormat
from stream.consume.partition_progress import Batch
from stream.deliver.batch_producer import Emitter
from stream.deliver.delivery import AtLeastOnce
from stream.deliver.sending import RecordsTooLargeError
from stream.kafka.producer import record_bytes
from stream.kafka.topic_limits import TopicLimits
from stream.scoring.pipeline import ScoringPipeline

LABELS = ("any", "other", "missing")

NOW = 1_760_000_000.0

TIMESTAMP = 1_759_999_999_000


def scorer(version: str = "1", sha256: str = "ab") -> Scorer:
    spec = FeatureSpec(fields=(NumberField(name="age"),))
    bins = FieldReference(name="age", by="quantile", labels=LABELS, counts=(0, 0, 0))
    reference = Reference(fields=(bins,), score=bins)
    labels = ReasonLabels(spec, reference, by_aspect=True)
    model = ScoredModel(
        identity=ModelIdentity("m", version, sha256),
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
    """A pipeline whose outputs a test delivers or refuses."""

    def __init__(
        self,
        in_flight: int = 8,
        cores: int = 2,
        delivery: type[AtLeastOnce] = AtLeastOnce,
        drift: Any = None,
        *,
        has_metrics: bool = True,
    ) -> None:
        self.emitter = FakeEmitter()
        self.crashes: list[BaseException] = []
        self.metrics = Metrics(CollectorRegistry(), version="test")
        emitter: Any = self.emitter
        assert "send" in dir(Emitter)
        assert {"max_bytes", "fits"} <= set(dir(TopicLimits))
        self.pipeline = ScoringPipeline(
            delivery=delivery(emitter),
            scored_topic="scored",
            dead_letter_topic="dead",
            metrics=self.metrics if has_metrics else None,
            drift=drift,
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
        scorer: Any = self.pipeline.scorer
        scorer._predictor = watched
        return watched

    async def deliver(self, sending: int) -> None:
        """Acknowledge what was sent, and let the pipeline continue."""
        self.emitter.deliveries[sending].set_result(None)
        await self.settle()

    async def settle(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)

    def value(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(name, labels) or 0.0


class Watched(ConstantPredictor):
    """Records which thread scores how many leads; waits until it is allowed to score."""

    def __init__(self) -> None:
        super().__init__(1)
        self.seen: list[tuple[str, int]] = []
        self.allowed = threading.Event()
        self.allowed.set()

    def predict(self, matrix: Any) -> Any:
        assert self.allowed.wait(10)
        self.seen.append((threading.current_thread().name, len(matrix)))
        return super().predict(matrix)


class Admitting(AtLeastOnce):
    """A delivery for which other workers own some partitions."""

    lost: frozenset[int] = frozenset({1})

    async def admit(self, batch: Batch) -> bool:
        return batch.partition.partition not in self.lost
