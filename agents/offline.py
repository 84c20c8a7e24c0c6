"""Score leads of a file, with the same features and the same engine as the worker."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.field_spec import Aspect
from features.matrix import Columns, FeatureEncoder, Features
from model.bundle import Bundle
from model.serving.prediction import Contributions, Prediction, Predictor
from schemas.scored_event import ScoreRule, Scores, scored_event

__all__ = ["ExplainedAspect", "ExplainedField", "Explanation", "FileLeads", "OfflineScorer"]

ROWS_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class FileLeads:
    """Leads that were read, and errors of the lines that were not.

    Attributes
    ----------
    ids
        The leads' ids.
    rows
        int64, shape (n,): the index of each among the file's rows or objects, ascending.
    columns
        The model's fields, n values each.
    created_at
        float64, shape (n,): times of creation, milliseconds since 1970, NaN where unknown.
    wrong
        A sentence for each row or line that is no lead.
    total
        Number of rows or objects of the file.
    """

    ids: list[str]
    rows: NDArray[np.int64]
    columns: Columns
    created_at: NDArray[np.float64]
    wrong: list[str]
    total: int


@dataclass(frozen=True, slots=True)
class ExplainedAspect:
    """The contribution of an aspect of a field to the logit.

    Attributes
    ----------
    aspect
        The aspect.
    value
        Its value in words.
    contribution
        Its part of the field's contribution.
    """

    aspect: Aspect
    value: str
    contribution: float


@dataclass(frozen=True, slots=True)
class ExplainedField:
    """The contribution of a field to the logit.

    Attributes
    ----------
    name
        The field.
    value
        The part of its value that contributed most, in words, as in a reason.
    contribution
        Its part of the logit before calibration.
    aspects
        Its parts, strongest first, where the field has several aspects and the model keeps them
        apart.
    """

    name: str
    value: str
    contribution: float
    aspects: tuple[ExplainedAspect, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a lead has its score: base, fields and calibration add up to the score's logit.

    Attributes
    ----------
    score
        Calibrated probability.
    base
        The logit of the model before any field contributes.
    fields
        Every field, strongest first.
    slope, intercept
        The calibration: the score's logit is slope · logit + intercept.
    """

    score: float
    base: float
    fields: tuple[ExplainedField, ...]
    slope: float
    intercept: float

    @property
    def logit(self) -> float:
        """The logit of the score."""
        return self.slope * self._uncalibrated + self.intercept

    @property
    def calibration(self) -> float:
        """The contribution of the calibration, beside base and fields."""
        return self.logit - self._uncalibrated

    @property
    def _uncalibrated(self) -> float:
        return self.base + sum(field.contribution for field in self.fields)


class OfflineScorer:
    """Scores columns of leads.

    Parameters
    ----------
    bundle
        The model.
    predictor
        Its engine.

    Attributes
    ----------
    rule
        How its scores become words.
    """

    def __init__(self, bundle: Bundle, predictor: Predictor) -> None:
        self._metadata = bundle.metadata
        self._predictor = predictor
        self._encoder = FeatureEncoder(bundle.metadata.spec, bundle.metadata.reference)
        self._labels = bundle.metadata.reason_labels()
        self._texts = self._labels.texts
        thresholds = bundle.metadata.thresholds
        self.rule = ScoreRule(
            high=thresholds.high,
            medium=thresholds.medium,
            label=thresholds.label,
            reason_texts=self._texts,
        )

    def score(self, columns: Columns, n: int) -> Iterator[dict[str, Any]]:
        """Score ``n`` leads.

        Yields
        ------
        dict
            For each lead those fields of its scored event that follow from the score alone
            (``OfScore`` in ``schemas.scored_event``).
        """
        for scores in self.scores(columns, n):
            yield from scored_event().of_scores(scores, self.rule)

    def scores(self, columns: Columns, n: int) -> Iterator[Scores]:
        """Score ``n`` leads by column.

        Yields
        ------
        Scores
            Scores of at most ``ROWS_AT_ONCE`` leads each, in the order of the leads.
        """
        for start in range(0, n, ROWS_AT_ONCE):
            stop = min(start + ROWS_AT_ONCE, n)
            part = {name: values[start:stop] for name, values in columns.items()}
            features = self._encoder.encode(part, stop - start)
            yield self._scores(features, self._predictor.predict(features.matrix))

    def explain(self, columns: Columns, *, ages_at: float | None = None) -> Explanation:
        """Explain the score of the first lead of the columns.

        Parameters
        ----------
        columns
            The leads.
        ages_at
            See ``FeatureEncoder.encode``.
        """
        first = {name: values[:1] for name, values in columns.items()}
        features = self._encoder.encode(first, 1, ages_at=ages_at)
        prediction = self._predictor.predict(features.matrix)
        moved = self._predictor.contributions(features.matrix)
        order = np.argsort(-np.abs(moved.fields), axis=1, kind="stable")
        values = np.take_along_axis(moved.fields, order, axis=1)
        names = self._metadata.spec.shown_names
        said = self._labels.codes(order, values, moved.aspects, features)
        calibration = self._metadata.calibration
        return Explanation(
            score=float(prediction.probability[0]),
            base=moved.bias,
            fields=tuple(
                ExplainedField(
                    names[i], self._texts[code][1], value, self._aspects(i, moved, features)
                )
                for i, code, value in zip(
                    order[0].tolist(), said[0].tolist(), values[0].tolist(), strict=True
                )
            ),
            slope=calibration.slope,
            intercept=calibration.intercept,
        )

    def _aspects(
        self, field: int, moved: Contributions, features: Features
    ) -> tuple[ExplainedAspect, ...]:
        said = self._labels.aspect_codes(features.matrix).tolist()
        found = [
            ExplainedAspect(aspect.aspect, self._texts[code][1], contribution)
            for aspect, code, contribution in zip(
                self._metadata.aspects, said, moved.aspects[0].tolist(), strict=True
            )
            if aspect.field == field
        ]
        return tuple(sorted(found, key=lambda aspect: -abs(aspect.contribution)))

    def _scores(self, features: Features, prediction: Prediction) -> Scores:
        return Scores(
            probability=prediction.probability,
            coverage=features.coverage,
            reason_code=self._labels.codes(
                prediction.reason_field, prediction.reason_value, prediction.aspects, features
            ),
            reason_value=prediction.reason_value,
        )
