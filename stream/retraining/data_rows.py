"""Rows of a data set on disk: a sample of them for memory, the others block by block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from features.parquet_rows import ParquetRows
from features.table import Table, identity_of_part
from stream.retraining.data_set import TARGET, DataSet

if TYPE_CHECKING:
    from model.training.other_leads import OtherLeads

__all__ = ["DataRows"]


class DataRows:
    """The rows of a data set, in the order of time.

    Parameters
    ----------
    data
        The data set.

    Attributes
    ----------
    converted
        bool, shape (n,): the labels of all rows.
    """

    def __init__(self, data: DataSet) -> None:
        self._data = data
        self._file = ParquetRows(data.path)
        blocks = [block[TARGET].to_numpy() for _, block in self._file.blocks([TARGET])]
        self.converted: NDArray[np.bool_] = np.concatenate(blocks).astype(bool)

    def __len__(self) -> int:
        return len(self.converted)

    def training(self, stop: int, most: int, seed: int) -> tuple[Table, OtherLeads | None]:
        """Return what to train on: leads for memory, and the others if there are more.

        Parameters
        ----------
        stop
            Number of rows to train on, from the first on.
        most
            Number of them that memory may have: if there are more, they are drawn at random.
        seed
            Seed of the random numbers.
        """
        from model.training.other_leads import OtherLeads

        is_used = np.arange(len(self)) < stop
        identity = self._data.sha256
        if stop < len(self):
            identity = identity_of_part(identity, np.arange(stop))
        if stop <= most:
            return replace(self._file.take(is_used), sha256=identity), None
        drawn = np.sort(np.random.default_rng(seed).choice(stop, most, replace=False))
        is_drawn = np.zeros(len(self), dtype=bool)
        is_drawn[drawn] = True
        sample = replace(
            self._file.take(is_drawn), sha256=identity_of_part(self._data.sha256, drawn)
        )
        others = OtherLeads(self._file, self.converted, is_used & ~is_drawn, identity)
        return sample, others

    def latest(self, start: int) -> Iterator[Table]:
        """Yield the rows from one on, block by block."""
        for _, table in self._file.tables(np.arange(len(self)) >= start):
            yield table

    def latest_columns(self, start: int, *names: str) -> Table:
        """Return some columns of the rows from one on."""
        return self._file.take(np.arange(len(self)) >= start, names)
