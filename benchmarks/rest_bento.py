"""The model on BentoML, as in its documentation: ``bentoml serve benchmarks.rest_bento:Scores``.

It runs in an environment of its own (`benchmarks.environments`). It does less than LeadScore: it
encodes the features with LeadScore's own encoder, calls the model without reasons, and answers with
id and score. BentoML's adaptive batching calls it for many requests at once.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import bentoml
import numpy as np
import onnxruntime

from features.field_spec import NumberField
from features.matrix import FeatureEncoder
from model.metadata import METADATA_KEY, BundleMetadata

MOST_LEADS = 512
MOST_MS = 10_000
"""Time limit of a request; BentoML refuses requests that it can't answer within."""


@bentoml.service(workers=1, traffic={"timeout": 60})
class Scores:
    """Scores leads."""

    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            Path(os.environ["BENCH_MODEL"]).read_bytes(),
            options,
            providers=["CPUExecutionProvider"],
        )
        text = self._session.get_modelmeta().custom_metadata_map[METADATA_KEY]
        metadata = BundleMetadata.from_json(text)
        self._fields = metadata.spec.fields
        self._encoder = FeatureEncoder(metadata.spec, metadata.reference)

    @bentoml.api(batchable=True, max_batch_size=MOST_LEADS, max_latency_ms=MOST_MS)  # type: ignore[untyped-decorator]
    def score(self, leads: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return id and score of each lead."""
        columns: dict[str, Any] = {}
        for field in self._fields:
            column = [lead[field.name] for lead in leads]
            is_number = isinstance(field, NumberField)
            columns[field.name] = np.array(column, dtype=np.float64) if is_number else column
        matrix = self._encoder.encode(columns, len(leads)).matrix
        [scores] = self._session.run(["probability"], {"features": matrix})
        return [
            {"lead_id": lead["lead_id"], "score": score}
            for lead, score in zip(leads, scores[:, 0].tolist(), strict=True)
        ]
