"""Scores of a batch of rows in Arrow; a row's score does not depend on its batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from agents.offline import OfflineScorer
from features.matrix import Columns
from features.row_reader import ReadRows, RowReader
from features.table import Table
from features.table_file import arrow_table
from lake.score_columns import ScoreColumns, score_schema
from model.bundle import Bundle
from model.serving.predictor import open_predictor
from schemas.errors import InvalidEventError
from schemas.plausible_times import PlausibleTimes

__all__ = ["BatchScorer", "ScoredRows", "TimeRules"]


@dataclass(frozen=True, slots=True)
class TimeRules:
    """The times that leads may have, fixed for all batches of a data set.

    Attributes
    ----------
    earliest_ms
        Milliseconds since 1970.
    ahead_ms
        Latest plausible time after ``now_ms``, in milliseconds.
    now_ms
        When the leads came, milliseconds since 1970.
    """

    earliest_ms: float
    ahead_ms: float
    now_ms: int


@dataclass(frozen=True, slots=True)
class ScoredRows:
    """The outcome of a batch: each of its rows is scored or rejected.

    Attributes
    ----------
    rows
        int64, shape (k,): the scored rows, ascending.
    scores
        A ``pyarrow.Table`` of k rows with ``score_schema``.
    rejected
        By row, ascending: why it is no lead.
    """

    rows: NDArray[np.int64]
    scores: Any
    rejected: Mapping[int, InvalidEventError]


class BatchScorer:
    """Scores batches with one model.

    Parameters
    ----------
    bundle
        The model.
    times
        The times that its leads may have.
    source
        What to call the data in messages.
    """

    def __init__(self, bundle: Bundle, times: TimeRules, source: str) -> None:
        metadata = bundle.metadata
        self.reader = RowReader(metadata.spec, metadata.contract)
        self._scorer = OfflineScorer(bundle, open_predictor(bundle))
        self._columns = ScoreColumns(self._scorer.rule)
        self._now_ms = times.now_ms
        self._source = source
        self._times = PlausibleTimes(metadata.spec.readings, times.earliest_ms, times.ahead_ms)

    def table(self, data: Any) -> Table:
        """Return a ``pyarrow.Table`` of any number of rows as a table of leads."""
        return arrow_table(data, self._source)

    def score(self, table: Table) -> ScoredRows:
        """Score a batch.

        Parameters
        ----------
        table
            From ``table``.

        Raises
        ------
        InputError
            It is ambiguous which column is a field.
        """
        read = self.reader.read(table)
        verdicts = {**read.misfits, **self._implausible(read, table.rows)}
        rejected = dict(sorted(verdicts.items()))
        if not rejected:
            return ScoredRows(np.arange(table.rows), self._scores(read.columns, table.rows), {})
        rows = np.delete(np.arange(table.rows), [*rejected])
        return ScoredRows(rows, self._scores(_taken(read.columns, rows), len(rows)), rejected)

    def _implausible(self, read: ReadRows, n: int) -> Mapping[int, InvalidEventError]:
        came_at = np.full(n, self._now_ms)
        return self._times.verdicts(read.columns, came_at, read.created_at)

    def _scores(self, columns: Columns, n: int) -> Any:
        batches = [self._columns.of(scores) for scores in self._scorer.scores(columns, n)]
        return pa.Table.from_batches(batches, schema=score_schema())


def _taken(columns: Columns, rows: NDArray[np.int64]) -> Columns:
    chosen = rows.tolist()
    return {
        name: values[rows] if isinstance(values, np.ndarray) else [values[row] for row in chosen]
        for name, values in columns.items()
    }
