"""Adds the grade that a scored event's headers have to the tables of scores and the CRM's view."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

VIEW = """
VIEW crm_lead_scores AS
SELECT lead_id, score, category, label, reasons, low_coverage,
       model_id, model_version, created_at, scored_at, grade
FROM lead_scores
"""


def upgrade() -> None:
    """Add them."""
    for table in ("lead_scores", "lead_score_history"):
        op.add_column(table, sa.Column("grade", sa.Text))
    if op.get_context().dialect.name == "postgresql":  # rights on the view stay
        op.execute(f"CREATE OR REPLACE {VIEW}")
    else:
        op.execute("DROP VIEW crm_lead_scores")
        op.execute(f"CREATE {VIEW}")
