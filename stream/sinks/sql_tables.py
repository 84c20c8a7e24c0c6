"""Tables of the sink `sql`; stream/sinks/migrations creates them."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Float,
    Integer,
    MetaData,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB

__all__ = ["GRADES", "HISTORY", "LEADS", "METADATA", "PLACE", "SCORES"]

METADATA = MetaData()
ANY_JSON = JSON().with_variant(JSONB(), "postgresql")
TIME = DateTime(timezone=True)
PLACE = ("log", "kafka_partition", "kafka_offset")
"""Columns that name the record that a row comes from; a log is a topic with its id."""


def _place() -> tuple[Column[str], Column[int], Column[int]]:
    return (
        Column("log", Text, nullable=False),
        Column("kafka_partition", Integer, nullable=False),
        Column("kafka_offset", BigInteger, nullable=False),
    )


def _score_columns() -> tuple[Column[object], ...]:
    return (
        Column("event_id", Text, nullable=False),
        Column("request_id", Text),
        Column("score", Float(53), nullable=False),
        Column("category", Text, nullable=False),
        Column("label", Text),
        Column("grade", Text),
        Column("confidence", Float(53)),
        Column("feature_coverage", Float(53)),
        Column("low_coverage", Boolean),
        Column("reasons", ANY_JSON, nullable=False),
        Column("model_id", Text, nullable=False),
        Column("model_version", Text, nullable=False),
        Column("replay_id", Text),
        Column("created_at", TIME, nullable=False),
        Column("scored_at", TIME, nullable=False),
        Column("latency_ms", BigInteger),
    )


SCORES = Table(
    "lead_scores", METADATA, Column("lead_id", Text, primary_key=True), *_score_columns(), *_place()
)
"""The latest score of each lead."""

HISTORY = Table(
    "lead_score_history",
    METADATA,
    Column("lead_id", Text, nullable=False, index=True),
    *_score_columns(),
    Column("log", Text, primary_key=True),
    Column("kafka_partition", Integer, primary_key=True, autoincrement=False),
    Column("kafka_offset", BigInteger, primary_key=True, autoincrement=False),
)
"""Every score, if LEADSCORE_SINK_HISTORY is on."""

LEADS = Table(
    "leads",
    METADATA,
    Column("lead_id", Text, primary_key=True),
    Column("fields", ANY_JSON, nullable=False),
    Column("written_at", TIME, nullable=False),
    *_place(),
)
"""The latest fields of each lead."""

GRADES = Table(
    "lead_grades",
    METADATA,
    Column("lead_id", Text, primary_key=True),
    Column("grade", Text),
    Column("fit", Text),
    Column("engagement", Text),
    Column("fit_points", Float(53)),
    Column("engagement_points", Float(53)),
    Column("account", Text, index=True),
    Column("written_at", TIME, nullable=False),
    *_place(),
    Column("half_life_days", Float(53)),
)
"""The grade and the account of each lead, if LEADSCORE_SINK_SALES_RULES is set."""
