"""The model of the server, and its exchange while requests come."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from model.registry import Alias, Registry
from monitoring.telemetry.health import Condition, Health
from monitoring.telemetry.model_metrics import ModelMetrics
from stream.rest.model_service import ModelService
from stream.settings import load_settings
from testing.made import MADE
from tests.unit.two_models import TwoModels


def service_of(registry: Path | str, model: str = "leads") -> ModelService:
    settings = load_settings(environment="production", registry=str(registry), model=model)
    health = Health(0.0, conditions=[Condition.MODEL_LOADED])
    return ModelService(settings, ModelMetrics(CollectorRegistry()), health)


async def test_another_alias_brings_another_model(two: TwoModels, tmp_path: Path) -> None:
    shutil.copytree(two.registry, tmp_path / "models")
    registry = Registry(tmp_path / "models")
    registry.set_alias("leads", Alias.PRODUCTION, "1", MADE)
    service = service_of(tmp_path / "models")
    assert (service.sha256, service.stage, await service.info()) == (None, None, None)
    await service.look()
    first = service.sha256
    registry.set_alias("leads", Alias.PRODUCTION, "2", MADE)
    await service.look()
    assert None is not first != service.sha256
    assert await service.models() == [
        {"name": "leads", "versions": ["1", "2"], "aliases": {"production": "2"}}
    ]


@pytest.mark.parametrize(("reference", "stage"), [("leads", "production"), ("leads/1", "version")])
async def test_the_stage_is_what_the_reference_names(
    two: TwoModels, reference: str, stage: str
) -> None:
    service = service_of(two.registry, reference)
    await service.look()
    assert service.stage == stage
