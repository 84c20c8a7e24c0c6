"""The engine "constant": the same score for every lead."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from model.serving.prediction import Contributions, Prediction

__all__ = ["ConstantPredictor"]


class ConstantPredictor:
    """Predicts the same score for every lead, without reasons: for development without a model.

    Parameters
    ----------
    n_fields
        Number of fields of the leads' spec.
    score
        The score, 0 to 1.
    """

    engine = "constant"

    def __init__(self, n_fields: int, *, score: float = 0.5) -> None:
        self._n_fields = n_fields
        self._score = score

    def predict(self, matrix: NDArray[np.float32]) -> Prediction:
        """Return scores and reasons of a batch; see ``Predictor``. The reasons are all zero."""
        shape = (len(matrix), min(3, self._n_fields))
        return Prediction(
            np.full(len(matrix), self._score, np.float32),
            np.zeros(shape, np.int64),
            np.zeros(shape, np.float32),
            np.zeros((len(matrix), 0), np.float32),
        )

    def contributions(self, matrix: NDArray[np.float32]) -> Contributions:
        """Return zeros, of no aspects, and the logit of the score; see ``Predictor``."""
        return Contributions(
            math.log(self._score / (1.0 - self._score)),
            np.zeros((len(matrix), self._n_fields), np.float32),
            np.zeros((len(matrix), 0), np.float32),
        )
