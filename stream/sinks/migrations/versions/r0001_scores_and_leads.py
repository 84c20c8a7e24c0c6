"""Creates the tables of scores and leads, and the view for the CRM."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None

ANY_JSON = sa.JSON().with_variant(JSONB(), "postgresql")
TIME = sa.DateTime(timezone=True)
VIEW = """
CREATE VIEW crm_lead_scores AS
SELECT lead_id, score, category, label, reasons, low_coverage,
       model_id, model_version, created_at, scored_at
FROM lead_scores
"""
READ_ONLY = """
CREATE FUNCTION leadscore_read_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the view % is read-only: LeadScore writes its table', TG_TABLE_NAME;
END $$
"""
REFUSE_WRITES = """
CREATE TRIGGER read_only INSTEAD OF INSERT OR UPDATE OR DELETE ON crm_lead_scores
FOR EACH ROW EXECUTE FUNCTION leadscore_read_only()
"""


def upgrade() -> None:
    """Create them."""
    for table, key in (("lead_scores", ("lead_id",)), ("lead_score_history", PLACE)):
        op.create_table(table, _lead(), *_score(), *_place(), sa.PrimaryKeyConstraint(*key))
    op.create_index("ix_lead_score_history_lead_id", "lead_score_history", ["lead_id"])
    op.create_table(
        "leads",
        _lead(),
        sa.Column("fields", ANY_JSON, nullable=False),
        sa.Column("written_at", TIME, nullable=False),
        *_place(),
        sa.PrimaryKeyConstraint("lead_id"),
    )
    op.execute(VIEW)
    if op.get_context().dialect.name == "postgresql":  # views of SQLite can't be written to
        op.execute(READ_ONLY)
        op.execute(REFUSE_WRITES)


PLACE = ("log", "kafka_partition", "kafka_offset")


def _lead() -> sa.Column[str]:
    return sa.Column("lead_id", sa.Text, nullable=False)


def _place() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("log", sa.Text, nullable=False),
        sa.Column("kafka_partition", sa.Integer, nullable=False),
        sa.Column("kafka_offset", sa.BigInteger, nullable=False),
    )


def _score() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("request_id", sa.Text),
        sa.Column("score", sa.Float(53), nullable=False),
        sa.Column("category", sa.Text, nullable=False),
        sa.Column("label", sa.Text),
        sa.Column("confidence", sa.Float(53)),
        sa.Column("feature_coverage", sa.Float(53)),
        sa.Column("low_coverage", sa.Boolean),
        sa.Column("reasons", ANY_JSON, nullable=False),
        sa.Column("model_id", sa.Text, nullable=False),
        sa.Column("model_version", sa.Text, nullable=False),
        sa.Column("replay_id", sa.Text),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("scored_at", TIME, nullable=False),
        sa.Column("latency_ms", sa.BigInteger),
    )
