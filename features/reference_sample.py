"""The sample of training leads in a bundle: numbers, lengths and bins, but no text.

``reference.parquet`` has what a snapshot compares leads with and nothing else: the bin of each
field's value, the value itself where it is a number, a text's length, and the score.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.field_spec import NumberField, TextField
from features.matrix import Columns, FeatureEncoder, Features
from features.reference import Reference
from features.spec import FeatureSpec
from features.table import Table
from features.table_file import parse_table
from schemas.errors import InputError
from schemas.fields import FieldKind

__all__ = ["SCORE", "LeadSample", "read_sample", "sample_columns", "shown_numbers"]

SCORE = "score"
BIN, NUMBER = "bin.", "number."
"""Before a field's name. No column of an older file has a point in its name."""
ASPECT = "aspect."
"""Before the place and the name of a further aspect."""


@dataclass(frozen=True, slots=True)
class LeadSample:
    """Some leads as a snapshot compares them: those of the training, or recent ones.

    Attributes
    ----------
    numbers
        float64, shape (n,), NaN where missing: each number field's values, each text field's
        lengths in characters.
    bins
        int16, shape (n, counted): codes in the reference, of fields, then of further aspects.
    scores
        float32, shape (n,): calibrated scores, 0 to 1.
    """

    numbers: Mapping[str, NDArray[np.float64]]
    bins: NDArray[np.int16]
    scores: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.scores)


def shown_numbers(
    spec: FeatureSpec, columns: Columns, features: Features
) -> dict[str, NDArray[np.float64]]:
    """Return what can be plotted of leads: numbers, and texts' lengths in characters.

    Parameters
    ----------
    spec
        The model's fields.
    columns
        The leads' fields, n values each.
    features
        The same leads, encoded.

    Returns
    -------
    dict of ndarray of float64, shape (n,)
        By field, NaN where missing; categories and dates are not in it.
    """
    shown = {}
    for field, place in spec.slices():
        if isinstance(field, NumberField):
            shown[field.name] = np.asarray(columns[field.name], dtype=np.float64)
        elif isinstance(field, TextField):
            shown[field.name] = features.matrix[:, place.start].astype(np.float64)
    return shown


def sample_columns(reference: Reference, sample: LeadSample) -> dict[str, NDArray[Any]]:
    """Return the columns of ``reference.parquet``, by their names."""
    bins = dict(zip(_bin_columns(reference), sample.bins.T, strict=True))
    numbers = {f"{NUMBER}{name}": values for name, values in sample.numbers.items()}
    return bins | numbers | {SCORE: sample.scores}


def _bin_columns(reference: Reference) -> list[str]:
    """Return the columns of bins: by their place, names of aspects can't meet those of fields."""
    fields = [f"{BIN}{field.name}" for field in reference.fields]
    aspects = [f"{ASPECT}{i}.{aspect.name}" for i, aspect in enumerate(reference.aspects)]
    return [*fields, *aspects]


def read_sample(content: bytes, name: str, spec: FeatureSpec, reference: Reference) -> LeadSample:
    """Read ``reference.parquet``.

    Parameters
    ----------
    content
        The file. Bundles of earlier versions have the leads' fields in it as they came.
    name
        What to call it in messages.
    spec, reference
        The model's fields and their bins.

    Raises
    ------
    InputError
        The file is damaged, or lacks a column.
    """
    table = parse_table(content, name)
    if any(column.startswith(BIN) for column in table.originals.values()):
        return _sample_of(table, reference)
    # A time is written as milliseconds since 1970, also where no reading would take it for one.
    numbers = {
        name: FieldKind.NUMBER for name, kind in spec.kinds.items() if kind is FieldKind.DATE
    }
    columns = table.columns_for({**spec.kinds, **numbers})
    encoder = FeatureEncoder(spec, reference)
    features = encoder.encode(columns, table.rows)
    bins = encoder.counted_bins(features)
    scores = table.columns_for({SCORE: FieldKind.NUMBER})[SCORE]
    numbers_shown = shown_numbers(spec, columns, features)
    return LeadSample(numbers_shown, bins, np.asarray(scores, np.float32))


def _sample_of(table: Table, reference: Reference) -> LeadSample:
    names = {column: name for name, column in table.originals.items()}
    wanted = _bin_columns(reference)
    lacking = [column for column in (*wanted, SCORE) if column not in names]
    if lacking:
        raise InputError(
            f"{table.source} should have the columns {', '.join(lacking)}, but it does not: train"
            " the model again with `leadscore train`, or use the LeadScore that wrote it."
        )
    numbers = [column for column in names if column.startswith(NUMBER)]
    chosen = {column: names[column] for column in (*wanted, *numbers, SCORE)}
    read = table.columns_for(dict.fromkeys(chosen.values(), FieldKind.NUMBER))
    values = {column: np.asarray(read[name], np.float64) for column, name in chosen.items()}
    return LeadSample(
        {column.removeprefix(NUMBER): values[column] for column in numbers},
        np.stack([values[column].astype(np.int16) for column in wanted], axis=1),
        values[SCORE].astype(np.float32),
    )
