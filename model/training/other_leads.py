"""Leads that are not in memory: only the trees of the served model learn from them.

Everything else of a model is decided by the leads in memory: its columns and encodings, the folds,
calibration, bands, the reference of drift, and the figures of its card. A sample is enough for
those; trees go on getting better with more leads.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from features.binning import unmeasured_reference
from features.matrix import FeatureEncoder
from features.parquet_rows import ParquetRows
from features.spec import FeatureSpec
from model.training.trainer import Block

__all__ = ["EncodedLeads", "OtherLeads"]


@dataclass(frozen=True, slots=True)
class OtherLeads:
    """Labelled leads of a Parquet file that are read block by block.

    Parameters
    ----------
    file
        The file.
    labels
        bool, shape (rows of the file,).
    chosen
        bool, shape (rows of the file,): the leads meant; those in memory are not among them.
    sha256
        Identity of all leads that the model learns from, those in memory included.
    """

    file: ParquetRows = field(repr=False)
    labels: NDArray[np.bool_] = field(repr=False)
    chosen: NDArray[np.bool_] = field(repr=False)
    sha256: str

    @property
    def rows(self) -> int:
        """Number of leads."""
        return int(self.chosen.sum())

    @property
    def positives(self) -> int:
        """Number of leads that converted."""
        return int((self.chosen & self.labels).sum())

    def encoded(self, spec: FeatureSpec) -> EncodedLeads:
        """Return the leads as rows of a model's matrix."""
        return EncodedLeads(self, spec)


@dataclass(frozen=True, slots=True)
class EncodedLeads:
    """Blocks of rows of a model's matrix, encoded each time that they are read."""

    leads: OtherLeads
    spec: FeatureSpec

    def __iter__(self) -> Iterator[Block]:
        """Yield each block's matrix and labels, encoded as a worker encodes leads."""
        encoder = FeatureEncoder(self.spec, unmeasured_reference(self.spec))
        for rows, table in self.leads.file.tables(self.leads.chosen):
            columns = table.columns_for(self.spec.kinds, self.spec.file_readings)
            yield encoder.encode(columns, len(rows)).matrix, self.leads.labels[rows]
