"""The model that a reference means, by name or by hash."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from model.registry import ModelNotFoundError, Registry
from schemas.errors import InputError
from stream.replay.launch import Wanted, find_model, make_plan
from stream.replay.ranges import BEGINNING, END
from stream.settings import load_settings
from tests.unit.small_model import NAME, SmallModel


@pytest.mark.parametrize("digits", [12, 40, 64])
def test_a_model_is_found_by_the_first_digits_of_its_hash(model: SmallModel, digits: int) -> None:
    registry = Registry(model.registry)
    assert find_model(registry, model.bundle.sha256[:digits]) == model.bundle.identity


def test_a_model_is_found_by_name_and_version(model: SmallModel) -> None:
    registry = Registry(model.registry)
    for reference in (NAME, f"{NAME}/{model.bundle.version}"):
        assert find_model(registry, reference) == model.bundle.identity


def test_a_hash_that_no_model_has_is_refused(model: SmallModel) -> None:
    with pytest.raises(ModelNotFoundError, match="SHA-256"):
        find_model(Registry(model.registry), "0" * 64)


def test_a_damaged_manifest_hides_no_other_model(model: SmallModel, tmp_path: Path) -> None:
    copytree(model.registry, tmp_path / "models")
    damaged = tmp_path / "models" / NAME / "2"
    copytree(tmp_path / "models" / NAME / model.bundle.version, damaged)
    (damaged / "manifest.json").write_text("{")
    found = find_model(Registry(tmp_path / "models"), model.bundle.sha256)
    assert found == model.bundle.identity


def test_finding_a_model_opens_it_in_no_engine(
    model: SmallModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("model.bundle.verify", None)
    registry = Registry(model.registry)
    for reference in (NAME, model.bundle.sha256):
        assert find_model(registry, reference) == model.bundle.identity


@pytest.mark.parametrize(
    "wanted",
    [{"filters": [("country", "DE")]}, {"sample": 0.5}, {"archive": "archive"}],
    ids=["filter", "sample", "archive"],
)
async def test_counts_for_drift_are_of_all_leads_of_the_topic(wanted: Any) -> None:
    settings = load_settings()
    asked = Wanted(BEGINNING, END, "m", "leads", counts_drift=True, **wanted)
    with pytest.raises(InputError, match="without --filter, --sample and --archive"):
        await make_plan(settings, asked, datetime.now(UTC))
