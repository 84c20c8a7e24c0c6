"""Models that keep training leads, as those of earlier versions do."""

from __future__ import annotations

import shutil
from pathlib import Path

from model.bundle import Artefacts
from model.registry import Registry
from model.training.export import to_onnx
from stream.erasure.old_bundles import OldBundle, find_old_bundles
from stream.retraining.data_set import FILE
from tests.unit.small_booster import Trained
from tests.unit.small_model import SmallModel


def test_a_model_of_an_earlier_version_may_hold_leads(model: SmallModel) -> None:
    assert model.bundle.metadata.training.least_leads == 0
    assert find_old_bundles(str(model.registry)) == [OldBundle("leads/1", is_readable=True)]


def test_a_model_that_can_t_be_read_may_hold_leads(model: SmallModel, tmp_path: Path) -> None:
    registry = shutil.copytree(model.registry, tmp_path / "models")
    (registry / "leads" / "1" / "model.onnx").write_bytes(b"")
    assert find_old_bundles(str(registry)) == [OldBundle("leads/1", is_readable=False)]


def test_no_registry_holds_nothing(tmp_path: Path) -> None:
    assert find_old_bundles(str(tmp_path / "none")) == []


def test_a_model_with_the_data_set_of_its_retraining_holds_leads(
    trained: Trained, tmp_path: Path
) -> None:
    registry = tmp_path / "models"
    training = trained.metadata.training.model_copy(update={"least_leads": 5})
    metadata = trained.metadata.model_copy(update={"training": training})
    onnx = to_onnx(trained.ensemble, metadata)
    Registry(registry).publish("leads", Artefacts(onnx, trained.ensemble.ubj(metadata)))
    assert find_old_bundles(str(registry)) == []
    Registry(registry).attach("leads", "1", FILE, b"rows")
    assert find_old_bundles(str(registry)) == [OldBundle("leads/1", True, has_data_set=True)]
