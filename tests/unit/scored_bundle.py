"""The model of a bundle as the scorer's tests need it."""

from __future__ import annotations

from model.bundle import Bundle
from schemas.scored_event import ScoredModel

__all__ = ["scored_model_of"]


def scored_model_of(bundle: Bundle) -> ScoredModel:
    """Return the model of a bundle, scored by ONNX Runtime, of leads in ``leads.created``."""
    metadata = bundle.metadata
    return ScoredModel(
        identity=bundle.identity,
        engine="onnx",
        calibration_method="platt",
        slope=metadata.calibration.slope,
        intercept=metadata.calibration.intercept,
        high=metadata.thresholds.high,
        medium=metadata.thresholds.medium,
        label=metadata.thresholds.label,
        reason_texts=metadata.reason_labels().texts,
        topic="leads.created",
    )
