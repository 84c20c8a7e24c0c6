"""Training copies with fields that miss, and what trees learn from them."""

from __future__ import annotations

import numpy as np
import pytest

from features.field_spec import CategoryField, DateField, NumberField, TextField
from features.spec import FeatureSpec
from model.training.masking import MASKED_WEIGHT, missing_row, with_masked_copies

SPEC = FeatureSpec(
    fields=(
        NumberField(name="employees"),
        CategoryField(name="industry", encoding="one_hot", levels=("it", "retail")),
        DateField(name="opened"),
        TextField(name="note", keywords=("pricing",)),
    )
)


def test_the_copies_lack_whole_fields_and_the_rows_are_as_they_were() -> None:
    matrix = np.arange(400 * len(SPEC.columns), dtype=np.float32).reshape(400, -1)
    rows, weights = with_masked_copies(SPEC, matrix, seed=1)
    np.testing.assert_array_equal(rows[:400], matrix)
    assert weights.tolist() == [1.0] * 400 + [MASKED_WEIGHT] * 400
    copies, missing, is_kept = rows[400:], missing_row(SPEC), []
    for _, columns in SPEC.slices():
        kept = (copies[:, columns] == matrix[:, columns]).all(axis=1)
        np.testing.assert_array_equal(
            copies[~kept][:, columns], np.tile(missing[columns], (np.sum(~kept), 1))
        )
        is_kept.append(kept)
    present = np.sum(is_kept, axis=0)
    counts = [int(np.sum(present == fields)) for fields in range(5)]
    # A rate drawn evenly makes each number of present fields as likely: 80 of 400.
    assert min(counts) > 50
    assert max(counts) < 110


def test_the_same_seed_draws_the_same() -> None:
    matrix = np.ones((50, len(SPEC.columns)), dtype=np.float32)
    again = [with_masked_copies(SPEC, matrix, seed=7)[0] for _ in range(2)]
    np.testing.assert_array_equal(again[0], again[1])
    other = with_masked_copies(SPEC, matrix, seed=8)[0]
    assert not np.array_equal(again[0], other, equal_nan=True)


def test_a_missing_row_is_that_of_a_lead_without_any_field() -> None:
    row = dict(zip(SPEC.columns, missing_row(SPEC).tolist(), strict=True))
    assert np.isnan(row["employees"])
    assert len(row) == len(SPEC.columns)


@pytest.mark.parametrize("fields", [0, 1])
def test_too_few_rows_are_no_error(fields: int) -> None:
    matrix = np.ones((fields, len(SPEC.columns)), dtype=np.float32)
    rows, weights = with_masked_copies(SPEC, matrix, seed=1)
    assert len(rows) == len(weights) == 2 * fields
