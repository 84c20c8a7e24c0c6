"""Rows on disk that are written in one order and read in another: memory has a block of them.

An Arrow file without compression, mapped into memory when it is read: the operating system holds
its pages, and drops them if memory is short.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream.archive.rows import load_pyarrow

__all__ = ["CHUNK_ROWS", "RowSpool"]

CHUNK_ROWS = 20_000
"""Minimum number of rows that are written at once: a read looks into each piece that it needs."""


class RowSpool:
    """Rows of one schema, appended and then read by their numbers.

    Parameters
    ----------
    path
        The file, which is written anew.
    """

    def __init__(self, path: Path) -> None:
        self._pa = load_pyarrow()
        self._path = path
        self._writer: Any = None
        self._waiting: list[Any] = []
        self._starts = [0]
        self._chunks: list[Any] | None = None

    def append(self, batch: Any) -> None:
        """Append the rows of a ``pyarrow.RecordBatch``."""
        if batch.num_rows:
            self._waiting.append(batch)
        if sum(each.num_rows for each in self._waiting) >= CHUNK_ROWS:
            self._write()

    def _write(self) -> None:
        table = self._pa.Table.from_batches(self._waiting).combine_chunks()
        self._waiting = []
        if self._writer is None:
            self._writer = self._pa.ipc.new_file(str(self._path), table.schema)
        for batch in table.to_batches():
            self._writer.write_batch(batch)
            self._starts.append(self._starts[-1] + batch.num_rows)

    def take(self, rows: NDArray[np.int64]) -> Any:
        """Return some of the rows, in the order asked for; nothing can be appended any more.

        Parameters
        ----------
        rows
            int64: at least one number, counted from 0 as they were appended.

        Returns
        -------
        pyarrow.Table
        """
        chunk_of = np.searchsorted(self._starts_of_chunks(), rows, side="right") - 1
        order = np.argsort(chunk_of, kind="stable")
        chunks, counts = np.unique(chunk_of, return_counts=True)
        parts = np.split(rows[order], np.cumsum(counts)[:-1])
        batches = self._opened()
        found = self._pa.Table.from_batches(
            batches[chunk].take(self._pa.array(own - self._starts[chunk]))
            for chunk, own in zip(chunks.tolist(), parts, strict=True)
        )
        places = np.empty_like(order)
        places[order] = np.arange(len(order))
        return found.take(self._pa.array(places))

    def _starts_of_chunks(self) -> NDArray[np.int64]:
        self._opened()
        return np.array(self._starts[:-1], dtype=np.int64)

    def _opened(self) -> list[Any]:
        if self._chunks is None:
            if self._waiting:
                self._write()
            self._writer.close()
            reader = self._pa.ipc.open_file(self._pa.memory_map(str(self._path)))
            self._chunks = [reader.get_batch(at) for at in range(reader.num_record_batches)]
        return self._chunks
