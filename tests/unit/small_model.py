"""A small model of leads of the default contract, and the leads that it was trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xgboost
from numpy.typing import NDArray

from features.binning import build_reference, unmeasured_reference
from features.field_spec import CategoryField, DateField, NumberField, TextField
from features.matrix import Columns, FeatureEncoder
from features.spec import FeatureSpec
from model.bundle import Artefacts, Bundle, load_bundle
from model.metadata import BundleMetadata, Calibration, Golden, Training
from model.registry import Registry
from model.training.export import to_onnx
from model.training.xgboost_trainer import XgboostEnsemble
from schemas.encode import encode_lead
from schemas.store import Schema
from schemas.wire import WireFormat
from testing.schemas import packaged_schema

LEADS = 400
NAME = "leads"
SPEC = FeatureSpec(
    fields=(
        NumberField(name="page_views"),
        CategoryField(name="industry", encoding="one_hot", levels=("health", "retail", "software")),
        CategoryField(
            name="job_title", encoding="target", levels=("cto", "ceo"), values=(0.6, 0.2), prior=0.3
        ),
        TextField(name="summary", keywords=("price",)),
        DateField(name="created_at"),
        NumberField(name="company_size"),
    )
)
PLATT = Calibration(method="platt", slope=0.83, intercept=-0.21)


def contract(name: str = "lead_created") -> Schema:
    return packaged_schema(name)


@dataclass(frozen=True)
class SmallModel:
    """A bundle in a registry, and its leads: as records of the contract and as columns."""

    bundle: Bundle
    registry: Path
    leads: Sequence[Mapping[str, Any]]
    columns: Columns

    def values(self, wire: WireFormat = WireFormat.AVRO) -> list[bytes]:
        """The leads as events."""
        return [encode_lead(lead, contract(), wire) for lead in self.leads]


def small_model(folder: Path, promised: Mapping[str, Any] | None = None) -> SmallModel:
    """Train the model, whose contract is the default one unless another is promised."""
    leads = _leads()
    columns = _columns(leads)
    encoder = FeatureEncoder(SPEC, unmeasured_reference(SPEC))
    matrix = encoder.encode(columns, LEADS).matrix
    booster = xgboost.train(
        {"objective": "binary:logistic", "max_depth": 4, "eta": 0.3, "nthread": 1},
        xgboost.DMatrix(matrix, _won(leads)),
        20,
    )
    scores = PLATT.probability(booster.predict(xgboost.DMatrix(matrix), output_margin=True))
    metadata = BundleMetadata(
        spec=SPEC,
        reference=build_reference(SPEC, columns, LEADS, scores),
        calibration=PLATT,
        golden=Golden.of(matrix[:32], scores[:32]),
        metrics={"auc": 0.8},
        training=Training(
            rows=LEADS,
            positives=int(_won(leads).sum()),
            data_sha256="0" * 64,
            seed=8,
            target="won",
        ),
        contract=promised or contract().avro,
    )
    registry = folder / "models"
    ensemble = XgboostEnsemble(booster)
    artefacts = Artefacts(to_onnx(ensemble, metadata), ensemble.ubj(metadata))
    Registry(registry).publish(NAME, artefacts)
    return SmallModel(load_bundle(Registry(registry).resolve(NAME), None), registry, leads, columns)


def _leads() -> list[dict[str, Any]]:
    random = np.random.default_rng(7)

    def some(values: Sequence[Any]) -> Any:
        return None if random.random() < 0.15 else values[int(random.integers(len(values)))]

    return [
        {
            "lead_id": f"L-{i}",
            "created_at": 1_700_000_000_000 + 3_600_000 * i,
            "request_id": f"crm-{i}" if i % 3 == 0 else None,
            "page_views": some([float(n) for n in range(40)]),
            "industry": some(["Health", "retail", " Software", "mining"]),
            "job_title": some(["CTO", "ceo", "cook"]),
            "summary": some(["asks for the price", "just looking around", "Price?"]),
            "company_size": some([1.0, 12.5, 300.0, 8000.0]),
        }
        for i in range(LEADS)
    ]


def _columns(leads: Sequence[Mapping[str, Any]]) -> Columns:
    def numbers(name: str) -> NDArray[np.float64]:
        return np.array([lead[name] for lead in leads], dtype=np.float64)

    def texts(name: str) -> list[str | None]:
        return [lead[name] for lead in leads]

    return {
        "page_views": numbers("page_views"),
        "industry": texts("industry"),
        "job_title": texts("job_title"),
        "summary": texts("summary"),
        "created_at": numbers("created_at"),
        "company_size": numbers("company_size"),
    }


def _won(leads: Sequence[Mapping[str, Any]]) -> NDArray[np.bool_]:
    odds = [
        0.15 * (lead["page_views"] or 10) + 2 * ("rice" in (lead["summary"] or "")) - 4
        for lead in leads
    ]
    won: NDArray[np.bool_] = np.random.default_rng(8).random(len(leads)) < 1 / (
        1 + np.exp(-np.array(odds))
    )
    return won
