"""Columns of the Delta tables."""

from __future__ import annotations

from collections.abc import Collection

import pyarrow as pa

__all__ = ["SCHEMAS", "missing_columns"]

TIME = pa.timestamp("us", tz="UTC")
PLACE = (
    pa.field("log", pa.string(), nullable=False),
    pa.field("kafka_partition", pa.int32(), nullable=False),
    pa.field("kafka_offset", pa.int64(), nullable=False),
)
REASON = pa.struct(
    [
        pa.field("feature", pa.string()),
        pa.field("value", pa.string()),
        pa.field("contribution", pa.float64()),
    ]
)

SCHEMAS = {
    "scores": pa.schema(
        [
            pa.field("lead_id", pa.string(), nullable=False),
            pa.field("event_id", pa.string()),
            pa.field("request_id", pa.string()),
            pa.field("score", pa.float64(), nullable=False),
            pa.field("category", pa.string()),
            pa.field("label", pa.string()),
            pa.field("grade", pa.string()),
            pa.field("confidence", pa.float64()),
            pa.field("feature_coverage", pa.float64()),
            pa.field("low_coverage", pa.bool_()),
            pa.field("reasons", pa.list_(REASON)),
            pa.field("model_id", pa.string()),
            pa.field("model_version", pa.string()),
            pa.field("replay_id", pa.string()),
            pa.field("created_at", TIME),
            pa.field("scored_at", TIME),
            pa.field("latency_ms", pa.int64()),
            *PLACE,
        ]
    ),
    "leads": pa.schema(
        [
            pa.field("lead_id", pa.string(), nullable=False),
            pa.field("fields", pa.string()),
            pa.field("written_at", TIME),
            *PLACE,
        ]
    ),
}
"""By content; fields of leads are JSON, as leads of one topic may differ."""
LATER = frozenset({"grade"})
"""Columns that tables of earlier versions do not have; each can be null."""


def missing_columns(schema: pa.Schema, present: Collection[str]) -> pa.Schema:
    """Return the columns to add to a table of an earlier version.

    Parameters
    ----------
    schema
        The columns that a table has now.
    present
        The names of the table's columns. If they lack more than later columns, it is no table of
        this sink, and none is to be added.

    Examples
    --------
    >>> present = {field.name for field in SCHEMAS["scores"]} - {"grade"}
    >>> missing_columns(SCHEMAS["scores"], present).names
    ['grade']
    >>> missing_columns(SCHEMAS["scores"], present - {"score"}).names
    []
    """
    missing = [field for field in schema if field.name not in present]
    is_ours = all(field.name in LATER for field in missing)
    return pa.schema(missing if is_ours else [])
