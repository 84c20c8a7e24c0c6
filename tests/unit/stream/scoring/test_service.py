"""The scoring service: what it tells health, metrics and /model-info; taking models up."""

from __future__ import annotations

import shutil
import time
from collections.abc import Collection
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiokafka import OffsetAndMetadata, TopicPartition

from model.registry import Registry
from monitoring.telemetry.health import Condition
from schemas.errors import FatalError
from stream import monitor as vitals_module
from stream.consume.batch_source import BatchSource
from stream.consume.lost_records import Loss, LossReason
from stream.consume.partition_progress import Batch
from stream.kafka.commit_metadata import Commit, ModelPin, metadata_of
from stream.monitor import STALL_LIMIT, Vitals
from stream.scoring.service import ScoringService
from stream.settings import load_settings
from stream.topology import READY
from testing.fakes import TOPIC, FakeApp, FakeConsumer, FakeKafka, FakeRecord
from tests.unit.small_model import SmallModel

AT = TopicPartition(TOPIC, 0)


class Place:
    """A service that was never started, and what it tells."""

    def __init__(self, **given: Any) -> None:
        self.app = FakeApp()
        app: Any = self.app.as_faust()
        app.settings = load_settings(
            http_host="127.0.0.1", http_port=0, leads_created=TOPIC, **given
        )
        self.vitals = Vitals(app.settings, READY["score"])
        self.service = ScoringService(app, self.vitals)

    def value(self, name: str, **labels: str) -> float | None:
        return self.service.metrics.registry.get_sample_value(name, labels)

    def missing(self) -> dict[str, str]:
        conditions = self.service.health.ready()[1]["conditions"]
        return {name: it["reason"] for name, it in conditions.items() if not it["met"]}

    def served(self) -> dict[str, str]:
        [family] = [
            family
            for family in self.service.metrics.registry.collect()
            if family.name == "leadscore_model"
        ]
        return family.samples[0].labels if family.samples else {}


async def test_at_first_it_is_not_ready_and_says_why() -> None:
    place = Place()
    assert place.missing().keys() == {
        Condition.MODEL_LOADED,
        Condition.PARTITIONS_ASSIGNED,
        Condition.BROKER_REACHED,
    }
    assert place.value("leadscore_ready") == 0
    assert place.value("leadscore_assigned_partitions") == 0
    assert place.value("leadscore_last_commit_age_seconds") is None


async def test_it_is_ready_when_all_that_it_needs_is_there() -> None:
    place = Place()
    for condition in (Condition.MODEL_LOADED, Condition.BROKER_REACHED):
        place.service.health.meet(condition)
    assert place.value("leadscore_ready") == 0
    place.service.on_rebalance(frozenset())  # more workers than partitions: ready all the same
    assert place.value("leadscore_ready") == 1
    assert place.missing() == {}


async def test_a_rebalance_is_counted_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    place = Place()
    with caplog.at_level("INFO"):
        place.service.on_rebalance(frozenset({TopicPartition(TOPIC, n) for n in (2, 0)}))
    assert place.value("leadscore_rebalances_total") == 1
    assert caplog.records[-1].partitions == [0, 2]  # type: ignore[attr-defined]


async def test_what_is_fetched_is_counted_by_partition() -> None:
    place = Place()
    place.service.on_fetch(Batch(AT, [FakeRecord(n, 0, n) for n in range(5)]))  # type: ignore[misc]
    name = "leadscore_records_consumed_total"
    assert place.value(name, topic=TOPIC, partition="0") == 5


async def test_a_loss_is_counted_and_listed_and_the_worker_stays_ready() -> None:
    place = Place()
    for condition in (Condition.MODEL_LOADED, Condition.BROKER_REACHED):
        place.service.health.meet(condition)
    place.service.on_rebalance(frozenset())
    place.service.on_loss(Loss(AT, 5, 22, LossReason.RETENTION))
    where = {"topic": TOPIC, "partition": "0", "reason": "retention"}
    assert place.value("leadscore_losses_total", **where) == 1
    assert place.value("leadscore_lost_records_total", **where) == 17
    [listed] = place.service.health.losses(time.monotonic())
    assert listed["reason"] == "retention"
    assert place.value("leadscore_ready") == 1


async def test_a_commit_is_remembered() -> None:
    place = Place()
    place.service.on_commit({AT: 5})
    age = place.value("leadscore_last_commit_age_seconds")
    assert age is not None
    assert 0 <= age < 60


async def test_the_service_is_the_sources_observer() -> None:
    place = Place()
    kafka = FakeKafka()
    kafka.accept({AT: OffsetAndMetadata(0, metadata_of(0, None))})

    async def fetch(partitions: Collection[TopicPartition]) -> dict[TopicPartition, Commit | None]:
        return {at: kafka.commit_of(at) for at in partitions}

    place.service.offsets.fetch = fetch  # type: ignore[method-assign]
    place.service.source._connect = lambda: FakeConsumer(kafka)
    await place.service.source.on_start()
    await place.service.source.position(AT)
    assert place.value("leadscore_rebalances_total") == 1
    assert place.value("leadscore_assigned_partitions") == 1


async def test_without_metrics_the_pipeline_measures_nothing() -> None:
    assert Place(metrics=False).service.pipeline._metrics is None
    assert Place().service.pipeline._metrics is not None


# The model


async def test_without_a_model_it_waits_and_says_what_is_missing(tmp_path: Path) -> None:
    place = Place(registry=str(tmp_path), environment="production")
    await place.service._take_up_model()
    assert place.service.pipeline.scorer is None
    assert "should have a model 'leads'" in place.missing()[Condition.MODEL_LOADED]


async def test_in_development_a_constant_stands_in(tmp_path: Path) -> None:
    place = Place(registry=str(tmp_path), environment="development")
    await place.service._take_up_model()
    assert place.served()["engine"] == "constant"
    assert Condition.MODEL_LOADED not in place.missing()


@pytest.fixture
def registry(model: SmallModel, tmp_path: Path) -> Path:
    """A copy of the model's registry, to change."""
    return shutil.copytree(model.registry, tmp_path / "models")


def publish(registry: Path, model: SmallModel) -> str:
    """Publish the model once more, without its XGBoost file: another version."""
    from model.bundle import Artefacts

    return Registry(registry).publish("leads", Artefacts(onnx=model.bundle.files["model.onnx"]))


async def test_a_model_is_taken_up_as_it_comes(model: SmallModel, tmp_path: Path) -> None:
    place = Place(registry=str(tmp_path / "models"))
    await place.service._take_up_model()
    shutil.copytree(model.registry, tmp_path / "models")
    await place.service._take_up_model()
    assert Condition.MODEL_LOADED not in place.missing()
    assert place.served()["sha256"] == model.bundle.sha256
    assert place.service.pipeline.scorer is not None


async def test_another_version_is_taken_up_and_the_same_one_is_not_loaded_again(
    model: SmallModel, registry: Path
) -> None:
    place = Place(registry=str(registry))
    await place.service._take_up_model()
    first = place.service.pipeline.scorer
    await place.service._take_up_model()
    assert place.service.pipeline.scorer is first
    publish(registry, model)
    await place.service._take_up_model()
    assert place.service.pipeline.scorer is not first
    assert place.served()["version"] == "2"


async def test_before_a_change_the_head_that_an_earlier_owner_left_is_counted(
    model: SmallModel, registry: Path
) -> None:
    """Seen once: the partition was assigned a moment before, and its head was in no count."""
    place = Place(registry=str(registry))
    await place.service._take_up_model()
    serving = place.service.changes.current
    assert serving is not None
    place.service.source.assignment.start(AT, 2209, ModelPin(serving.identity, 100))
    heads = []

    async def count_head(number: int, scorer: Any, block: Any, since: int, stop: int) -> None:
        heads.append((number, since, stop))

    place.service.drift._count_head = count_head  # type: ignore[method-assign]
    await place.service._publish_rest({AT: 2209})
    assert heads == [(0, 100, 2209)]


async def test_a_model_that_can_not_be_loaded_leaves_the_one_that_serves(
    model: SmallModel, registry: Path
) -> None:
    place = Place(registry=str(registry))
    await place.service._take_up_model()
    first = place.service.pipeline.scorer
    version = publish(registry, model)
    (registry / "leads" / version / "model.onnx").write_bytes(b"")
    await place.service._take_up_model()
    assert place.service.pipeline.scorer is first
    assert place.served()["version"] == "1"
    assert Condition.MODEL_LOADED not in place.missing()


async def test_without_a_model_that_can_be_loaded_it_says_what_is_wrong(registry: Path) -> None:
    (registry / "leads" / "1" / "model.onnx").write_bytes(b"")
    place = Place(registry=str(registry))
    await place.service._take_up_model()
    assert "is incomplete" in place.missing()[Condition.MODEL_LOADED]


async def test_a_model_that_goes_away_serves_on(registry: Path) -> None:
    place = Place(registry=str(registry))
    await place.service._take_up_model()
    first = place.service.pipeline.scorer
    shutil.rmtree(registry)
    await place.service._take_up_model()
    assert place.service.pipeline.scorer is first


# A source that stalls


async def test_a_source_that_has_records_and_gets_none_ends_the_worker() -> None:
    place = Place()
    place.service.source.assignment.start(AT)
    await place.service._end_if_stalled()
    assert not place.app.errors
    its_progress = place.service.source.assignment[AT]
    its_progress.behind_since = place.service.loop.time() - STALL_LIMIT - 1
    await place.service._end_if_stalled()
    [error] = place.app.errors
    assert isinstance(error, FatalError)
    assert f"{TOPIC} has records, but none has come for 121 s" in str(error)


async def test_a_group_that_takes_no_commit_ends_the_worker_while_kafka_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place = Place()
    monkeypatch.setattr(BatchSource, "put_off_for", STALL_LIMIT + 1)
    await place.service._end_if_stalled()
    assert not place.app.errors  # Kafka is away: it would not help
    place.service.health.meet(Condition.BROKER_REACHED)
    await place.service._end_if_stalled()
    [error] = place.app.errors
    assert "accepted no commit for 121 s" in str(error)


# The door


class NoKafka:
    """A probe of a broker that is not there."""

    def __init__(self, _: object) -> None:
        self.is_closed = False

    async def ask(self) -> str:
        return "Kafka at nowhere does not answer"

    async def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def no_kafka(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vitals_module, "BrokerProbe", NoKafka)


@pytest.mark.usefixtures("no_kafka")
async def test_it_is_there_before_a_model_and_tells_all_of_the_above(tmp_path: Path) -> None:
    place = Place(registry=str(tmp_path), http_port_file=tmp_path / "port")
    service, vitals = place.service, place.vitals
    await vitals.start()
    await service.start()
    try:
        port = (tmp_path / "port").read_text().strip()
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as door:
            async with door.get("/healthz") as answer:
                assert answer.status == HTTPStatus.OK
            async with door.get("/model-info") as answer:
                assert answer.status == HTTPStatus.SERVICE_UNAVAILABLE
            async with door.get("/metrics") as answer:
                assert "leadscore_ready 0.0" in await answer.text()
            async with door.get("/readyz") as answer:
                assert answer.status == HTTPStatus.SERVICE_UNAVAILABLE
                conditions = (await answer.json())["conditions"]
                assert "assigned" in conditions["partitions_assigned"]["reason"]
    finally:
        await service.stop()
        await vitals.stop()
    assert not place.app.errors
    assert not service.source.started
    with pytest.raises(RuntimeError):
        _ = vitals._server.port


@pytest.mark.usefixtures("no_kafka")
async def test_the_model_that_serves_is_told_of_at_the_door(model: SmallModel) -> None:
    place = Place(registry=str(model.registry))
    await place.service._take_up_model()
    await place.vitals._server.start()
    try:
        url = f"http://127.0.0.1:{place.vitals._server.port}/model-info"
        async with aiohttp.ClientSession() as door, door.get(url) as answer:
            assert answer.status == HTTPStatus.OK
            assert (await answer.json())["sha256"] == model.bundle.sha256
    finally:
        await place.vitals._server.stop()
