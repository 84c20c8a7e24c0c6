"""Scores as Arrow columns: those fields of the scored event that follow from the scores alone."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa

from schemas.logical_types import type_name
from schemas.scored_event import Leaf, OfScore, Reasons, ScoreRule, Scores, scored_event

__all__ = ["ScoreColumns", "score_schema"]

TYPES = {"double": pa.float64(), "long": pa.int64(), "string": pa.string(), "boolean": pa.bool_()}
REASON = pa.struct([("feature", pa.string()), ("value", pa.string()), ("contribution", "float64")])


@cache
def score_schema() -> Any:
    """Return the ``pyarrow.Schema`` of scores, as ``lead_scored.avsc`` declares them."""
    return pa.schema(
        [pa.field(leaf.path[0], _type_of(leaf)) for leaf in scored_event().leaves_of_scores]
    )


class ScoreColumns:
    """Writes the scores of one model as Arrow.

    Parameters
    ----------
    rule
        How its scores become words.
    """

    def __init__(self, rule: ScoreRule) -> None:
        self._rule = rule
        features, values = zip(*rule.reason_texts, strict=True) if rule.reason_texts else ((), ())
        self._features = pa.array(features, type=pa.string())
        self._values = pa.array(values, type=pa.string())

    def of(self, scores: Scores) -> Any:
        """Return the scores of n leads as a ``pyarrow.RecordBatch`` of n rows.

        It has ``score_schema``. A float32 of the model becomes the double of the same value.
        """
        arrays = [
            self._array(leaf.value.read(scores, self._rule), leaf)
            for leaf in scored_event().leaves_of_scores
            if isinstance(leaf.value, OfScore)
        ]
        return pa.record_batch(arrays, schema=score_schema())

    def _array(self, column: Any, leaf: Leaf) -> Any:
        if isinstance(column, Reasons):
            return self._reasons(column)
        assert isinstance(leaf.value, OfScore)
        if leaf.value.options:
            return pa.array(leaf.value.options).take(pa.array(column.astype(np.int64)))
        return pa.array(column.astype(np.float64), type=_type_of(leaf))

    def _reasons(self, reasons: Reasons) -> Any:
        is_reason = reasons.values != 0
        starts = np.zeros(len(is_reason) + 1, dtype=np.int32)
        np.cumsum(is_reason.sum(axis=1), out=starts[1:])
        codes = pa.array(reasons.codes[is_reason].astype(np.int64))
        contributions = pa.array(reasons.values[is_reason].astype(np.float64))
        said = [self._features.take(codes), self._values.take(codes), contributions]
        each = pa.StructArray.from_arrays(said, fields=[*REASON])
        return pa.ListArray.from_arrays(pa.array(starts), each)


def _type_of(leaf: Leaf) -> Any:
    name = type_name(leaf.avro_type)
    return pa.list_(REASON) if name == "array" else TYPES[name]
