"""Bundles that workers see half-copied, under load."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import pytest

from features.table_file import read_table
from model.bundle import Bundle, load_bundle
from model.registry import Alias, Registry
from model.training.train import TrainOptions, train
from stream.simulator.playing import Lead
from testing.kafka_client import until
from testing.made import MADE
from tests.chaos.audit import second_audit, until_done
from tests.chaos.conftest import OpenStage
from tests.chaos.crew import crew_of
from tests.conftest import CONTACTS, TRAINED_EVERY
from tests.integration.traffic import streaming
from tests.integration.worker_process import CONTACT, Stage

RATE = 300
AGAIN_WITHIN = 120.0
"""Seconds: a load that failed is tried again once a minute at least, and in a process of its own.
"""
POLL = {"LEADSCORE_MODEL_POLL_SECONDS": "0.2"}


@pytest.fixture(scope="session")
def next_model(bank_model: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The bank's model, and a second version of it in a registry of its own; returns that one."""
    root = tmp_path_factory.mktemp("two-versions")
    shutil.copytree(Path(bank_model.location).parents[1], root / "models")
    sample = root / "sample.csv"
    with gzip.open(CONTACTS, "rt") as contacts:
        header, *rows = contacts
    sample.write_text(header + "".join(rows[1::TRAINED_EVERY]))
    exclude = ("duration", "euribor3m")
    options = TrainOptions(
        target="y", id="lead_id", exclude=exclude, schema=CONTACT.avro, name="bank", seed=8
    )
    registry = Registry(root / "models")
    registry.publish("bank", train(read_table(sample), options).artefacts)
    return load_bundle(registry.resolve("bank/2"), None)


@pytest.fixture
def registry(next_model: Bundle, tmp_path: Path) -> Registry:
    """Both versions; the first is in production."""
    shutil.copytree(Path(next_model.location).parents[1], tmp_path / "models")
    registry = Registry(tmp_path / "models")
    registry.set_alias("bank", Alias.PRODUCTION, "1", MADE)
    return registry


async def version_of(stage: Stage, worker: int) -> str:
    _, answer = await stage.workers[worker].answer("/model-info")
    return str(answer["version"])


@pytest.mark.thorough
@pytest.mark.timeout(600)
async def test_a_bundle_that_is_copied_slowly_is_taken_when_it_is_whole(
    open_stage: OpenStage,
    registry: Registry,
    contacts: list[Lead],
    bank_model: Bundle,
    next_model: Bundle,
    seed: int,
) -> None:
    """As rsync copies: the manifest before the model. Seen once: it was refused forever."""
    folder, whole = Path(registry.root) / "bank" / "2", Path(next_model.location)
    shutil.rmtree(folder)
    stage = await open_stage(**POLL, LEADSCORE_REGISTRY=registry.root)
    async with crew_of(stage) as crew, streaming(stage, contacts, seed, rate=RATE) as traffic:
        await crew.join()
        await stage.until_scored(500)
        worker = stage.workers[0]

        async def is_failing() -> bool:
            return await worker.metric("leadscore_model_load_failing") == 1

        folder.mkdir()
        shutil.copy(whole / "manifest.json", folder)
        registry.set_alias("bank", Alias.PRODUCTION, "2", MADE)
        await until(is_failing, what="a load that fails")
        content = (whole / "model.onnx").read_bytes()
        (folder / "model.onnx").write_bytes(content[: len(content) // 2])
        await crew.back()  # ready with the version before
        assert await version_of(stage, 0) == "1"
        shutil.copytree(whole, folder, dirs_exist_ok=True)

        async def has_it() -> bool:
            return await version_of(stage, 0) == "2"

        await until(has_it, within=AGAIN_WITHIN, what="the bundle taken once it is whole")
        assert not await is_failing()
        scored = sum(1 for _ in await stage.scored_records())
        await stage.until_scored(scored + 500)
        await crew.back()
        played = await traffic.end()
        await until_done(stage, 60)
        account = await second_audit(stage, bank_model, next_model, played=played)
        assert account.totals.models[next_model.sha256] > 100
        assert crew.ends == []
