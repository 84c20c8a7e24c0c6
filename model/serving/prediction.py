"""Predictions, and the protocol of the engines that compute them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from model.metadata import BundleError, BundleMetadata

__all__ = [
    "Contributions",
    "EngineMissingError",
    "ModelPredictor",
    "NotCompiledError",
    "Prediction",
    "Predictor",
    "without_reasons",
]


class EngineMissingError(BundleError):
    """An engine's library can't be imported: another engine may open the model."""


class NotCompiledError(BundleError):
    """The compiled engine can't score a model here; the message is the reason alone."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """Scores and reasons of n leads.

    Attributes
    ----------
    probability
        float32, shape (n,): the calibrated probability, 0 to 1.
    reason_field
        int64, shape (n, k): indices of the k fields that moved the margin most, strongest first.
    reason_value
        float32, shape (n, k): their contributions, on the logit scale before calibration.
    aspects
        float32, shape (n, n_aspects): contributions of the aspects in ``BundleMetadata.aspects``.
    """

    probability: NDArray[np.float32]
    reason_field: NDArray[np.int64]
    reason_value: NDArray[np.float32]
    aspects: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Contributions:
    """Contributions to the margins of n leads: bias and fields add up to the margin.

    Attributes
    ----------
    bias
        The margin before any field's contribution, the same for every lead.
    fields
        float32, shape (n, n_fields): contribution of each field.
    aspects
        float32, shape (n, n_aspects): contribution of each aspect in ``BundleMetadata.aspects``;
        those of a field add up to the field's.
    """

    bias: float
    fields: NDArray[np.float32]
    aspects: NDArray[np.float32]


def without_reasons(probability: NDArray[np.float32]) -> Prediction:
    """Return a prediction without reasons (k = 0).

    Parameters
    ----------
    probability
        float32, shape (n,).
    """
    none = np.zeros((len(probability), 0), np.float32)
    return Prediction(probability, none.astype(np.int64), none, none)


class Predictor(Protocol):
    """An engine with a model in it. Safe to use from several threads."""

    @property
    def engine(self) -> str:
        """Name of the engine: "compiled", "onnx", "xgboost" or "constant"."""

    def predict(self, matrix: NDArray[np.float32]) -> Prediction:
        """Return scores and reasons of a batch; a lead's are bit-identical in any batch.

        Parameters
        ----------
        matrix
            float32, C-contiguous, shape (n, n_columns); NaN where missing.
        """

    def contributions(self, matrix: NDArray[np.float32]) -> Contributions:
        """Return the contributions of every field to the margins of a batch.

        Parameters
        ----------
        matrix
            As for ``predict``.
        """


class ModelPredictor(Predictor, Protocol):
    """An engine with a trained model in it."""

    @property
    def metadata(self) -> BundleMetadata:
        """The model's metadata."""
