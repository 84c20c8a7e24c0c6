"""A canary that is started, grows, goes away or can't be loaded while a worker runs."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from agents.split_scoring import SplitScorer
from model.alias import Alias
from model.alias_entry import Action
from model.registry import Registry, followed_model
from model.rollout_plan import RolloutPlan, RolloutStep
from schemas.errors import FatalError
from stream.scoring.serving_model import Serving
from testing.made import MADE
from tests.unit.stream.scoring.role import Place
from tests.unit.two_models import TwoModels

PLAN = RolloutPlan(
    salt="5ba2", steps=(RolloutStep(share=10, seconds=60), RolloutStep(share=50, seconds=60))
)


class Rollout:
    """A worker, and the registry that it follows."""

    def __init__(self, two: TwoModels, folder: Path, **given: str) -> None:
        self.root = shutil.copytree(two.registry, folder / "models")
        self.registry = Registry(self.root)
        self.registry.set_alias("leads", Alias.PRODUCTION, "1", MADE)
        self.place = Place(registry=str(self.root), **given)

    def change(self, action: Action, to: str | None, rollout: RolloutPlan | None) -> None:
        now = self.registry.aliases_now("leads")
        self.registry.change(now, action, MADE, alias=Alias.CANARY, to=to, rollout=rollout)

    async def served(self) -> Serving:
        """Return what serves once the worker has looked, and has loaded what it found."""
        models = self.place.role.models
        await models.reload()
        await models._canaries.loaded(10)
        await models.reload()
        assert models.serving is not None
        return models.serving

    async def versions(self) -> tuple[str, str | None, float]:
        """Return the versions of model and canary, and the canary's share."""
        serving = await self.served()
        split = serving.canary
        if split is None:
            return serving.identity.version, None, 0
        return serving.identity.version, split.model.version, split.share


@pytest.fixture
def rollout(two: TwoModels, tmp_path: Path) -> Rollout:
    return Rollout(two, tmp_path)


async def test_a_rollout_is_followed_from_its_start_to_production(rollout: Rollout) -> None:
    assert await rollout.versions() == ("1", None, 0)
    rollout.change(Action.SET, "2", PLAN)
    assert await rollout.versions() == ("1", "2", 10)
    assert rollout.place.value("leadscore_canary_share") == 10
    serving = await rollout.served()
    assert serving is await rollout.served(), "nothing has changed"
    rollout.change(Action.STEP, "2", PLAN.following())
    assert await rollout.versions() == ("1", "2", 50)
    rollout.registry.set_alias("leads", Alias.PRODUCTION, "2", MADE)
    assert await rollout.versions() == ("2", None, 0), "both are the same"
    rollout.change(Action.REMOVE, None, None)
    assert await rollout.versions() == ("2", None, 0)
    assert rollout.place.value("leadscore_canary_share") == 0


async def test_a_canary_that_disappears_is_gone_at_the_next_look(rollout: Rollout) -> None:
    rollout.change(Action.SET, "2", PLAN)
    assert await rollout.versions() == ("1", "2", 10)
    rollout.change(Action.REMOVE, None, None)
    await rollout.place.role.models.reload()
    serving = rollout.place.role.models.serving
    assert serving is not None
    assert serving.canary is None
    assert rollout.place.role.pipeline.scorer is serving.scorer


async def test_a_worker_that_starts_beside_a_canary_begins_with_it(rollout: Rollout) -> None:
    rollout.change(Action.SET, "2", PLAN)
    models = rollout.place.role.models
    await models.reload()
    assert models.serving is not None
    assert isinstance(models.serving.scorer, SplitScorer)
    info = models.model_info
    assert info is not None
    assert (info["version"], info["canary"]["version"], info["canary"]["share"]) == ("1", "2", 10)


async def test_production_scores_all_while_the_canary_cannot_be_loaded(
    rollout: Rollout, caplog: pytest.LogCaptureFixture
) -> None:
    manifest = rollout.root / "leads" / "2" / "manifest.json"
    kept = manifest.read_bytes()
    rollout.change(Action.SET, "2", PLAN)
    manifest.write_bytes(kept[:100])
    assert await rollout.versions() == ("1", None, 0)
    assert rollout.place.value("leadscore_canary_load_failing") == 1
    assert "the canary can't be loaded" in caplog.text
    manifest.write_bytes(kept)
    rollout.place.role.models._canaries._retry_at = 0
    assert await rollout.versions() == ("1", "2", 10)
    assert rollout.place.value("leadscore_canary_load_failing") == 0


async def test_the_canary_stays_while_the_registry_does_not_answer(
    rollout: Rollout, monkeypatch: pytest.MonkeyPatch
) -> None:
    rollout.change(Action.SET, "2", PLAN)
    assert await rollout.versions() == ("1", "2", 10)

    def fail(*_: object) -> Mapping[str, str]:
        raise FatalError("no answer")

    monkeypatch.setattr(Registry, "aliases_now", fail)
    assert await rollout.versions() == ("1", "2", 10)


@pytest.mark.parametrize("reference", ["leads/1", "leads@staging"])
async def test_a_worker_that_does_not_follow_production_has_no_canary(
    two: TwoModels, tmp_path: Path, reference: str
) -> None:
    rollout = Rollout(two, tmp_path, model=reference)
    rollout.registry.set_alias("leads", Alias.STAGING, "1", MADE)
    rollout.change(Action.SET, "2", PLAN)
    assert await rollout.versions() == ("1", None, 0)
    assert followed_model(reference) is None
