"""A small model and the same trees with another calibration, in one registry."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import xgboost

from model.bundle import Artefacts, Bundle, load_bundle
from model.metadata import Calibration, Golden, Thresholds
from model.registry import Registry
from model.training.export import to_onnx
from model.training.xgboost_trainer import XgboostEnsemble
from tests.unit.small_model import NAME, SmallModel

STEEPER = Calibration(method="platt", slope=1.4, intercept=0.3)


@dataclass(frozen=True)
class TwoModels:
    """A model, and the same trees with another calibration and other bands, in one registry."""

    small: SmallModel
    registry: Path
    before: Bundle
    after: Bundle


def two_models(model: SmallModel, folder: Path) -> TwoModels:
    registry = folder / "models"
    shutil.copytree(model.registry, registry)
    Registry(registry).publish(NAME, recalibrated(model.bundle))
    before, after = (load_bundle(Registry(registry).resolve(f"{NAME}/{n}"), None) for n in (1, 2))
    return TwoModels(model, registry, before, after)


def recalibrated(bundle: Bundle) -> Artefacts:
    booster = xgboost.Booster()
    booster.load_model(bytearray(bundle.files["model.ubj"]))
    golden = bundle.metadata.golden.matrix
    margins = booster.predict(xgboost.DMatrix(golden), output_margin=True)
    metadata = bundle.metadata.model_copy(
        update={
            "calibration": STEEPER,
            "thresholds": Thresholds(high=0.6, medium=0.3),
            "golden": Golden.of(golden, STEEPER.probability(margins)),
        }
    )
    ensemble = XgboostEnsemble(booster)
    return Artefacts(to_onnx(ensemble, metadata), ensemble.ubj(metadata))
