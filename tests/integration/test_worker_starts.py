"""Conditions under which a worker starts, refuses to start, or waits."""

from __future__ import annotations

import asyncio
import shutil
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from http import HTTPStatus
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import NewTopic
from confluent_kafka.admin import AdminClient

from model.bundle import Bundle
from stream.broker import Broker
from stream.demo.worker import WORKER
from stream.simulator.playing import Lead
from testing.engines import ENGINE
from testing.kafka_client import TopicFactory, open_admin, until
from tests.conftest import StageSetter
from tests.integration.worker_process import PARTITIONS, Stage, WorkerProcess, event_of

FAUST = (str(Path(sys.executable).with_name("faust")), "-A", "stream.app", "worker", "-l", "info")


async def refusal(worker: WorkerProcess) -> str:
    """The sentence with which a worker refuses to start: exit code 3, and nothing else to read."""
    assert await worker.ended() == 3, worker.log.read_text()
    assert "Traceback" not in worker.log.read_text()
    [line] = worker.errors()
    assert line["level"] == "CRITICAL"
    assert line["message"].startswith("not started: ")
    return str(line["message"].removeprefix("not started: "))


@pytest.fixture
def free_port() -> Iterator[int]:
    """A port that nobody answers at, and nobody else gets meanwhile."""
    with closing(socket.socket()) as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


async def test_without_a_broker_the_worker_ends_with_the_address(
    set_stage: StageSetter, free_port: int
) -> None:
    stage = set_stage(f"127.0.0.1:{free_port}")
    sentence = await refusal(stage.begin())
    assert f"expected Kafka to answer at 127.0.0.1:{free_port}" in sentence
    assert "set LEADSCORE_KAFKA_BOOTSTRAP_SERVERS" in sentence


async def test_without_topics_the_worker_ends_with_the_command_that_creates_them(
    kafka: Broker, set_stage: StageSetter, topics: TopicFactory
) -> None:
    stage = set_stage(kafka.bootstrap, LEADSCORE_TOPIC_PREFIX=topics.prefix)
    sentence = await refusal(stage.begin())
    assert sentence == (
        f"expected the topic {topics.prefix}leads.created, but it does not exist: create it with"
        " `leadscore topics create`"
    )


@pytest.mark.long
async def test_outputs_with_another_number_of_partitions_end_the_worker(
    kafka: Broker, set_stage: StageSetter, topics: TopicFactory
) -> None:
    stage = set_stage(kafka.bootstrap, LEADSCORE_TOPIC_PREFIX=topics.prefix)
    for name, partitions in (("created", 4), ("scored", 3), ("created.dlq", 4)):
        await topics.create(f"leads.{name}", partitions)
    sentence = await refusal(stage.begin())
    assert f"expected the topic {topics.prefix}leads.scored to have 4 partitions" in sentence
    assert "it has 3" in sentence


async def test_a_model_that_reads_what_the_contract_does_not_promise_ends_the_worker(
    stage: Stage,
) -> None:
    sentence = await refusal(stage.begin(LEADSCORE_CONTRACT="lead_created"))
    assert "model bank/1 reads fields that the contract" in sentence
    assert "does not promise: " in sentence
    assert "age" in sentence
    assert "LEADSCORE_CONTRACT" in sentence


@pytest.mark.long
async def test_a_contract_that_is_not_known_ends_the_worker(stage: Stage) -> None:
    sentence = await refusal(stage.begin(LEADSCORE_CONTRACT="no_such_contract"))
    assert "LEADSCORE_CONTRACT names no_such_contract, which is not known here" in sentence


@pytest.mark.long
async def test_a_schema_that_is_broken_ends_the_worker(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "broken.avsc").write_text('{"type": "record"')
    sentence = await refusal(stage.begin(LEADSCORE_SCHEMA_DIR=str(tmp_path)))
    assert str(tmp_path / "broken.avsc") in sentence


async def test_a_port_that_is_taken_ends_the_worker(stage: Stage) -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        sentence = await refusal(stage.begin(LEADSCORE_HTTP_PORT=str(port)))
    assert f"expected to listen on 127.0.0.1:{port}" in sentence


@pytest.mark.parametrize("command", [WORKER, FAUST], ids=["leadscore", "faust"])
async def test_an_unusable_setting_ends_the_worker_without_a_traceback(
    kafka: Broker, set_stage: StageSetter, command: Sequence[str]
) -> None:
    stage = set_stage(kafka.bootstrap)
    worker = stage.begin(command, LEADSCORE_BATCH_MAX_RECORDS="none")
    assert await worker.ended() == 3
    said = worker.log.read_text()
    assert said.startswith("Error: invalid settings: LEADSCORE_BATCH_MAX_RECORDS is 'none': ")
    assert "Traceback" not in said


async def test_without_a_model_it_consumes_nothing_until_there_is_one(
    stage: Stage, contacts: list[Lead], bank_model: Bundle, tmp_path: Path
) -> None:
    registry = tmp_path / "registry"
    worker = stage.begin(LEADSCORE_REGISTRY=str(registry), LEADSCORE_MODEL_POLL_SECONDS="0.2")
    played = await stage.play(contacts[:100])

    async def says_why() -> bool:
        answer = worker.ask("/readyz")
        return answer is not None and "bank" in answer[1]

    await until(says_why, what="/readyz that says why")
    status, detail = await worker.answer("/readyz")
    assert status == HTTPStatus.SERVICE_UNAVAILABLE
    assert "model_loaded" in str(detail)
    assert (await worker.answer("/model-info"))[0] == HTTPStatus.SERVICE_UNAVAILABLE
    assert (await worker.answer("/healthz"))[0] == HTTPStatus.OK
    assert await worker.metric("leadscore_ready") == 0
    assert await stage.committed() == {}
    assert (await stage.account()).total == 0

    shutil.copytree(Path(bank_model.location).parent, registry / "bank")
    await worker.ready()
    await stage.until_committed(played)
    assert len((await stage.account()).scored) == 100
    status, info = await worker.answer("/model-info")
    assert status == HTTPStatus.OK
    assert (info["name"], info["sha256"], info["engine"]) == ("bank", bank_model.sha256, ENGINE)
    assert await worker.metric("leadscore_ready") == 1
    await worker.stop_cleanly()


@pytest.mark.long
async def test_a_worker_that_waits_for_its_model_can_be_stopped(
    stage: Stage, tmp_path: Path
) -> None:
    worker = stage.begin(LEADSCORE_REGISTRY=str(tmp_path / "none"))
    await until(lambda: worker.has_logged("nothing is consumed"), what="a word that it waits")
    await worker.stop_cleanly()


@pytest.mark.long
@pytest.mark.parametrize("environment", ["development", "test"])
async def test_in_development_a_marked_constant_stands_in_for_the_model(
    stage: Stage, contacts: list[Lead], tmp_path: Path, environment: str
) -> None:
    worker = await stage.start(LEADSCORE_REGISTRY=str(tmp_path / "none"), LEADSCORE_ENV=environment)
    played = await stage.play(contacts[:100])
    await stage.until_committed(played)
    events = [event_of(record.value) for record in await stage.scored_records()]
    assert len(events) == 100
    assert {
        (event["engine"], event["model_id"], event["score"], len(event["reasons"]))
        for event in events
    } == {("constant", "constant-development", events[0]["score"], 0)}
    assert (await worker.answer("/model-info"))[1]["engine"] == "constant"
    await until(
        lambda: worker.has_logged("every lead gets a constant score"), what="that line in its log"
    )
    await worker.stop_cleanly()


@pytest.mark.long
async def test_faust_runs_it_as_well(stage: Stage, contacts: list[Lead]) -> None:
    worker = stage.begin(FAUST)
    await worker.ready()
    played = await stage.play(contacts[:3000])
    await stage.until_committed(played)
    account = await stage.account()
    assert account.faults(played) == []
    assert account.repeats == 0
    await worker.stop_cleanly()


@pytest.mark.long
async def test_faust_refuses_what_leadscore_refuses(
    kafka: Broker, set_stage: StageSetter, topics: TopicFactory
) -> None:
    stage = set_stage(kafka.bootstrap, LEADSCORE_TOPIC_PREFIX=topics.prefix)
    assert "create it with `leadscore topics create`" in await refusal(stage.begin(FAUST))


async def test_ctrl_c_stops_it_like_sigterm(stage: Stage) -> None:
    worker = await stage.start()
    worker.send(signal.SIGINT)
    assert await worker.ended(within=30) == 0


LOSSES, FOREIGN = "leadscore_losses_total", "leadscore_foreign_commits_total"


async def until_metric(worker: WorkerProcess, name: str, value: int) -> None:
    async def is_there() -> bool:
        worker.check()
        return await worker.metric(name) == value

    await until(is_there, what=f"{name} at {value}")


async def score_and_recreate(stage: Stage, leads: list[Lead], partitions: int = PARTITIONS) -> None:
    """Score leads, then delete the source topic and create it again while no worker runs."""
    source = stage.settings.leads_created
    worker = await stage.start()
    await stage.until_committed(await stage.play(leads))
    await worker.stop_cleanly()
    worker = await stage.start()
    assert await worker.metric(LOSSES) == await worker.metric(FOREIGN) == 0
    await worker.stop_cleanly()
    async with open_admin(stage.settings.kafka_bootstrap_servers) as admin:
        await admin.delete_topics([source])

        async def is_gone() -> bool:
            return source not in await admin.list_topics()

        await until(is_gone, what="the topic deleted")
        await admin.create_topics([NewTopic(source, partitions, 1)])

        async def is_there() -> bool:
            return source in await admin.list_topics()

        await until(is_there, what="the topic created again")


@pytest.mark.long
async def test_a_log_that_replaced_a_longer_one_meanwhile_is_a_loss_on_every_partition(
    stage: Stage, contacts: list[Lead]
) -> None:
    """Kafka deletes the commits with the topic: the group seemed never to have read it."""
    await score_and_recreate(stage, contacts[:200])
    worker = await stage.start()
    await until_metric(worker, LOSSES, PARTITIONS)
    _, detail = await worker.answer("/readyz")
    assert {(loss["partition"], loss["reason"]) for loss in detail["losses"]} == {
        (partition, "log_replaced") for partition in range(PARTITIONS)
    }
    assert await worker.metric(FOREIGN) == 0
    await worker.stop()


@pytest.mark.long
async def test_partitions_that_a_topic_lacks_since_it_was_replaced_meanwhile_are_losses_once(
    stage: Stage, contacts: list[Lead]
) -> None:
    """Workers refused to start, as the outputs had more partitions, and nothing was reported."""
    await score_and_recreate(stage, contacts[:200], partitions=1)
    worker = await stage.start()
    await until_metric(worker, LOSSES, PARTITIONS)
    _, detail = await worker.answer("/readyz")
    assert {loss["partition"] for loss in detail["losses"]} == set(range(PARTITIONS))
    await stage.until_committed(await stage.play(contacts[:20]))
    await worker.stop()
    worker = await stage.start()
    await stage.until_committed(await stage.play(contacts[:20]))
    assert await worker.metric(LOSSES) == 0
    await worker.stop_cleanly()


@pytest.mark.long
async def test_commits_that_outlive_their_topic_do_not_count_for_the_next_one(
    kafka: Broker, stage: Stage, contacts: list[Lead]
) -> None:
    """A coordinator that died before it deleted them; leads below the commits were skipped."""
    settings = stage.settings
    worker = await stage.start()
    await stage.until_committed(await stage.play(contacts[:200]))
    await worker.stop_cleanly()
    async with open_admin(kafka.bootstrap) as admin:
        before = await admin.list_consumer_group_offsets(settings.group_id)
    await score_and_recreate(stage, contacts[:4])
    await stage.play(contacts[:400])
    async with AIOKafkaConsumer(
        bootstrap_servers=kafka.bootstrap, group_id=settings.group_id, enable_auto_commit=False
    ) as consumer:
        consumer.assign(list(before))
        await consumer.commit(dict(before))
    worker = await stage.start()
    await until_metric(worker, LOSSES, PARTITIONS)
    await until_metric(worker, "leadscore_leads_scored_total", 400)
    assert await worker.metric(FOREIGN) == 0
    await worker.stop()


@pytest.mark.long
async def test_a_deleted_commit_is_reported_as_a_move_backward(
    kafka: Broker, stage: Stage, contacts: list[Lead]
) -> None:
    worker = await stage.start()
    await stage.until_committed(await stage.play(contacts[:200]))
    await worker.stop_cleanly()
    group = stage.settings.group_id
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    await asyncio.to_thread(admin.delete_consumer_groups([group])[group].result)
    stopping = stage.begin(LEADSCORE_FOREIGN_COMMITS="stop")
    assert await stopping.ended(within=120) == 3
    assert stopping.has_logged("LEADSCORE_FOREIGN_COMMITS=accept")
    worker = await stage.start()
    await until_metric(worker, "leadscore_leads_scored_total", 200)
    assert await worker.metric(FOREIGN) == PARTITIONS
    assert await worker.metric("leadscore_foreign_commit_offsets_total") == 200
    assert await worker.metric(LOSSES) == 0
    await worker.stop()
