"""Fit a feature spec to training data: levels, encodings, keywords; and its matrix."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.binning import unmeasured_reference
from features.matrix import Columns, FeatureEncoder
from features.spec import (
    CategoryField,
    DateField,
    FeatureSpec,
    FieldSpec,
    NumberField,
    TextField,
    normalise_level,
)
from model.target_encoding import cross_fitted, fit_target_encoding
from schemas.fields import FieldKind

__all__ = ["ONE_HOT_LEVELS", "Leads", "encode", "fit_keywords", "fit_spec", "training_matrix"]

ONE_HOT_LEVELS = 15
"""A category with more levels is target-encoded."""
WORD = re.compile(r"[^\W\d_]{4,}")
KEYWORDS = 20
KEYWORD_SHARE = (0.02, 0.5)
KEYWORD_TEXTS = 20


@dataclass(frozen=True)
class Leads:
    """Labelled leads by column.

    Parameters
    ----------
    kinds
        The fields, in the order of the spec.
    columns
        A column for each: float64, or object (str or None).
    labels
        bool, shape (n,).
    """

    kinds: Mapping[str, FieldKind]
    columns: Mapping[str, NDArray[Any]]
    labels: NDArray[np.bool_]

    @classmethod
    def of(
        cls, kinds: Mapping[str, FieldKind], columns: Columns, labels: NDArray[np.bool_]
    ) -> Leads:
        """Take columns as they are decoded."""
        arrays = {
            name: values if isinstance(values, np.ndarray) else np.array(values, dtype=object)
            for name, values in columns.items()
        }
        return cls(kinds, arrays, labels)

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: NDArray[np.integer]) -> Leads:
        """Return some of the rows, in the order asked for."""
        columns = {name: values[rows] for name, values in self.columns.items()}
        return Leads(self.kinds, columns, self.labels[rows])


def fit_spec(leads: Leads) -> FeatureSpec:
    """Fit a spec: categories' levels and target encodings, texts' keywords.

    Parameters
    ----------
    leads
        The training leads; no others have a part in it.
    """
    fields = tuple(_fit_field(leads, name, kind) for name, kind in leads.kinds.items())
    return FeatureSpec(fields=fields)


def _fit_field(leads: Leads, name: str, kind: FieldKind) -> FieldSpec:
    values = leads.columns[name]
    match kind:
        case FieldKind.NUMBER:
            return NumberField(name=name)
        case FieldKind.DATE:
            return DateField(name=name)
        case FieldKind.TEXT:
            return TextField(name=name, keywords=fit_keywords(values))
    levels = {normalise_level(value) for value in set(values.tolist()) if value is not None}
    known = tuple(sorted(level for level in levels if level is not None))
    if 0 < len(known) <= ONE_HOT_LEVELS:
        return CategoryField(name=name, encoding="one_hot", levels=known)
    return fit_target_encoding(name, values.tolist(), leads.labels)


def fit_keywords(texts: Iterable[str | None]) -> tuple[str, ...]:
    """Choose a text's keywords: the words that many texts have, but not most.

    A word is a run of four or more letters, case-folded. Keywords are the 20 words that are in the
    most texts, among those in at least 20 texts and 2 % of them and at most 50 %; ties go by the
    alphabet. The labels have no part in it.

    Parameters
    ----------
    texts
        The training leads' texts; None is missing.
    """
    present = [text for text in texts if text is not None and normalise_level(text) is not None]
    counts = Counter(word for text in present for word in set(WORD.findall(text.casefold())))
    least, most = (share * len(present) for share in KEYWORD_SHARE)
    frequent = [
        word for word, count in counts.items() if max(least, KEYWORD_TEXTS) <= count <= most
    ]
    return tuple(sorted(frequent, key=lambda word: (-counts[word], word))[:KEYWORDS])


def encode(spec: FeatureSpec, leads: Leads) -> NDArray[np.float32]:
    """Build leads' matrix as a worker would."""
    return FeatureEncoder(spec, unmeasured_reference(spec)).encode(leads.columns, len(leads)).matrix


def training_matrix(spec: FeatureSpec, leads: Leads, seed: int) -> NDArray[np.float32]:
    """Build the matrix that a model is trained on: target encodings are cross-fitted.

    Parameters
    ----------
    spec
        Fitted to these leads.
    leads
        The training leads.
    seed
        Of the cross-fitting's folds.

    Returns
    -------
    ndarray of float32, shape (n, columns of the spec)
    """
    matrix = encode(spec, leads)
    for field, columns in spec.slices():
        if isinstance(field, CategoryField) and field.encoding == "target":
            matrix[:, columns.start] = cross_fitted(
                field.name, leads.columns[field.name], leads.labels, seed
            )
    return matrix
