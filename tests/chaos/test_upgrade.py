"""The last released version's workers beside this one's: the way over, and the way back."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from random import Random

import pytest

from model.bundle import Bundle, load_bundle
from model.registry import Alias, Registry
from stream.simulator.playing import Lead
from stream.worker import EXIT_STARTUP
from testing.kafka_client import until
from testing.made import MADE
from tests.chaos import last_release
from tests.chaos.audit import audit, audit_leads, audit_load
from tests.chaos.conftest import OpenStage
from tests.chaos.crew import Crew, Member, crew_of
from tests.chaos.last_release import LAST_RELEASE, NoReleaseError, release_worker
from tests.integration.traffic import streaming
from tests.integration.worker_process import Stage

BOTH = {"LEADSCORE_GROUP_PROTOCOL": "both"}
WORKERS = 2
TRAINED_WITHIN = 300.0
"""Seconds."""
RATE = 300
"""Leads a second: ten workers start one after the other meanwhile."""


@pytest.fixture(scope="session")
def released() -> Sequence[str]:
    """The command of the last released version's worker; without history CI fails here."""
    try:
        return release_worker()
    except NoReleaseError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def bank_model(bank_sample: Path, released: Sequence[str]) -> Bundle:
    """A model that the last released version has trained: workers of both versions read it."""
    registry = bank_sample.parent / "released"
    options = {
        "--target": "y",
        "--id": "lead_id",
        "--exclude": "duration",
        "--schema": "bank_contact",
        "--name": "bank",
        "--registry": str(registry),
    }
    for seed in ("8", "7"):  # two versions; with no alias the second one is served
        given = chain.from_iterable((options | {"--seed": seed}).items())
        command = [released[0], "train", str(bank_sample), *given]
        subprocess.run(command, check=True, capture_output=True, timeout=TRAINED_WITHIN)
    return load_bundle(Registry(str(registry)).resolve("bank"), None)


async def roll(crew: Crew, command: Sequence[str] | None = None, **environment: str) -> None:
    """Replace every worker by one that a command starts, one after the other."""
    for member in list(crew.members):
        await (crew.join(command, **environment) if command else crew.join(**environment))
        await crew.leave(member)


@pytest.mark.thorough
@pytest.mark.timeout(1200)
async def test_a_rolling_upgrade_and_the_way_back_lose_and_repeat_no_lead(
    stage: Stage,
    contacts: list[Lead],
    bank_model: Bundle,
    released: Sequence[str],
    seed: int,
) -> None:
    """Nothing is lost, and nothing scored twice: every worker stops in good order."""
    async with crew_of(stage) as crew, streaming(stage, contacts, seed, rate=RATE) as traffic:
        for _ in range(WORKERS):
            await crew.join(released)
        await stage.until_scored(1000)
        await roll(crew, **BOTH)  # a rolling restart in the new version, then one without
        await roll(crew)
        await crew.back()
        await roll(crew, **BOTH)
        await roll(crew, released)
        await crew.back()
        played = await traffic.end()
        assert await audit(stage, bank_model, played, commits_are_ours=False) == 0
        assert crew.ends == []


@pytest.mark.thorough
@pytest.mark.timeout(1200)
async def test_old_and_new_workers_that_are_killed_side_by_side_lose_no_lead(
    stage: Stage,
    contacts: list[Lead],
    bank_model: Bundle,
    released: Sequence[str],
    seed: int,
    chance: Random,
) -> None:
    """Each version continues the state of the other one."""
    async with crew_of(stage) as crew, streaming(stage, contacts, seed, rate=RATE) as traffic:
        await crew.join(released)
        await crew.join(**BOTH)
        await stage.until_scored(2000)
        for victim in chance.sample([0, 1, 0, 1], 4):
            await asyncio.sleep(chance.uniform(0.0, 3.0))
            await _killed(crew, crew.members[victim])
        await crew.back()
        await audit_load(stage, bank_model, traffic, commits_are_ours=False)
        assert {code for code, _ in crew.ends} == {-signal.SIGKILL}


async def _killed(crew: Crew, member: Member) -> None:
    ended = len(crew.ends)
    member.process.send(signal.SIGKILL)
    await until(lambda: len(crew.ends) > ended, what="another in its place")


@pytest.mark.thorough
@pytest.mark.timeout(1200)
async def test_workers_of_both_versions_follow_an_alias_and_score_each_lead_once(
    open_stage: OpenStage,
    contacts: list[Lead],
    bank_model: Bundle,
    released: Sequence[str],
    seed: int,
    tmp_path: Path,
) -> None:
    """The last release reads aliases.json, which is written beside the history of today.

    Drift counts are not compared: when a worker of that release changes its model, it counts the
    block of leads of that moment for both models.
    """
    root = shutil.copytree(Path(bank_model.location).parents[1], tmp_path / "models")
    registry = Registry(str(root))
    other = load_bundle(registry.resolve("bank/1"), None)
    stage = await open_stage(LEADSCORE_REGISTRY=str(root), LEADSCORE_MODEL_POLL_SECONDS="0.3")
    async with crew_of(stage) as crew, streaming(stage, contacts, seed, rate=RATE) as traffic:
        await crew.join(released)
        await crew.join(**BOTH)
        await stage.until_scored(1000)
        for bundle in (other, bank_model, other):
            registry.set_alias("bank", Alias.PRODUCTION, bundle.version, MADE)
            await until_all_score_by(crew, bundle)
        await roll(crew, **BOTH)
        registry.set_alias("bank", Alias.PRODUCTION, bank_model.version, MADE)
        await until_all_score_by(crew, bank_model)
        await crew.back()
        played = await traffic.end()
        found = await audit_leads(stage, played)
        assert (found.repeats, crew.ends) == (0, [])
        assert set(found.models.values()) == {bank_model.sha256, other.sha256}


async def until_all_score_by(crew: Crew, bundle: Bundle) -> None:
    """Wait until every worker says that it scores by this model."""

    async def do_all() -> bool:
        asked = [asyncio.to_thread(member.process.ask, "/model-info") for member in crew.members]
        return all(answer and bundle.sha256 in answer[1] for answer in await asyncio.gather(*asked))

    await until(do_all, what=f"version {bundle.version} in every worker")


@pytest.mark.thorough
@pytest.mark.timeout(600)
async def test_a_new_worker_without_the_setting_is_refused_beside_old_ones(
    stage: Stage, contacts: list[Lead], bank_model: Bundle, released: Sequence[str], seed: int
) -> None:
    """It ends and names the setting; the old ones continue."""
    async with crew_of(stage) as crew, streaming(stage, contacts, seed, rate=RATE) as traffic:
        await crew.join(released)
        await stage.until_scored(500)
        new = stage.begin()
        assert await new.ended(within=60) == EXIT_STARTUP
        assert new.has_logged("LEADSCORE_GROUP_PROTOCOL=both")
        await crew.back()
        await audit_load(stage, bank_model, traffic, commits_are_ours=False)
        assert crew.ends == []


def test_a_checkout_without_history_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(last_release, "RELEASES", tmp_path / "releases")
    with pytest.raises(NoReleaseError, match=r"fetch it \(git fetch --unshallow"):
        release_worker("0" * len(LAST_RELEASE))
