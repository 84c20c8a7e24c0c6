"""A bundle whose metadata have everything that a card shows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from model.bundle import Bundle

HOSTILE = "<script>alert(1)</script>|`x`\x1b[2J"

TENTHS = [
    {"leads": 100, "mean_score": 0.9 - place / 12, "rate": 0.95 - place / 11} for place in range(10)
]
SEGMENTS = [
    {"field": "industry", "segment": "retail"}
    | {"leads": 60, "mean_score": 0.3, "rate": 0.25, "auc": 0.81},
    {"field": "industry", "segment": HOSTILE}
    | {"leads": 40, "mean_score": 0.2, "rate": 0.0, "auc": None},
]
BAND = {"leads": 100, "share": 0.1, "conversion": 0.8, "lift": 2.4}
QUALITY = {"auc": 0.829, "brier": 0.15, "log_loss": 0.47, "lift": 2.4, "rows": 1000}
METRICS: dict[str, Any] = {
    "verdict": {
        "sentence": "Better than giving everyone the base rate (33.8%): AUC 0.829.",
        "has_signal": True,
        "auc_interval": [0.80, 0.86],
        "baseline": {"sentence": "A logistic regression in the same folds: AUC 0.820."},
    },
    "cross_validated": QUALITY,
    "latest": None,
    "band_high": BAND,
    "window": ["2024-01-03", "2024-12-30"],
    "tenths": TENTHS,
    "segments": SEGMENTS,
}


def with_metrics(bundle: Bundle, **metrics: Any) -> Bundle:
    """Return a bundle with all figures, a warning, and a column that is not used."""
    fields = bundle.metadata.spec.kinds
    training = bundle.metadata.training.model_copy(
        update={"warnings": (HOSTILE,), "dropped": {HOSTILE: "constant"}}
    )
    metadata = bundle.metadata.model_copy(
        update={
            "metrics": METRICS | metrics,
            "training": training,
            "importance": dict(zip(fields, (0.5, 0.3, 0.2, 0.0, 0.0, 0.0), strict=True)),
        }
    )
    return replace(bundle, metadata=metadata)
