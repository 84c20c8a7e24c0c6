"""Models that come, change and go away while a worker runs."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from model.registry import Registry
from monitoring.telemetry.health import Condition
from tests.unit.small_model import SmallModel
from tests.unit.stream.scoring.role import Place


async def test_without_a_model_it_waits_and_says_what_is_missing(tmp_path: Path) -> None:
    place = Place(registry=str(tmp_path), environment="production")
    await place.role.models.reload()
    assert place.role.pipeline.scorer is None
    assert "should have a model 'leads'" in place.missing()[Condition.MODEL_LOADED]


async def test_in_development_a_constant_stands_in(tmp_path: Path) -> None:
    place = Place(registry=str(tmp_path), environment="development")
    await place.role.models.reload()
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


async def test_a_new_model_serves_once_it_is_published(model: SmallModel, tmp_path: Path) -> None:
    place = Place(registry=str(tmp_path / "models"))
    await place.role.models.reload()
    shutil.copytree(model.registry, tmp_path / "models")
    await place.role.models.reload()
    assert Condition.MODEL_LOADED not in place.missing()
    assert place.served()["sha256"] == model.bundle.sha256
    assert place.role.pipeline.scorer is not None


async def test_another_version_is_loaded_and_the_same_one_is_not_loaded_again(
    model: SmallModel, registry: Path
) -> None:
    place = Place(registry=str(registry))
    await place.role.models.reload()
    first = place.role.pipeline.scorer
    await place.role.models.reload()
    assert place.role.pipeline.scorer is first
    publish(registry, model)
    await place.role.models.reload()
    assert place.role.pipeline.scorer is not first
    assert place.served()["version"] == "2"


async def test_a_model_that_can_not_be_loaded_leaves_the_one_that_serves(
    model: SmallModel, registry: Path
) -> None:
    place = Place(registry=str(registry))
    await place.role.models.reload()
    first = place.role.pipeline.scorer
    version = publish(registry, model)
    (registry / "leads" / version / "model.onnx").write_bytes(b"")
    await place.role.models.reload()
    assert place.role.pipeline.scorer is first
    assert place.served()["version"] == "1"
    assert Condition.MODEL_LOADED not in place.missing()


async def test_without_a_model_that_can_be_loaded_it_says_what_is_wrong(registry: Path) -> None:
    (registry / "leads" / "1" / "model.onnx").write_bytes(b"")
    place = Place(registry=str(registry))
    await place.role.models.reload()
    assert "is incomplete" in place.missing()[Condition.MODEL_LOADED]


async def test_a_model_that_disappears_serves_on(registry: Path) -> None:
    place = Place(registry=str(registry))
    await place.role.models.reload()
    first = place.role.pipeline.scorer
    shutil.rmtree(registry)
    await place.role.models.reload()
    assert place.role.pipeline.scorer is first
