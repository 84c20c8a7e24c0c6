"""A shadow beside a worker on real Kafka: whatever becomes of it, the worker does not notice."""

from __future__ import annotations

import asyncio
import shutil
import signal
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import onnx
import pytest

from model.bundle import Artefacts, Bundle, load_bundle, write_bundle
from model.registry import Alias, Registry
from model.serving.onnx_format import message
from model.storage import open_folder
from schemas.wire import WireFormat
from stream.broker import Broker
from stream.simulator.events import EventMaker
from stream.simulator.playing import Lead
from testing.kafka_client import TopicFactory, until
from testing.made import MADE
from tests.conftest import StageSetter
from tests.integration.worker_process import CONTACT, Stage, WorkerProcess, event_of

COUNT = 600
"""Leads of each of four parts."""


@dataclass
class Models:
    """A registry with a model in production, another one, and one that ends who opens it."""

    registry: Registry
    production: Bundle
    candidate: Bundle
    broken: str

    def name(self, version: str) -> None:
        self.registry.set_alias("bank", Alias.SHADOW, version, MADE)


@pytest.fixture
def models(bank_model: Bundle, tmp_path: Path) -> Models:
    root = shutil.copytree(Path(bank_model.location).parents[1], tmp_path / "models")
    registry = Registry(root)
    registry.set_alias("bank", Alias.PRODUCTION, bank_model.version, MADE)
    other = onnx.load_from_string(bank_model.files["model.onnx"])
    other.metadata_props[0].value += " "  # the same JSON, under another hash
    version = registry.publish("bank", Artefacts(onnx=other.SerializeToString()))
    broken = str(int(version) + 1)
    aborts = message("Model").FromString(bank_model.files["model.onnx"])
    for node in aborts.graph.node:
        for attribute in node.attribute:
            if attribute.name == b"n_targets":
                attribute.i = -1
    folder = root / "bank" / broken
    folder.mkdir()
    write_bundle(
        open_folder(str(folder)), "bank", broken, Artefacts(onnx=aborts.SerializeToString())
    )
    candidate = load_bundle(registry.resolve(f"bank/{version}"), None)
    return Models(registry, bank_model, candidate, broken)


@pytest.fixture
async def stage(kafka: Broker, topics: TopicFactory, set_stage: StageSetter, models: Models) -> Any:
    stage = set_stage(
        kafka.bootstrap,
        LEADSCORE_TOPIC_PREFIX=topics.prefix,
        LEADSCORE_REGISTRY=models.registry.root,
        LEADSCORE_MODEL_POLL_SECONDS="0.2",
    )
    await stage.create_topics()
    return stage


SHADOW = {"LEADSCORE_ROLE": "shadow"}


async def scores_in(stage: Stage, topic: str) -> list[tuple[tuple[int, int], str]]:
    """Return place and model of each scored event of a topic, without repeats."""
    events = [event_of(record.value) for record in await stage.records(topic)]
    places = [
        ((event["source"]["partition"], event["source"]["offset"]), event["model_sha256"])
        for event in events
    ]
    return sorted(set(places))


async def until_shadow_is_done(stage: Stage, shadow: WorkerProcess) -> None:
    settings = stage.settings
    ends: dict[int, int] = {}
    for record in await stage.records(settings.leads_created):
        ends[record.partition] = record.offset + 1

    async def is_done() -> bool:
        shadow.check()
        return await stage.committed(settings.shadow_group) == ends

    await until(is_done, within=120, what="all leads scored by the shadow")


async def test_a_shadow_waits_for_its_alias_says_so_and_follows_it(
    stage: Stage, contacts: list[Lead], models: Models
) -> None:
    played = await stage.play(contacts[:COUNT])
    shadow = stage.begin(**SHADOW)

    async def says_so() -> bool:
        shadow.check()
        answer = await asyncio.to_thread(shadow.ask, "/readyz")
        return answer is not None and "alias 'shadow'" in answer[1]

    await until(says_so, within=120, what="a shadow that names the missing alias")
    status, _ = await shadow.answer("/readyz")
    assert status == HTTPStatus.SERVICE_UNAVAILABLE
    assert await stage.records(stage.settings.leads_scored_shadow) == []

    models.name(models.production.version)
    await until_shadow_is_done(stage, shadow)
    models.name(models.candidate.version)

    async def has_followed() -> bool:
        return models.candidate.sha256 in (await shadow.answer("/model-info"))[1]["sha256"]

    await until(has_followed, what="the candidate in the shadow")
    await stage.play(contacts[COUNT : 2 * COUNT])
    await until_shadow_is_done(stage, shadow)
    assert await shadow.metric('leadscore_leads_scored_total{role="shadow"}') == 2 * COUNT
    await shadow.stop_cleanly()
    found = await scores_in(stage, stage.settings.leads_scored_shadow)
    assert len(found) == 2 * COUNT
    by_model = {model: sum(named == model for _, named in found) for _, model in found}
    assert by_model == {models.production.sha256: COUNT, models.candidate.sha256: COUNT}
    assert await stage.scored_records() == []
    assert played.sent == COUNT


@pytest.mark.long
@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
async def test_a_worker_does_not_notice_a_shadow_that_is_stopped_killed_or_has_a_broken_model(
    stage: Stage, contacts: list[Lead], models: Models, delivery: str
) -> None:
    settings, parts = stage.settings, [contacts[i * COUNT : (i + 1) * COUNT] for i in range(4)]
    given = {"LEADSCORE_DELIVERY": delivery}
    maker = EventMaker(CONTACT, WireFormat.AVRO, bad_share=0.02, seed=3)
    models.name(models.candidate.version)
    worker = await stage.start(**given)
    shadow = await stage.start(**SHADOW, **given)
    await stage.until_committed(await stage.play(parts[0], as_event=maker))

    shadow.send(signal.SIGSTOP)
    await stage.until_committed(await stage.play(parts[1], as_event=maker))
    shadow.send(signal.SIGCONT)
    models.name(models.broken)
    await stage.until_committed(await stage.play(parts[2], as_event=maker))
    shadow.send(signal.SIGKILL)
    await shadow.ended()
    await stage.until_committed(await stage.play(parts[3], as_event=maker))

    live = await scores_in(stage, settings.leads_scored)
    dead = await stage.dead_records()
    assert len(live) + len(dead) == 4 * COUNT
    assert len(dead) > 10
    assert {model for _, model in live} == {models.production.sha256}
    assert await worker.metric("leadscore_rebalances_total") == 1
    assert await worker.metric("leadscore_foreign_commits_total") == 0
    assert len(await stage.members()) == 1
    await worker.stop_cleanly()

    # The next shadow continues at the killed one's last commit, and catches up.
    models.name(models.candidate.version)
    second = await stage.start(**SHADOW, **given)
    await until_shadow_is_done(stage, second)
    await second.stop_cleanly()
    shadowed = await scores_in(stage, settings.leads_scored_shadow)
    assert [place for place, _ in shadowed] == [place for place, _ in live]
    assert {model for _, model in shadowed} == {models.candidate.sha256}
    refused = await stage.records(settings.leads_scored_shadow_dlq)
    assert {(r.partition, r.value) for r in refused} == {(r.partition, r.value) for r in dead}
    assert await scores_in(stage, settings.leads_scored) == live
    assert await stage.records(settings.leads_drift_partials) != []
