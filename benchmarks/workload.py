"""The work that every contender does, defined once.

A lead has 20 nullable fields (12 strings, 8 numbers, 10 % nulls, about 400 bytes of Avro). The
model reads 50 columns: the 8 numbers, 6 target-encoded strings, 4 one-hot strings of 7 levels,
2 texts (length, words, 2 keyword flags each). 200 trees of depth 5, reasons for the top 3 fields.
"""

from __future__ import annotations

import random
from functools import cache
from typing import Any

import numpy as np

from features.binning import build_reference
from features.field_spec import CategoryField, NumberField, TextField
from features.matrix import FeatureEncoder
from features.spec import FeatureSpec
from model.bundle import Artefacts
from model.metadata import BundleMetadata, Calibration, Golden, Training
from model.serving.predictor import open_predictor
from model.training.boosting import BoostingParameters, boost
from model.training.export import to_onnx
from model.training.xgboost_trainer import XgboostEnsemble
from schemas.decode import LeadDecoder
from schemas.encode import encode_lead
from schemas.store import SchemaStore
from schemas.wire import WireFormat

__all__ = ["NAME", "PARTITIONS", "SCHEMA", "SPEC", "artefacts", "events", "leads"]

NAME = "benchmark"

PARTITIONS = 4
SEED = 7
NUMBERS = tuple(f"number_{i}" for i in range(8))
TARGETS = tuple(f"target_{i}" for i in range(6))
ONE_HOTS = tuple(f"level_{i}" for i in range(4))
TEXTS = ("title", "summary")
KEYWORDS = {"title": ("director", "sales"), "summary": ("growth", "platform")}
WORDS = (
    *("growth", "platform", "data", "sales", "director", "engineer", "customer"),
    *("market", "cloud", "retail", "bank", "strategy", "product", "leader", "team"),
)

SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "benchmark_lead",
    "namespace": "leadscore.benchmark",
    "fields": [
        {"name": "lead_id", "type": "string"},
        {"name": "created_at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        *({"name": name, "type": ["null", "double"], "default": None} for name in NUMBERS),
        *(
            {"name": name, "type": ["null", "string"], "default": None}
            for name in (*TARGETS, *ONE_HOTS, *TEXTS)
        ),
    ],
}


def _levels(field: int, count: int) -> tuple[str, ...]:
    return tuple(f"level {field} number {i}" for i in range(count))


SPEC = FeatureSpec(
    fields=(
        *(NumberField(name=name) for name in NUMBERS),
        *(
            CategoryField(
                name=name,
                encoding="target",
                levels=_levels(i, 60),
                values=tuple(round(0.05 + 0.4 * j / 60, 6) for j in range(60)),
                prior=0.2,
            )
            for i, name in enumerate(TARGETS)
        ),
        *(
            CategoryField(name=name, encoding="one_hot", levels=_levels(10 + i, 7))
            for i, name in enumerate(ONE_HOTS)
        ),
        *(TextField(name=name, keywords=KEYWORDS[name]) for name in TEXTS),
    )
)


@cache
def leads(count: int) -> list[dict[str, Any]]:
    """Draw `count` leads, the same ones each time."""
    draw = random.Random(SEED)

    def maybe(value: Any) -> Any:
        return None if draw.random() < 0.1 else value

    return [
        {
            "lead_id": f"lead-{i:08d}",
            "created_at": 1_760_000_000_000 + i,
            **{name: maybe(round(draw.gauss(10.0, 4.0), 3)) for name in NUMBERS},
            **{
                name: maybe(f"Level {field} number {draw.randrange(66)}")
                for field, name in enumerate(TARGETS)
            },
            **{
                name: maybe(f"Level {10 + field} number {draw.randrange(8)}")
                for field, name in enumerate(ONE_HOTS)
            },
            "title": maybe(" ".join(draw.choices(WORDS, k=3))),
            "summary": maybe(" ".join(draw.choices(WORDS, k=12))),
        }
        for i in range(count)
    ]


@cache
def events(count: int) -> list[tuple[bytes, bytes]]:
    """Encode the leads: key and value of each, as a CRM would write them."""
    schema = SchemaStore().add(SCHEMA)
    return [
        (lead["lead_id"].encode(), encode_lead(lead, schema, WireFormat.AVRO))
        for lead in leads(count)
    ]


def artefacts(rows: int = 20_000, calibration: Calibration | None = None) -> Artefacts:
    """Train the model: 200 trees of depth 5 on the 50 columns.

    With another calibration it is another model, whose scores differ.
    """
    store = SchemaStore()
    store.add(SCHEMA)
    values = [value for _, value in events(rows)]
    columns = LeadDecoder(store, SPEC.kinds).decode(values).columns
    rng = np.random.default_rng(SEED)
    placeholder = build_reference(SPEC, columns, rows, rng.random(rows))
    matrix = FeatureEncoder(SPEC, placeholder).encode(columns, rows).matrix
    signal = np.nan_to_num(matrix[:, 0] - 10.0) / 4 + np.nan_to_num(matrix[:, 8]) * 4 - 2.5
    labels = rng.random(rows) < 1.0 / (1.0 + np.exp(-signal))
    parameters = BoostingParameters(trees=200, max_depth=5, eta=0.1, min_child_weight=1.0)
    ensemble = XgboostEnsemble(boost(matrix, labels, parameters, seed=SEED, threads=1))

    def exported(scores: np.ndarray) -> Artefacts:
        metadata = BundleMetadata(
            spec=SPEC,
            reference=build_reference(SPEC, columns, rows, scores),
            calibration=calibration or Calibration(),
            golden=Golden.of(matrix[:32], scores[:32]),
            training=Training(
                rows=rows,
                positives=int(labels.sum()),
                data_sha256="0" * 64,
                seed=SEED,
                target="drawn",
            ),
            contract=SCHEMA,
        )
        return Artefacts(onnx=to_onnx(ensemble, metadata))

    draft = open_predictor(exported(np.full(rows, 0.5)))
    return exported(draft.predict(matrix).probability.astype(np.float64))
