"""Score leads of a file, with the same features and the same engine as the worker."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.matrix import Columns, FeatureEncoder, Features
from model.bundle import Bundle
from model.prediction import Prediction, Predictor

__all__ = ["Explanation", "OfflineScorer"]

ROWS_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a lead has its score.

    Attributes
    ----------
    score
        Calibrated probability.
    base
        What the model's logit starts from, before any field is looked at. It and what the fields
        add sum up to the logit before calibration.
    fields
        For each field: its name, its value's bin, and what it adds to the logit; strongest first.
    """

    score: float
    base: float
    fields: tuple[tuple[str, str, float], ...]


class OfflineScorer:
    """Scores columns of leads.

    Parameters
    ----------
    bundle
        The model.
    predictor
        Its engine.
    """

    def __init__(self, bundle: Bundle, predictor: Predictor) -> None:
        self._metadata = bundle.metadata
        self._predictor = predictor
        self._encoder = FeatureEncoder(bundle.metadata.spec, bundle.metadata.reference)

    def score(self, columns: Columns, n: int) -> Iterator[dict[str, Any]]:
        """Score ``n`` leads.

        Yields
        ------
        dict
            For each lead what a scored event says of its score: ``score``, ``category``,
            ``label``, ``confidence``, ``feature_coverage`` and ``reasons``.
        """
        for start in range(0, n, ROWS_AT_ONCE):
            stop = min(start + ROWS_AT_ONCE, n)
            part = {name: values[start:stop] for name, values in columns.items()}
            features = self._encoder.encode(part, stop - start)
            yield from self._rows(features, self._predictor.predict(features.matrix))

    def explain(self, columns: Columns) -> Explanation:
        """Explain the score of the first lead of the columns."""
        features = self._encoder.encode({name: v[:1] for name, v in columns.items()}, 1)
        score = float(self._predictor.predict(features.matrix).probability[0])
        contributions = self._predictor.contributions(features.matrix)[0]
        order = np.argsort(-np.abs(contributions), kind="stable")
        fields, names = self._metadata.reference.fields, self._metadata.spec.shown_names
        return Explanation(
            score=score,
            base=self._base(),
            fields=tuple(
                (names[i], fields[i].labels[features.bins[0, i]], float(contributions[i]))
                for i in order
            ),
        )

    def _base(self) -> float:
        """Take it from a lead of the training whose score is not near 0 or 1: float32 ends there.

        It is the same for every lead.
        """
        golden, calibration = self._metadata.golden, self._metadata.calibration
        row = np.abs(np.array(golden.scores) - 0.5).argmin()
        matrix = golden.matrix[row : row + 1]
        score = float(self._predictor.predict(matrix).probability[0])
        logit = np.log(score) - np.log1p(-score)
        margin = (logit - calibration.intercept) / calibration.slope
        return float(margin - self._predictor.contributions(matrix)[0].sum(dtype=np.float64))

    def _rows(self, features: Features, prediction: Prediction) -> Iterator[dict[str, Any]]:
        thresholds = self._metadata.thresholds
        scores = prediction.probability.astype(np.float64).tolist()
        coverage = features.coverage.astype(np.float64).tolist()
        for row, (score, known) in enumerate(zip(scores, coverage, strict=True)):
            high, medium = score >= thresholds.high, score >= thresholds.medium
            yield {
                "score": score,
                "category": "High" if high else "Medium" if medium else "Low",
                "label": "engaged" if score > thresholds.label else "not_engaged",
                "confidence": known * (2.0 * abs(score - 0.5)),
                "feature_coverage": known,
                "reasons": self._reasons(
                    features.bins[row], prediction.reason_field[row], prediction.reason_value[row]
                ),
            }

    def _reasons(
        self, bins: NDArray[np.int16], of: NDArray[np.int64], values: NDArray[np.float32]
    ) -> Sequence[Mapping[str, Any]]:
        fields, names = self._metadata.reference.fields, self._metadata.spec.shown_names
        return [
            {
                "feature": names[i],
                "value": fields[i].labels[bins[i]],
                "contribution": value,
            }
            for i, value in zip(of.tolist(), values.tolist(), strict=True)
            if value
        ]
