"""Fit a feature spec to training data: levels, encodings, keywords; and its matrix."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.binning import unmeasured_reference
from features.field_spec import (
    CategoryField,
    DateField,
    FieldSpec,
    NumberField,
    TextField,
    normalise_level,
)
from features.matrix import Columns, FeatureEncoder
from features.personal import WITHHELD
from features.spec import FeatureSpec
from model.training.date_parts import DateParts, choose_date_parts
from model.training.keywords import fit_keywords
from model.training.target_encoding import cross_fitted, fit_target_encoding
from schemas.fields import FieldKind
from schemas.number_reading import FALSE_WORDS, TRUE_WORDS, NumberReading
from schemas.readings import Reading
from schemas.time_reading import TimeReading

__all__ = ["ONE_HOT_LEVELS", "Leads", "encode", "fit_spec", "training_matrix"]

ONE_HOT_LEVELS = 15
"""A category with more levels is target-encoded."""
TRUTH_WORDS = frozenset({*TRUE_WORDS, *FALSE_WORDS})
OTHER_THAN_TRUTH = 2
"""Levels besides yes and no (unknown, say) that a field of yes and no may have."""


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
    dates
        What each date gives: chosen once, so that all folds have the same columns.
    """

    kinds: Mapping[str, FieldKind]
    columns: Mapping[str, NDArray[Any]]
    labels: NDArray[np.bool_]
    readings: Mapping[str, Reading] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    groups: NDArray[np.int64] | None = None
    dates: Mapping[str, DateParts] = field(default_factory=dict)

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
            arrays |= {name: _replaced(arrays[name], missing, None) for name in categories}
        dates = choose_date_parts(kinds, arrays)
        return cls(kinds, arrays, labels, readings or {}, tuple(sorted(missing)), dates=dates)

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def independent(self) -> Leads:
        """The leads with the first one of each group only."""
        if self.groups is None:
            return self
        return self.take(np.sort(np.unique(self.groups, return_index=True)[1]))

    def withholding(self, levels: Mapping[str, Collection[str]]) -> Leads:
        """Return the leads with ``WITHHELD`` for levels that a model must not keep.

        Parameters
        ----------
        levels
            By field, as they are compared.
        """
        columns = {
            name: _replaced(self.columns[name], chosen, WITHHELD) for name, chosen in levels.items()
        }
        return replace(self, columns={**self.columns, **columns})

    def without(self, fields: Collection[str]) -> Leads:
        """Return the leads without some fields."""
        return replace(
            self,
            kinds={name: kind for name, kind in self.kinds.items() if name not in fields},
            columns={name: values for name, values in self.columns.items() if name not in fields},
            dates={name: parts for name, parts in self.dates.items() if name not in fields},
        )

    def take(self, rows: NDArray[np.integer]) -> Leads:
        """Return some of the rows, in the order asked for."""
        columns = {name: values[rows] for name, values in self.columns.items()}
        groups = None if self.groups is None else self.groups[rows]
        return replace(self, columns=columns, labels=self.labels[rows], groups=groups)


def _replaced(
    cells: NDArray[Any], levels: Collection[str], replacement: str | None
) -> NDArray[Any]:
    """Return a category's cells with a replacement for those of some levels."""
    chosen = frozenset(levels)
    found = cells.tolist()
    gone = {cell for cell in {*found} if cell is not None and normalise_level(cell) in chosen}
    return np.array([replacement if cell in gone else cell for cell in found], dtype=object)


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
            return DateField(
                name=name,
                reading=time if is_time else TimeReading(),
                parts=leads.dates[name].parts,
                whole_days=leads.dates[name].whole_days,
                day_shift_ms=leads.dates[name].day_shift_ms,
            )
        case FieldKind.TEXT:
            return TextField(name=name, keywords=fit_keywords(values.tolist(), leads.groups))
    levels = {normalise_level(value) for value in set(values.tolist()) if value is not None}
    known = tuple(sorted(level for level in levels - {WITHHELD} if level is not None))
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
        Seed of the cross-fitting's folds.

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
