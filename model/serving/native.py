"""The engine "xgboost": XGBoost itself, where ONNX Runtime is not installed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.metadata import METADATA_KEY, BundleError, BundleMetadata
from model.serving.prediction import (
    Contributions,
    EngineMissingError,
    Prediction,
    without_reasons,
)

__all__ = ["NativePredictor"]


class NativePredictor:
    """Scores with XGBoost's own model file; equal to the ONNX engine's scores to 1e-6.

    Parameters
    ----------
    content
        The bytes of ``model.ubj``, whose hash was checked: a damaged file may crash XGBoost.
    threads
        Number of threads for a batch.
    reasons
        Whether to compute reasons; otherwise k is 0.

    Raises
    ------
    EngineMissingError
        XGBoost can't be imported here.
    BundleError
        The bytes are not a model made by LeadScore.
    """

    engine = "xgboost"

    def __init__(self, content: bytes, *, threads: int = 1, reasons: bool = True) -> None:
        # Imported here: it is slow to import, and most workers never need it.
        try:
            import xgboost
        except ImportError as error:
            raise EngineMissingError(
                "The model needs XGBoost, which can't be imported here "
                f"({error}): install leadscore[train], or publish the model as ONNX too."
            ) from None
        try:
            if not content:
                raise ValueError("it is empty")  # XGBoost would crash
            booster = xgboost.Booster({"nthread": threads}, model_file=bytearray(content))
            text, columns = booster.attr(METADATA_KEY), booster.num_features()
        except Exception as error:  # damaged bytes raise exceptions of any class
            raise BundleError(
                f"model.ubj is not a model that XGBoost {xgboost.__version__} can read "
                f"({_first_line(error)}): publish it again from its training."
            ) from None
        if text is None:
            raise BundleError(
                f"model.ubj has no attribute {METADATA_KEY!r}: it was not made by "
                "`leadscore train`. Train it with that."
            )
        self.metadata = BundleMetadata.from_json(text)
        self.metadata.verify_width(columns)
        self._booster: Any = booster
        self._has_reasons = reasons
        self._threads = threads
        self._matrix = xgboost.DMatrix
        fields = self.metadata.spec.field_of_column
        self._to_fields = np.eye(len(self.metadata.spec.fields))[list(fields)]
        self._aspect_columns = [aspect.column for aspect in self.metadata.aspects]

    def predict(self, matrix: NDArray[np.float32]) -> Prediction:
        """Return scores and reasons of a batch; see ``Predictor``."""
        if not len(matrix):
            return self._nothing()
        data = self._matrix(matrix, nthread=self._threads)
        margin = self._booster.predict(data, output_margin=True)
        probability = self.metadata.calibration.probability(margin).astype(np.float32)
        if not self._has_reasons:
            return without_reasons(probability)
        contributions = self._contributions(data)
        order = np.argsort(-np.abs(contributions.fields), axis=1, kind="stable")
        strongest = order[:, : self.metadata.top_k]
        return Prediction(
            probability,
            strongest,
            np.take_along_axis(contributions.fields, strongest, axis=1),
            contributions.aspects,
        )

    def contributions(self, matrix: NDArray[np.float32]) -> Contributions:
        """Return the contributions of every field; see ``Predictor``."""
        if len(matrix):
            return self._contributions(self._matrix(matrix, nthread=self._threads))
        # The bias is the same for every row.
        one = np.full((1, len(self.metadata.spec.columns)), np.nan, np.float32)
        contributions = self.contributions(one)
        return Contributions(
            contributions.bias, contributions.fields[:0], contributions.aspects[:0]
        )

    def shapley_values(self, matrix: NDArray[np.float32]) -> Contributions:
        """Return the exact Shapley values of every field: TreeSHAP [1]_, unlike a reason's path.

        The value of a field is the sum of those of its columns. Bias and fields add up to the
        margin. Slower than ``contributions`` by the square of the trees' depth.

        Parameters
        ----------
        matrix
            float32, C-contiguous, shape (n, n_columns), n > 0; NaN where missing.

        References
        ----------
        .. [1] S. Lundberg et al., "From local explanations to global understanding with explainable
           AI for trees", Nature Machine Intelligence 2, 2020, algorithm 2.
        """
        return self._contributions(self._matrix(matrix, nthread=self._threads), is_exact=True)

    def _nothing(self) -> Prediction:
        # XGBoost warns about an empty batch, and returns another shape.
        shape = (0, self.metadata.top_k if self._has_reasons else 0)
        return Prediction(
            np.empty(0, np.float32),
            np.empty(shape, np.int64),
            np.empty(shape, np.float32),
            np.empty((0, len(self._aspect_columns)), np.float32),
        )

    def _contributions(self, data: Any, *, is_exact: bool = False) -> Contributions:
        by_column = self._booster.predict(data, pred_contribs=True, approx_contribs=not is_exact)
        # The last column is the bias.
        by_field = by_column[:, :-1].astype(np.float64) @ self._to_fields
        return Contributions(
            float(by_column[0, -1]),
            by_field.astype(np.float32),
            by_column[:, self._aspect_columns],
        )


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
