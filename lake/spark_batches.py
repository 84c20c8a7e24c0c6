"""Scores of the batches in Arrow that Spark passes to a task: all columns, and those of the score.

The executors of a cluster import this module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from lake.batch_scorer import BatchScorer, ScoredRows, TimeRules
from lake.score_columns import score_schema
from model.bundle import Artefacts, Bundle, verify

__all__ = ["SentModel", "added_schema", "fields_in", "with_scores"]

SOURCE = "the data frame"
ERRORS = (pa.field("error_code", pa.string()), pa.field("error", pa.string()))


def added_schema() -> Any:
    """Return the ``pyarrow.Schema`` of the columns that are added to those of a data frame."""
    return pa.schema([*score_schema(), *ERRORS])


@dataclass(frozen=True, slots=True)
class SentModel:
    """The files of a model, which Spark sends from the driver to the tasks.

    Attributes
    ----------
    name, version, sha256, location
        As of ``Bundle``.
    files
        The model's files.
    times
        The times that leads may have, the same in all tasks.
    """

    name: str
    version: str
    sha256: str
    location: str
    files: Mapping[str, bytes]
    times: TimeRules

    @classmethod
    def of(cls, bundle: Bundle, times: TimeRules) -> SentModel:
        """Return what is sent of a bundle."""
        return cls(
            bundle.name, bundle.version, bundle.sha256, bundle.location, dict(bundle.files), times
        )

    def open(self) -> BatchScorer:
        """Verify the model, and open it in this process.

        Raises
        ------
        BundleError
            Its golden rows have other scores here than in training.
        """
        files = self.files
        metadata = verify(Artefacts(files.get("model.onnx"), files.get("model.ubj")))
        bundle = Bundle(self.name, self.version, self.sha256, metadata, files, self.location)
        return BatchScorer(bundle, self.times, SOURCE)


def fields_in(columns: Sequence[str], model: SentModel) -> frozenset[str]:
    """Return the fields of a model for which there is a column.

    Parameters
    ----------
    columns
        Names of columns, dotted inside structs.
    model
        The model.

    Raises
    ------
    InputError
        It is ambiguous which column is a field.
    """
    scorer = model.open()
    empty = pa.table({name: pa.nulls(0) for name in columns})
    return frozenset(scorer.reader.fields_in(scorer.table(empty)))


def with_scores(open_scorer: Callable[[], BatchScorer], batches: Iterable[Any]) -> Iterator[Any]:
    """Score batches, with a model that is opened once.

    Parameters
    ----------
    open_scorer
        Opens the model.
    batches
        Each a ``pyarrow.RecordBatch``.

    Yields
    ------
    pyarrow.RecordBatch
        The same rows in the same order with all their columns, and those of ``added_schema``. A row
        has either a score, or an error code and a sentence; the others are null.
    """
    scorer = open_scorer()
    for batch in batches:
        scored = scorer.score(scorer.table(pa.Table.from_batches([batch])))
        added = _added(scored, batch.num_rows)
        yield pa.record_batch(
            [*batch.columns, *added], schema=pa.schema([*batch.schema, *added_schema()])
        )


def _added(scored: ScoredRows, n: int) -> Iterator[Any]:
    places = np.full(n, -1, dtype=np.int64)
    places[scored.rows] = np.arange(len(scored.rows))
    # A null index gives a null.
    taken = scored.scores.take(pa.array(places, mask=places < 0))
    for column in taken.columns:
        yield column.combine_chunks()
    errors = [scored.rejected.get(row) for row in range(n)] if scored.rejected else [None] * n
    yield pa.array([error and str(error.code) for error in errors], type=pa.string())
    yield pa.array([error and str(error) for error in errors], type=pa.string())
