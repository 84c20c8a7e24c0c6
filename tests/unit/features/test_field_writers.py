"""Fields as they are written into the matrix: categories, texts, and the memo of what repeats."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from features import field_writers
from features.binning import unmeasured_reference
from features.field_spec import (
    DAY_MS,
    CategoryField,
    DateField,
    DatePart,
    FieldSpec,
    NumberField,
    TextField,
)
from features.field_writers import AgeWriter, writer_of
from features.spec import FeatureSpec

JOBS = CategoryField(name="job", encoding="one_hot", levels=("admin.", "pilot"))
NOTES = TextField(name="notes", keywords=("price",))


def written(field: FieldSpec, values: Any) -> tuple[Any, Any]:
    """Return the columns and the bins of a field alone."""
    spec = FeatureSpec(fields=(field,))
    [bins] = unmeasured_reference(spec).fields
    matrix = np.empty((len(values), len(spec.columns)), dtype=np.float32)
    codes = np.empty((len(values), 1), dtype=np.int16)
    writer_of(field, bins, 0, 0, composed=spec.composed).write(values, matrix, codes)
    return matrix, codes


@pytest.mark.parametrize("is_compiled", [True, False])
@pytest.mark.parametrize("field", [JOBS, NOTES], ids=lambda field: str(field.name))
def test_more_values_than_the_memo_holds_are_written_right(
    monkeypatch: pytest.MonkeyPatch, field: FieldSpec, is_compiled: bool
) -> None:
    if not is_compiled:
        monkeypatch.setattr(field_writers, "_compiled", None)
    values = [f"job {i % 9}" for i in range(50)] + ["admin.", "the price", *["x" * 1000] * 3]
    expected = written(field, values)
    monkeypatch.setattr(field_writers, "MEMO_ENTRIES", 4)
    matrix, codes = written(field, values)
    np.testing.assert_array_equal(matrix, expected[0])
    np.testing.assert_array_equal(codes, expected[1])
    if field is JOBS:
        assert matrix[50].tolist() == [1, 0]
    else:
        assert matrix[51].tolist() == [9, 2, 1]
        assert matrix[54].tolist() == [1000, 1, 0]


@pytest.mark.parametrize("is_compiled", [True, False])
def test_the_memo_is_bounded(monkeypatch: pytest.MonkeyPatch, is_compiled: bool) -> None:
    """Long levels are not kept: they hardly ever repeat, and take memory."""
    if not is_compiled:
        monkeypatch.setattr(field_writers, "_compiled", None)
    monkeypatch.setattr(field_writers, "MEMO_ENTRIES", 4)
    [bins] = unmeasured_reference(FeatureSpec(fields=(JOBS,))).fields
    writer: Any = writer_of(JOBS, bins, 0, 0, composed=True)
    values = [f"job {i % 9}" for i in range(50)] + ["x" * 1000]
    writer.write(values, np.empty((51, 2), np.float32), np.empty((51, 1), np.int16))
    assert 0 < len(writer._codes) <= 4
    assert "x" * 1000 not in writer._codes


def test_a_number_beyond_float32_becomes_its_largest() -> None:
    matrix, _ = written(NumberField(name="visits"), np.array([1e300, -1e300, 2.5]))
    largest = np.finfo(np.float32).max
    assert matrix[:, 0].tolist() == [largest, -largest, 2.5]


def test_ages_have_the_column_that_is_given() -> None:
    matrix = np.zeros((2, 3), dtype=np.float32)
    writer = AgeWriter(DateField(name="seen", parts=(DatePart.AGE,)), 0, 2)
    writer.write(DAY_MS * np.array([1.0, 2.0]), DAY_MS * np.array([4.0, 2.5]), matrix)
    assert matrix.tolist() == [[0, 0, 3], [0, 0, 0.5]]
