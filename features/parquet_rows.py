"""Rows of a Parquet file, some at a time: memory has a row group of them, and what is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.parquet_file import text_paths
from features.table import Table
from features.table_file import arrow_table

__all__ = ["ParquetRows"]


class ParquetRows:
    """A Parquet file that is read by row groups.

    Parameters
    ----------
    path
        The file.

    Attributes
    ----------
    rows
        Number of its rows.
    """

    def __init__(self, path: Path) -> None:
        import pyarrow.parquet

        self._source = str(path)
        schema = pyarrow.parquet.read_schema(path)
        # Each different text once in a row group, as `read_parquet` does.
        texts = [name for field in schema for name in text_paths(field.name, field.type)]
        self._file = pyarrow.parquet.ParquetFile(path, read_dictionary=texts)
        self.rows: int = self._file.metadata.num_rows

    def blocks(self, columns: Sequence[str] | None = None) -> Iterator[tuple[int, Any]]:
        """Yield the number of each row group's first row, and its rows as a ``pyarrow.Table``.

        Parameters
        ----------
        columns
            Names of the columns to read; None: all.
        """
        first = 0
        for group in range(self._file.num_row_groups):
            found = self._file.read_row_group(group, columns, use_threads=False)
            yield first, found
            first += found.num_rows

    def take(self, chosen: NDArray[np.bool_], columns: Sequence[str] | None = None) -> Table:
        """Read some of the rows.

        Parameters
        ----------
        chosen
            bool, shape (rows,): at least one is true.
        columns
            Names of the columns to read; None: all.

        Returns
        -------
        Table
            Without an identity: its ``sha256`` is empty.

        Raises
        ------
        InputError
            No column can be used.
        """
        import pyarrow as pa

        parts = [own for _, own in self.chosen_blocks(chosen, columns)]
        return arrow_table(pa.concat_tables(parts), self._source)

    def tables(self, chosen: NDArray[np.bool_]) -> Iterator[tuple[NDArray[np.int64], Table]]:
        """Yield some of the rows, a row group at a time: their numbers, and the rows."""
        for rows, own in self.chosen_blocks(chosen):
            yield rows, arrow_table(own, self._source)

    def chosen_blocks(
        self, chosen: NDArray[np.bool_], columns: Sequence[str] | None = None
    ) -> Iterator[tuple[NDArray[np.int64], Any]]:
        """Yield the numbers of some rows, and the rows, row group by row group."""
        import pyarrow as pa

        for first, block in self.blocks(columns):
            own = chosen[first : first + block.num_rows]
            if own.any():
                yield first + np.flatnonzero(own), block.filter(pa.array(own))
