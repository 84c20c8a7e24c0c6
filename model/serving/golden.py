"""Golden rows: a model is verified by its scores of them whenever it is loaded."""

from __future__ import annotations

import numpy as np

from model.metadata import BundleError, BundleMetadata
from model.serving.prediction import ModelPredictor, Prediction
from model.serving.predictor import ModelFiles, open_predictor

__all__ = ["GOLDEN_TOLERANCE", "verify"]

GOLDEN_TOLERANCE = 1e-6
"""Largest difference of a golden row's score from the one in training, on any machine."""


def verify(model: ModelFiles) -> BundleMetadata:
    """Open a model and check its scores of the golden rows.

    Parameters
    ----------
    model
        Has the model's files.

    Raises
    ------
    BundleError
        It can't be opened, or its scores differ from those in training.
    """
    predictor = open_predictor(model)
    _verify_golden(predictor)
    return predictor.metadata


def _verify_golden(predictor: ModelPredictor) -> None:
    golden = predictor.metadata.golden
    try:
        prediction = predictor.predict(golden.matrix)
    except Exception as error:  # engines raise exceptions of any class here
        raise BundleError(
            f"The model can't score its own golden rows ({error}): publish it again from its "
            "training."
        ) from error
    _verify_shapes(prediction, predictor.metadata)
    scores = prediction.probability.astype(np.float64)
    difference = np.abs(scores - np.array(golden.scores))
    wrong = np.flatnonzero(~(difference <= GOLDEN_TOLERANCE))
    if len(wrong):
        row = int(wrong[0])
        raise BundleError(
            f"The model does not give its golden rows the scores of its training: of "
            f"{len(scores)} rows {len(wrong)} differ by more than {GOLDEN_TOLERANCE:g}; row {row} "
            f"should be {golden.scores[row]:.9f} and is {scores[row]:.9f} (engine "
            f"{predictor.engine}). Publish the model again from its training."
        )


def _verify_shapes(prediction: Prediction, metadata: BundleMetadata) -> None:
    """Check the shapes of a prediction of the golden rows."""
    n, k, fields = len(metadata.golden.scores), metadata.top_k, len(metadata.spec.fields)
    aspects = len(metadata.aspects)
    found = [
        array.shape
        for array in (
            prediction.probability,
            prediction.reason_field,
            prediction.reason_value,
            prediction.aspects,
        )
    ]
    if found != [(n,), (n, k), (n, k), (n, aspects)]:
        raise BundleError(
            f"The model should give its {n} golden rows a score, {k} reasons and {aspects} "
            f"contributions of aspects each, it gives arrays of the shapes {found}: publish it "
            "again from its training."
        )
    if ((prediction.reason_field < 0) | (prediction.reason_field >= fields)).any():
        raise BundleError(
            f"The model's reasons should be of its {fields} fields, some are of others: publish it "
            "again from its training."
        )
