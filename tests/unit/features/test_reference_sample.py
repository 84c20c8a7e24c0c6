"""The sample of training leads in a bundle: read as it was written, also by earlier versions."""

import io
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.binning import build_reference
from features.field_spec import CategoryField, DateField, NumberField, TextField
from features.matrix import FeatureEncoder
from features.reference_sample import (
    LeadSample,
    read_sample,
    sample_columns,
    shown_numbers,
)
from features.spec import FeatureSpec
from schemas.errors import InputError

SPEC = FeatureSpec(
    composed=True,
    fields=(
        NumberField(name="size"),
        CategoryField(name="source", encoding="one_hot", levels=("event", "web")),
        TextField(name="note", keywords=("price",)),
        DateField(name="opened"),
    ),
)
NAN = float("nan")
COLUMNS: dict[str, Any] = {
    "size": np.array([1.5, NAN, 3e9, -2.0]),
    "source": ["web", None, "Event", "jane.doe@example.com"],
    "note": ["the price?", None, "Sa\u0303o Paulo", "call +49 171 1234567"],
    "opened": np.array([0.0, 86_400_000.0, NAN, 1e12]),
}
SCORES = np.array([0.1, 0.2, 0.3, 0.4])
REFERENCE = build_reference(SPEC, COLUMNS, 4, SCORES)
ENCODER = FeatureEncoder(SPEC, REFERENCE)
FEATURES = ENCODER.encode(COLUMNS, 4)
BINS = ENCODER.counted_bins(FEATURES)
SAMPLE = LeadSample(shown_numbers(SPEC, COLUMNS, FEATURES), BINS, SCORES.astype(np.float32))


def parquet(columns: Any) -> Any:
    out = io.BytesIO()
    arrays = {name: pa.array(values, from_pandas=True) for name, values in columns.items()}
    pq.write_table(pa.table(arrays), out)
    return out.getvalue()


def raw() -> Any:
    """The file of an earlier version: the leads' fields as they came."""
    times = pa.array(COLUMNS["opened"], from_pandas=True)
    return parquet({**COLUMNS, "opened": times, "score": SCORES, "target": [True] * 4})


@pytest.mark.parametrize("content", [parquet(sample_columns(REFERENCE, SAMPLE)), raw()])
def test_a_sample_is_read_whatever_version_wrote_it(content: Any) -> None:
    found = read_sample(content, "reference.parquet", SPEC, REFERENCE)
    assert list(found.numbers) == ["size", "note"]
    for name, values in SAMPLE.numbers.items():
        np.testing.assert_array_equal(found.numbers[name], values)
    np.testing.assert_array_equal(found.bins, BINS)
    assert found.bins.dtype == np.int16
    np.testing.assert_array_equal(found.scores, SAMPLE.scores)


def test_no_text_is_written() -> None:
    columns = sample_columns(REFERENCE, SAMPLE)
    assert all(values.dtype.kind in "if" for values in columns.values())
    assert columns["number.note"].tolist()[2:] == [9.0, 20.0]


def test_a_column_that_is_lacking_is_named() -> None:
    columns = sample_columns(REFERENCE, SAMPLE)
    del columns["bin.source"]
    with pytest.raises(InputError, match=r"columns bin\.source.*train the model again"):
        read_sample(parquet(columns), "reference.parquet", SPEC, REFERENCE)


def test_a_column_that_is_not_known_is_passed_over() -> None:
    columns = {**sample_columns(REFERENCE, SAMPLE), "of_later": np.zeros(4)}
    found = read_sample(parquet(columns), "reference.parquet", SPEC, REFERENCE)
    np.testing.assert_array_equal(found.bins, BINS)
