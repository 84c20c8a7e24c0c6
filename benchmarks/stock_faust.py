"""The same work on stock Faust, event by event, as its documentation would have it written.

Started by benchmarks/run.py: ``faust -A benchmarks.stock_faust worker``, settings by environment.
Plain Python for each event: fastavro, a row filled from dictionaries, one model call, fastavro.
"""

from __future__ import annotations

import io
import math
import os
import time
from pathlib import Path
from typing import Any

import fastavro
import faust
import numpy as np
import onnxruntime

from benchmarks.workload import SCHEMA, SPEC
from features.spec import CategoryField, NumberField, TextField, normalise_level

BROKER = os.environ["BENCH_BOOTSTRAP"]
SOURCE, TARGET = os.environ["BENCH_SOURCE"], os.environ["BENCH_TARGET"]
MODEL = Path(os.environ["BENCH_MODEL"]).read_bytes()
MODEL_SHA256 = os.environ["BENCH_MODEL_SHA256"]
READER = fastavro.parse_schema(
    {
        **SCHEMA,
        "fields": [
            {**f, "type": "long"} if f["name"] == "created_at" else f for f in SCHEMA["fields"]
        ],
    }
)
SCORED = fastavro.schema.load_schema(
    str(Path(__file__).parent.parent / "schemas" / "lead_scored.avsc")
)
HEADER = bytes.fromhex("c301") + bytes.fromhex(
    fastavro.schema.fingerprint(fastavro.schema.to_parsing_canonical_form(SCORED), "CRC-64-AVRO")
)

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(MODEL, options, providers=["CPUExecutionProvider"])

app = faust.App(
    os.environ["BENCH_GROUP"],
    broker=f"kafka://{BROKER}",
    value_serializer="raw",
    key_serializer="raw",
    web_enabled=False,
    topic_disable_leader=True,
    consumer_auto_offset_reset="earliest",
    producer_acks=-1,
)
source = app.topic(SOURCE, value_serializer="raw", key_serializer="raw")
target = app.topic(TARGET, value_serializer="raw", key_serializer="raw")

NAN = math.nan


def _row(lead: dict[str, Any]) -> np.ndarray:
    row: list[float] = []
    for field in SPEC.fields:
        value = lead[field.name]
        if value is None:
            row += [NAN] * len(field.columns)
        elif isinstance(field, NumberField):
            row.append(value)
        elif isinstance(field, CategoryField):
            row += LEVELS[field.name].get(normalise_level(value), UNSEEN[field.name])
        elif isinstance(field, TextField):
            folded = value.casefold()
            row += [len(value), len(value.split()), *(float(k in folded) for k in field.keywords)]
    return np.array([row], dtype=np.float32)


def _one_hot(field: CategoryField, index: int) -> list[float]:
    return [float(i == index) for i in range(len(field.levels))]


LEVELS = {
    field.name: {
        level: [field.values[i]] if field.encoding == "target" else _one_hot(field, i)
        for i, level in enumerate(field.levels)
    }
    for field in SPEC.fields
    if isinstance(field, CategoryField)
}
UNSEEN = {
    field.name: [field.prior] if field.encoding == "target" else [0.0] * len(field.levels)
    for field in SPEC.fields
    if isinstance(field, CategoryField)
}


def _scored(lead: dict[str, Any], event: Any, outputs: list[np.ndarray]) -> dict[str, Any]:
    probability, reason_fields, reason_values = outputs
    score = float(probability[0, 0])
    message = event.message
    now = int(time.time() * 1000)
    present = sum(lead[field.name] is not None for field in SPEC.fields)
    coverage = present / len(SPEC.fields)
    identity = f"{MODEL_SHA256[:16]}-{message.partition}-{message.offset}"
    return {
        "event_id": identity,
        "lead_id": lead["lead_id"],
        "request_id": identity,
        "created_at": lead["created_at"],
        "scored_at": now,
        "latency_ms": max(0, now - int(message.timestamp * 1000)),
        "score": score,
        "category": "High" if score >= 0.7 else "Medium" if score >= 0.4 else "Low",
        "label": "engaged" if score > 0.5 else "not_engaged",
        "confidence": coverage * abs(2 * score - 1),
        "feature_coverage": coverage,
        "low_coverage": coverage < 0.6,
        "reasons": [
            {
                "feature": SPEC.fields[field].name,
                "value": str(lead[SPEC.fields[field].name]),
                "contribution": value,
            }
            for field, value in zip(
                reason_fields[0].tolist(), reason_values[0].tolist(), strict=True
            )
            if value
        ],
        "model_id": "benchmark",
        "model_version": "1",
        "model_sha256": MODEL_SHA256,
        "engine": "onnx",
        "calibration": {"method": "none", "slope": 1.0, "intercept": 0.0},
        "schema_version": "v1",
        "contract_version": 1,
        "source": {"topic": SOURCE, "partition": message.partition, "offset": message.offset},
    }


@app.agent(source)
async def score(events: Any) -> None:
    outputs = ["probability", "reason_field", "reason_value"]
    async for event in events.events():
        lead = fastavro.schemaless_reader(io.BytesIO(event.value[10:]), READER)
        scored = _scored(lead, event, session.run(outputs, {"features": _row(lead)}))
        body = io.BytesIO()
        body.write(HEADER)
        fastavro.schemaless_writer(body, SCORED, scored)
        await target.send(
            key=lead["lead_id"].encode(),
            value=body.getvalue(),
            partition=event.message.partition,
            headers={
                "ce_id": scored["event_id"].encode(),
                "ce_type": b"leadscore.lead.scored.v1",
                "ce_source": SOURCE.encode(),
            },
        )
