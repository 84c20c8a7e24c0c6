"""Write the sample of training leads that a bundle keeps for snapshots."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from features.matrix import FeatureEncoder, Features
from features.reference import Reference
from features.reference_sample import LeadSample, sample_columns, shown_numbers
from model.training.specify import Leads

__all__ = ["reference_rows"]

ROWS = 10_000
"""Enough for a snapshot's statistics."""


def reference_rows(
    leads: Leads,
    encoder: FeatureEncoder,
    reference: Reference,
    features: Features,
    scores: NDArray[np.float64],
) -> bytes:
    """Return ``reference.parquet``: at most 10,000 of the leads, evenly taken.

    Parameters
    ----------
    leads
        The training leads.
    encoder
        The encoder of the model.
    reference
        The bins of the model's fields.
    features
        The leads, encoded.
    scores
        float64, shape (n,): their calibrated scores, 0 to 1.
    """
    rows = np.arange(len(leads))
    if len(rows) > ROWS:
        rows = np.linspace(0, len(rows) - 1, ROWS).astype(int)
    numbers = shown_numbers(encoder.spec, leads.columns, features)
    sample = LeadSample(
        {name: values[rows] for name, values in numbers.items()},
        encoder.counted_bins(features)[rows],
        scores[rows].astype(np.float32),
    )
    columns = {
        name: pa.array(values, from_pandas=True)
        for name, values in sample_columns(reference, sample).items()
    }
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out, compression="zstd")
    return out.getvalue()
