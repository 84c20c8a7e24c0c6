"""Executes the plan of a retraining: data set, candidate, gate, registry."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from model.alias_entry import Made
from model.bundle import load_bundle
from model.registry import Registry
from schemas.errors import FatalError, InputError
from stream.process.model_trial import Trials
from stream.retraining.candidate import require_training, train_candidate
from stream.retraining.data_set import build_data_set
from stream.retraining.plan import RetrainAccount, RetrainPlan
from stream.retraining.registration import BY, finished, register
from stream.settings import Settings

__all__ = ["execute"]

Progress = Callable[[str], None]


async def execute(
    settings: Settings, plan: RetrainPlan, on_step: Progress = lambda _: None
) -> RetrainAccount:
    """Execute a plan, and return its account; the caller writes that to the topic of plans.

    A plan that was registered before is not executed again. One that was killed begins again: the
    same plan reads the same records.

    Parameters
    ----------
    settings
        Addresses, and the registry; the rules are the plan's.
    plan
        The plan.
    on_step
        Called with the name of each step when it begins.

    Raises
    ------
    FatalError
        Kafka or the registry failed; the plan can be executed again.
    """
    own, started = plan.settings_of(settings), time.monotonic()
    made = Made(settings.operator or BY, datetime.now(UTC))
    registry = Registry(own.registry)
    if (account := finished(registry, plan, made)) is not None:
        return account
    try:
        require_training()
        production = load_bundle(registry.resolve(f"{plan.model}/{plan.production}"), Trials())
        _require_same(plan, production.sha256)
        with tempfile.TemporaryDirectory(prefix="leadscore-retrain-", dir=_disk(own)) as folder:
            data = await build_data_set(own, plan, production, Path(folder), on_step)
            on_step("importing the training libraries")
            candidate = train_candidate(own, plan, production, data, on_step)
            on_step("registering the candidate")
            return register(own, plan, data, candidate, made, seconds=time.monotonic() - started)
    except InputError as error:
        return RetrainAccount(
            outcome="refused", sentence=str(error), seconds=time.monotonic() - started
        )


def _disk(settings: Settings) -> Path | None:
    """Return the folder for the data set; None: the system's, which is in memory on some."""
    if settings.retrain_cache is not None:
        settings.retrain_cache.mkdir(parents=True, exist_ok=True)
    return settings.retrain_cache


def _require_same(plan: RetrainPlan, sha256: str) -> None:
    if sha256 != plan.production_sha256:
        raise FatalError(
            f"expected {plan.model}/{plan.production} with the SHA-256 {plan.production_sha256}, it"
            f" has {sha256}: restore the version that was published first"
        )
