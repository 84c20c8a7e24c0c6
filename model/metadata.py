"""Metadata of a model, as JSON inside the model file: one file is the whole model."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

from features.aspect_bins import further_aspects
from features.field_spec import Aspect, Float32
from features.reason_labels import ReasonLabels
from features.reference import Reference
from features.spec import FeatureSpec, FieldAspect
from model.column_plan import ColumnPlan
from model.group_counts import GroupCounts
from model.label_counts import LabelCounts
from schemas.errors import FatalError, LoadFailure
from schemas.fields import FieldKind

__all__ = [
    "FORMAT_VERSION",
    "METADATA_KEY",
    "BundleError",
    "BundleIncompleteError",
    "BundleMetadata",
    "Calibration",
    "Engagement",
    "Golden",
    "Thresholds",
    "Training",
    "UnavailableError",
]

FORMAT_VERSION = 3
"""The format that training writes. Since format 3 the trees have contributions of each aspect of a
field (ADR 5), since format 2 the spec has the readings of columns (ADR 23)."""
READ_VERSIONS = (1, 2, FORMAT_VERSION)
BY_ASPECT = 3
"""The first format with contributions by aspect."""
BINS_OF_KIND = {
    FieldKind.NUMBER: "quantile",
    FieldKind.TEXT: "quantile",
    FieldKind.CATEGORY: "level",
    FieldKind.DATE: "weekday",
}
BINS_OF_ASPECT = {Aspect.HOUR: "hour", Aspect.KEYWORD: "keyword"}
METADATA_KEY = "leadscore"
"""Key of the JSON in the ONNX file's metadata, and attribute of XGBoost's file."""


class BundleError(FatalError):
    """A model can't be used: it is damaged, incomplete, or has an unknown format.

    Parameters
    ----------
    message
        What was expected, what came, what to do.
    failure
        The reason in metrics; default: that of the class.
    """

    failure = LoadFailure.REFUSED

    def __init__(self, message: str, failure: LoadFailure | None = None) -> None:
        super().__init__(message)
        if failure is not None:
            self.failure = failure


class BundleIncompleteError(BundleError):
    """A bundle's files differ from its manifest: it may still be being copied."""

    failure = LoadFailure.INCOMPLETE


class UnavailableError(BundleError):
    """A store or process that is needed to open a model is unavailable: the model may be good."""

    failure = LoadFailure.UNAVAILABLE


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Calibration(_Frozen):
    """Maps the ensemble's margin to a probability: sigmoid(slope · margin + intercept).

    Platt scaling [1]_ on the logit; ``none`` is slope 1 and intercept 0.

    References
    ----------
    .. [1] J. Platt, "Probabilistic outputs for support vector machines and comparisons to
       regularized likelihood methods", 1999.
    """

    method: Literal["platt", "none"] = "none"
    slope: float = Field(default=1.0, allow_inf_nan=False)
    intercept: float = Field(default=0.0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.method == "none" and (self.slope, self.intercept) != (1.0, 0.0):
            raise ValueError("calibration 'none' has slope 1 and intercept 0")
        return self

    def probability(self, margin: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the probabilities of margins.

        Parameters
        ----------
        margin
            Floats of any shape: the ensemble's sum of leaves and base, on the logit scale.

        Returns
        -------
        ndarray of float64, the same shape
            Probabilities, 0 to 1.
        """
        logit = self.slope * margin.astype(np.float64) + self.intercept
        # exp of a number that is never positive can't overflow.
        tail = np.exp(-np.abs(logit))
        return np.where(logit >= 0, 1.0, tail) / (1.0 + tail)


class Thresholds(_Frozen):
    """Thresholds of the categories and of the label."""

    high: float = Field(default=0.7, ge=0, le=1)
    """High: score >= high."""
    medium: float = Field(default=0.4, ge=0, le=1)
    """Medium: medium <= score < high; Low: below."""
    label: float = Field(default=0.5, ge=0, le=1)
    """Engaged: score > label."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.medium > self.high:
            raise ValueError(f"medium {self.medium} is above high {self.high}")
        return self


class Engagement(_Frozen):
    """Expected range of the mean score."""

    low: float = Field(default=0.15, ge=0, le=1)
    high: float = Field(default=0.40, ge=0, le=1)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low > self.high:
            raise ValueError(f"the lowest healthy mean score {self.low} is above the highest")
        return self


class Golden(_Frozen):
    """Rows of the training matrix, and the scores that every engine must compute for them."""

    rows: tuple[tuple[Float32 | None, ...], ...] = Field(min_length=1)
    """float32 values; None is NaN."""
    scores: tuple[float, ...]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(self.rows) != len(self.scores):
            raise ValueError(f"{len(self.rows)} golden rows but {len(self.scores)} scores")
        if len({len(row) for row in self.rows}) != 1:
            raise ValueError("the golden rows differ in length")
        return self

    @classmethod
    def of(cls, matrix: NDArray[np.float32], scores: NDArray[np.floating]) -> Self:
        """Create golden rows from arrays.

        Parameters
        ----------
        matrix
            float32, shape (n, n_columns); about 32 rows, some with NaN.
        scores
            Floats, shape (n,): the calibrated scores.
        """
        rows = [[None if v != v else v for v in row] for row in matrix.astype(np.float32).tolist()]
        return cls(rows=tuple(map(tuple, rows)), scores=tuple(scores.tolist()))

    @property
    def matrix(self) -> NDArray[np.float32]:
        """The rows as a matrix: float32, shape (n, n_columns), NaN where missing."""
        return np.array(self.rows, dtype=np.float32)


class Training(_Frozen):
    """Origin of the model. It has no time stamp: the same data give the same bytes."""

    rows: int = Field(gt=0)
    positives: int = Field(ge=0)
    data_sha256: str
    seed: int
    target: str
    """Name of the target column."""
    positive: str | None = None
    """Values of the target that count as success, separated by commas."""
    labels: LabelCounts | None = None
    """Number of rows by label; None in older models."""
    groups: GroupCounts | None = None
    """Groups of rows that belong together; None in older models."""
    order: str | None = None
    """The order of the rows: by a column, as in the file, or None if there is no order."""
    dropped: dict[str, str] = {}
    """Unused columns, each with the reason."""
    least_leads: int = Field(default=0, ge=0)
    """Levels of categories with fewer training leads are not kept, nor any text of leads. 0 in
    older models, which keep all levels and whole leads."""
    columns: tuple[ColumnPlan, ...] = ()
    """The decision about each column; empty in older models."""
    warnings: tuple[str, ...] = ()
    parameters: dict[str, JsonValue] = {}
    """Parameters of the trainer."""


class BundleMetadata(_Frozen):
    """Everything besides the trees that scoring, explaining and drift need."""

    format_version: Literal[1, 2, 3] = 3
    spec: FeatureSpec
    reference: Reference
    calibration: Calibration = Calibration()
    thresholds: Thresholds = Thresholds()
    engagement: Engagement = Engagement()
    importance: dict[str, Annotated[float, Field(ge=0, le=1)]] = {}
    """By field, its share of all mean absolute contributions in training; empty if not measured."""
    golden: Golden
    metrics: dict[str, JsonValue] = {}
    training: Training
    contract: dict[str, JsonValue]
    """Avro schema of the leads that the model was trained for."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        width = len(self.golden.rows[0])
        if width != len(self.spec.columns):
            raise ValueError(
                f"the spec has {len(self.spec.columns)} columns, the golden rows have {width}"
            )
        fields = [field.name for field in self.spec.fields]
        if [bins.name for bins in self.reference.fields] != fields:
            raise ValueError("the reference's fields are not the spec's")
        for field, bins in zip(self.spec.fields, self.reference.fields, strict=True):
            if bins.by != BINS_OF_KIND[field.kind]:
                raise ValueError(
                    f"field {field.name!r} is a {field.kind}, its reference has bins by {bins.by}"
                )
        counted = {field.name: further_aspects(field) for field in self.spec.fields}
        for aspect in self.reference.aspects:
            if aspect.aspect not in counted.get(aspect.field, ()):
                raise ValueError(f"the reference has bins of {aspect.name}, which the spec lacks")
            if aspect.by != BINS_OF_ASPECT.get(aspect.aspect, "quantile"):
                raise ValueError(f"the reference of {aspect.name} has bins by {aspect.by}")
        if self.reference.score.by != "quantile":
            raise ValueError(f"the score's reference has bins by {self.reference.score.by}")
        if self.importance and list(self.importance) != fields:
            raise ValueError("the importance's fields are not the spec's")
        return self

    @property
    def shown_reference(self) -> Reference:
        """The reference under the fields' names for people, as drift reports use them."""
        return self.reference.with_names(self.spec.shown_names)

    @property
    def shown_importance(self) -> dict[str, float]:
        """The importance by the fields' names for people."""
        names = (field.name for field in self.shown_reference.fields)
        return dict(zip(names, self.importance.values(), strict=False))

    @property
    def top_k(self) -> int:
        """Number of reasons of a score."""
        return min(3, len(self.spec.fields))

    @property
    def aspects(self) -> tuple[FieldAspect, ...]:
        """Aspects with contributions of their own; none in formats 1 and 2."""
        return self.spec.field_aspects if self._is_by_aspect else ()

    @property
    def _is_by_aspect(self) -> bool:
        return self.format_version >= BY_ASPECT

    def reason_labels(self) -> ReasonLabels:
        """Return the texts of the model's reasons."""
        return ReasonLabels(self.spec, self.reference, by_aspect=self._is_by_aspect)

    def verify_width(self, columns: int) -> None:
        """Check that the trees read as many columns as the spec has.

        Raises
        ------
        BundleError
            They differ.
        """
        if columns != len(self.spec.columns):
            raise BundleError(
                f"The model's spec has {len(self.spec.columns)} columns, its trees read {columns}: "
                "spec and trees are not of one training. Train the model again."
            )

    def to_json(self) -> str:
        """Return JSON; the same content always gives the same text."""
        return self.model_dump_json()

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read from JSON.

        Raises
        ------
        BundleError
            The text is not JSON, has an unknown format version, or does not fit its format.
        """
        try:
            found = _Version.model_validate_json(text).format_version
            if found not in READ_VERSIONS:
                raise BundleError(
                    f"This version of LeadScore reads model formats 1 to {FORMAT_VERSION}, the "
                    f"model is of format {found}: train it again, or use the LeadScore that made "
                    "it."
                )
            return cls.model_validate_json(text)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "the whole"
            raise BundleError(
                f"The model's metadata are not usable: {where}: {first['msg']}. "
                "Publish the model again from its training."
            ) from None


class _Version(BaseModel):
    format_version: Any
