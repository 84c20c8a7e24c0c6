"""The model that scored is found by its hash."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from model.registry import ModelNotFoundError
from stream.explanation.models import Models
from testing.engines import ENGINE
from tests.unit.small_model import SmallModel
from tests.unit.stream.explanation.scored_leads import settings_with


def event_of(model: SmallModel, **given: Any) -> dict[str, Any]:
    bundle = model.bundle
    return {
        "model_sha256": bundle.sha256,
        "model_id": bundle.name,
        "model_version": bundle.version,
        "engine": "onnx",
        "source": {"topic": "leads.created"},
    } | given


def test_a_model_is_opened_once(model: SmallModel) -> None:
    models = Models(settings_with(model.registry))
    assert models.of(event_of(model)) is models.of(event_of(model))


def test_a_model_whose_ages_are_at_another_time_is_another(model: SmallModel) -> None:
    models = Models(settings_with(model.registry))
    assert models.of(event_of(model), 1) is models.of(event_of(model), 1)
    assert [models.of(event_of(model), at).ages_at for at in (None, 1, 2)] == [None, 1, 2]


def test_a_model_that_was_published_under_another_name_is_the_same(
    model: SmallModel, tmp_path: Path
) -> None:
    registry = tmp_path / "models"
    shutil.copytree(model.registry / "leads", registry / "copied")
    found = Models(settings_with(registry)).of(event_of(model))
    assert found.bundle.sha256 == model.bundle.sha256


def test_the_engine_is_the_one_that_scored(model: SmallModel) -> None:
    models = Models(settings_with(model.registry))
    onnx, xgboost = models.of(event_of(model)), models.of(event_of(model, engine="xgboost"))
    assert (onnx.engine, xgboost.engine) == (ENGINE, "xgboost")


def test_a_model_that_the_registry_lacks_is_named_with_what_to_do(
    model: SmallModel, tmp_path: Path
) -> None:
    models = Models(settings_with(tmp_path))
    with pytest.raises(ModelNotFoundError, match="leads/1 with the SHA-256") as refused:
        models.of(event_of(model))
    assert model.bundle.sha256 in str(refused.value)
    assert "restore that version" in str(refused.value)
