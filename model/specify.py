"""Fit a feature spec to training data: levels, encodings, keywords; and its matrix."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
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
from schemas.readings import FALSE_WORDS, TRUE_WORDS, NumberReading, Reading, TimeReading

__all__ = ["ONE_HOT_LEVELS", "Leads", "encode", "fit_keywords", "fit_spec", "training_matrix"]

ONE_HOT_LEVELS = 15
"""A category with more levels is target-encoded."""
TRUTH_WORDS = frozenset({*TRUE_WORDS, *FALSE_WORDS})
OTHER_THAN_TRUTH = 2
"""Levels besides yes and no (unknown, say) that a field of yes and no may have."""
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
    readings
        How the fields that are numbers and times are written; a field that is not in it is
        written plainly.
    missing
        Levels that mean missing, besides those that always do: they are None in the columns.
    groups
        int64, shape (n,): leads with the same number belong together, and folds do not part them.
        None: none do.
    """

    kinds: Mapping[str, FieldKind]
    columns: Mapping[str, NDArray[Any]]
    labels: NDArray[np.bool_]
    readings: Mapping[str, Reading] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    groups: NDArray[np.int64] | None = None

    @classmethod
    def of(
        cls,
        kinds: Mapping[str, FieldKind],
        columns: Columns,
        labels: NDArray[np.bool_],
        readings: Mapping[str, Reading] | None = None,
        missing: Collection[str] = (),
    ) -> Leads:
        """Return leads of columns as they are decoded."""
        arrays = {
            name: values if isinstance(values, np.ndarray) else np.array(values, dtype=object)
            for name, values in columns.items()
        }
        if missing:
            categories = [name for name, kind in kinds.items() if kind is FieldKind.CATEGORY]
            arrays |= {name: _without(arrays[name], missing) for name in categories}
        return cls(kinds, arrays, labels, readings or {}, tuple(sorted(missing)))

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def independent(self) -> Leads:
        """The leads with the first one of each group only."""
        if self.groups is None:
            return self
        return self.take(np.sort(np.unique(self.groups, return_index=True)[1]))

    def take(self, rows: NDArray[np.integer]) -> Leads:
        """Return some of the rows, in the order asked for."""
        columns = {name: values[rows] for name, values in self.columns.items()}
        groups = None if self.groups is None else self.groups[rows]
        return replace(self, columns=columns, labels=self.labels[rows], groups=groups)


def _without(levels: NDArray[Any], missing: Collection[str]) -> NDArray[Any]:
    """Return levels with None for those that mean missing."""
    words = frozenset(missing)
    cells = levels.tolist()
    gone = {cell for cell in {*cells} if cell is not None and normalise_level(cell) in words}
    return np.array([None if cell in gone else cell for cell in cells], dtype=object)


def fit_spec(leads: Leads) -> FeatureSpec:
    """Fit a spec: categories' levels and target encodings, texts' keywords.

    Parameters
    ----------
    leads
        The training leads; no others have a part in it.
    """
    fields = tuple(_fit_field(leads, name, kind) for name, kind in leads.kinds.items())
    return FeatureSpec(composed=True, fields=fields)


def _fit_field(leads: Leads, name: str, kind: FieldKind) -> FieldSpec:
    values = leads.columns[name]
    match kind:
        case FieldKind.NUMBER:
            number = leads.readings.get(name)
            is_number = isinstance(number, NumberReading)
            return NumberField(name=name, reading=number if is_number else NumberReading())
        case FieldKind.DATE:
            time = leads.readings.get(name)
            is_time = isinstance(time, TimeReading)
            return DateField(name=name, reading=time if is_time else TimeReading())
        case FieldKind.TEXT:
            return TextField(name=name, keywords=fit_keywords(values))
    levels = {normalise_level(value) for value in set(values.tolist()) if value is not None}
    known = tuple(sorted(level for level in levels if level is not None))
    if not 0 < len(known) <= ONE_HOT_LEVELS:
        fitted = fit_target_encoding(name, values.tolist(), leads.labels)
        return fitted.model_copy(update={"missing": leads.missing})
    truth = _truth(known)
    if truth is not None:
        known = tuple(level for level in known if level in truth or level not in TRUTH_WORDS)
    return CategoryField(
        name=name, encoding="one_hot", levels=known, truth=truth, missing=leads.missing
    )


def _truth(levels: Collection[str]) -> tuple[str, str] | None:
    """Return the levels that mean yes and no; None where there are not both, or many others."""
    if len({*levels} - TRUTH_WORDS) > OTHER_THAN_TRUTH:
        return None
    pairs = zip(TRUE_WORDS, FALSE_WORDS, strict=True)
    return next((pair for pair in pairs if pair[0] in levels and pair[1] in levels), None)


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
    present = [
        unicodedata.normalize("NFC", text)
        for text in texts
        if text is not None and normalise_level(text) is not None
    ]
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
    for encoded, columns in spec.slices():
        if isinstance(encoded, CategoryField) and encoded.encoding == "target":
            matrix[:, columns.start] = cross_fitted(
                encoded.name, leads.columns[encoded.name], leads.labels, seed, leads.groups
            )
    return matrix
