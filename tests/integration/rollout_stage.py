"""Stages with a canary: a registry with two versions of a model, and workers that follow it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import onnx

from model.alias_entry import Action, AliasEntry, Made
from model.bundle import Artefacts, Bundle, load_bundle
from model.registry import Alias, Registry
from model.rollout_plan import RolloutPlan, read_steps
from schemas.record_codec import RecordCodec
from testing.kafka_client import until
from testing.made import MADE
from tests.integration.misbehaving_worker import worker_with
from tests.integration.worker_process import Stage, WorkerProcess

__all__ = ["Rollout", "two_versions"]


def two_versions(bundle: Bundle, folder: Path) -> tuple[Registry, Bundle]:
    """Return a copy of a bundle's registry with a second version of the model, and that version.

    The first version has the alias production. The second gives the same scores: another file is
    another model, and needs no second training.
    """
    registry = Registry(shutil.copytree(Path(bundle.location).parents[1], folder))
    model = onnx.load_from_string(bundle.files["model.onnx"])
    model.metadata_props[0].value += " "  # the same JSON, under another hash
    version = registry.publish("bank", Artefacts(onnx=model.SerializeToString()))
    registry.set_alias("bank", Alias.PRODUCTION, bundle.version, MADE)
    second = load_bundle(registry.resolve(f"bank/{version}"), None)
    assert second.sha256 != bundle.sha256
    return registry, second


class Rollout:
    """A stage, and the registry that its workers follow, with two versions of a model."""

    def __init__(self, stage: Stage, registry: Registry) -> None:
        self.stage = stage
        self.registry = registry

    @property
    def second(self) -> Bundle:
        """The version that becomes the canary."""
        return load_bundle(self.registry.resolve("bank/2"), None)

    def start(self, steps: str) -> None:
        now = self.registry.aliases_now("bank")
        plan = RolloutPlan(salt="5ba2", steps=read_steps(steps))
        made = Made("a test", datetime.now(UTC))
        self.registry.change(now, Action.SET, made, alias=Alias.CANARY, to="2", rollout=plan)

    async def begin(self, harm: str = "none", **environment: str) -> WorkerProcess:
        """Start a score worker and a rollout worker; return the score worker."""
        worker = self.stage.begin(worker_with(harm), **environment)
        rollout = self.stage.begin(LEADSCORE_ROLE="rollout")
        await worker.ready()
        await rollout.ready()
        return worker

    @property
    def agent(self) -> WorkerProcess:
        """The latest rollout worker."""
        return next(
            worker
            for worker in reversed(self.stage.workers)
            if worker.environment.get("LEADSCORE_ROLE") == "rollout"
        )

    async def until(self, what: str, holds: Callable[[AliasEntry], bool]) -> AliasEntry:
        """Wait until the last entry of the history is as wanted; return it."""

        async def is_there() -> bool:
            for worker in self.stage.workers[-2:]:
                worker.check()
            return holds(self.registry.history("bank")[-1])

        await until(is_there, within=90, what=what)
        return self.registry.history("bank")[-1]

    async def until_removed(self) -> AliasEntry:
        return await self.until("the canary's end", lambda entry: entry.action is Action.REMOVE)

    async def until_published(self, number: int) -> list[tuple[str, float | None]]:
        """Wait until a number of changes is in their topic; return action and share of each."""

        async def are_there() -> bool:
            return len(await self.published()) >= number

        await until(are_there, within=30, what=f"{number} published changes")
        return await self.published()

    async def published(self) -> list[tuple[str, float | None]]:
        """Return action and share of the changes in their topic."""
        codec = RecordCodec("model_change")
        records = await self.stage.records(self.stage.settings.leads_models)
        changes = [codec.decode(record.value) for record in records]
        return [(change["action"], change["canary_share"]) for change in changes]
