"""The execution of a plan: finished ones are not repeated, and too little data is no failure."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.errors import FatalError, InputError
from stream.retraining import execution
from stream.retraining.execution import execute
from stream.retraining.plan import RetrainAccount, RetrainPlan
from stream.settings import Settings, load_settings
from tests.unit.small_model import SmallModel
from tests.unit.stream.retraining.records import plan

DONE = RetrainAccount(outcome="passed", sentence="better")


@pytest.fixture
def settings(model: SmallModel) -> Settings:
    return load_settings(registry=str(model.registry))


def own_plan(model: SmallModel, **given: Any) -> RetrainPlan:
    identity = {"production": "1", "production_sha256": model.bundle.sha256}
    return plan(**{**identity, **given})


async def test_a_plan_that_was_registered_is_not_executed_again(
    settings: Settings, model: SmallModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "finished", lambda *_: DONE)
    assert await execute(settings, own_plan(model)) == DONE


async def test_the_steps_lead_from_the_data_to_the_registry(
    settings: Settings, model: SmallModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    async def build(own: Settings, *_: Any) -> str:
        calls.append(f"data set of {own.leads_created}")
        return "data"

    def train(*given: Any) -> str:
        calls.append(f"trained on {given[3]}")
        return "candidate"

    def register(*given: Any, seconds: float) -> RetrainAccount:
        calls.append(f"registered {given[3]}")
        return DONE

    monkeypatch.setattr(execution, "build_data_set", build)
    monkeypatch.setattr(execution, "train_candidate", train)
    monkeypatch.setattr(execution, "register", register)
    assert await execute(settings, own_plan(model, leads_topic="old.leads")) == DONE
    assert calls == ["data set of old.leads", "trained on data", "registered candidate"]


async def test_too_little_data_is_refused_in_the_account(
    settings: Settings, model: SmallModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def build(*_: Any) -> None:
        raise InputError("expected at least 10,000 leads")

    monkeypatch.setattr(execution, "build_data_set", build)
    account = await execute(settings, own_plan(model))
    assert (account.outcome, account.sentence) == ("refused", "expected at least 10,000 leads")


async def test_another_model_under_the_version_of_the_plan_is_an_error(
    settings: Settings, model: SmallModel
) -> None:
    with pytest.raises(FatalError, match="restore the version"):
        await execute(settings, own_plan(model, production_sha256="f" * 64))
