"""One small booster of random numbers, and all that a bundle holds of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xgboost
from numpy.typing import NDArray

from features.binning import unmeasured_reference
from features.field_spec import CategoryField, DateField, NumberField, TextField
from features.spec import FeatureSpec
from model.bundle import Artefacts
from model.metadata import BundleMetadata, Calibration, Golden, Training
from model.training.export import to_onnx
from model.training.xgboost_trainer import XgboostEnsemble

SPEC = FeatureSpec(
    fields=(
        NumberField(name="page_views"),
        CategoryField(name="industry", encoding="one_hot", levels=("health", "retail", "software")),
        CategoryField(
            name="job_title", encoding="target", levels=("cto", "ceo"), values=(0.4, 0.2), prior=0.3
        ),
        TextField(name="summary", keywords=("price",)),
        DateField(name="created_at"),
        NumberField(name="company_size"),
    )
)
PLATT = Calibration(method="platt", slope=0.83, intercept=-0.21)
CONTRACT = {"type": "record", "name": "lead", "fields": [{"name": "lead_id", "type": "string"}]}


@dataclass(frozen=True)
class Trained:
    """A booster, the matrix that it was trained on, and what is said of it."""

    booster: xgboost.Booster
    matrix: NDArray[np.float32]
    metadata: BundleMetadata

    @property
    def margin(self) -> NDArray[np.float32]:
        margin: NDArray[np.float32] = self.booster.predict(
            xgboost.DMatrix(self.matrix), output_margin=True
        )
        return margin

    @property
    def ensemble(self) -> XgboostEnsemble:
        return XgboostEnsemble(self.booster)

    @property
    def onnx(self) -> bytes:
        return to_onnx(self.ensemble, self.metadata)

    @property
    def ubj(self) -> bytes:
        return self.ensemble.ubj(self.metadata)

    @property
    def artefacts(self) -> Artefacts:
        return Artefacts(onnx=self.onnx, ubj=self.ubj, reference=b"PAR1 rows PAR1")


def leads_matrix(rows: int, columns: int) -> NDArray[np.float32]:
    """Numbers of every kind that trees meet: continuous, few-valued, missing."""
    random = np.random.default_rng(7)
    matrix = random.normal(size=(rows, columns)).astype(np.float32)
    matrix[:, ::3] = np.round(matrix[:, ::3])
    matrix[random.random(matrix.shape) < 0.1] = np.nan
    matrix[3] = np.nan
    return matrix


def train(
    spec: FeatureSpec = SPEC,
    *,
    rows: int = 4096,
    trees: int = 30,
    calibration: Calibration = PLATT,
    **parameters: Any,
) -> Trained:
    columns = len(spec.columns)
    matrix = leads_matrix(rows, columns)
    known = np.nan_to_num(matrix)
    odds = known[:, 0] + known[:, columns // 2] * known[:, -1] - 1.3
    target = np.random.default_rng(8).random(rows) < 1 / (1 + np.exp(-odds))
    booster = xgboost.train(
        {"objective": "binary:logistic", "max_depth": 5, "eta": 0.1, "nthread": 1, **parameters},
        xgboost.DMatrix(matrix, target),
        trees,
    )
    margin = booster.predict(xgboost.DMatrix(matrix[:32]), output_margin=True)
    metadata = BundleMetadata(
        spec=spec,
        reference=unmeasured_reference(spec),
        calibration=calibration,
        golden=Golden.of(matrix[:32], calibration.probability(margin)),
        metrics={"auc": 0.8},
        training=Training(
            rows=rows, positives=int(target.sum()), data_sha256="0" * 64, seed=8, target="won"
        ),
        contract=CONTRACT,
    )
    return Trained(booster, matrix, metadata)
