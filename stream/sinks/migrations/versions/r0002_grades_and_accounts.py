"""Creates the table of grades, and the views of grades and accounts for the CRM."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

GRADES = """
CREATE VIEW crm_lead_grades AS
SELECT g.lead_id, g.grade, g.fit, g.engagement, g.fit_points, g.engagement_points, g.account,
       s.score, s.category, s.scored_at
FROM lead_grades g LEFT JOIN lead_scores s ON s.lead_id = g.lead_id
"""
ACCOUNTS = """
CREATE VIEW crm_accounts AS
SELECT account, COUNT(*) AS leads,
       SUM(CASE WHEN category = 'High' THEN 1 ELSE 0 END) AS hot_leads,
       MAX(score) AS best_score, MAX(CASE WHEN by_score = 1 THEN lead_id END) AS best_lead_id,
       SUM(score) AS score_sum,
       MAX(CASE WHEN by_time = 1 THEN score END) AS last_score,
       MAX(CASE WHEN by_time = 1 THEN lead_id END) AS last_lead_id,
       MAX(scored_at) AS last_scored_at
FROM (
    SELECT g.account, s.lead_id, s.score, s.category, s.scored_at,
           ROW_NUMBER() OVER (
               PARTITION BY g.account ORDER BY s.score DESC, s.lead_id
           ) AS by_score,
           ROW_NUMBER() OVER (
               PARTITION BY g.account ORDER BY s.scored_at DESC, s.lead_id
           ) AS by_time
    FROM lead_grades g JOIN lead_scores s ON s.lead_id = g.lead_id
    WHERE g.account IS NOT NULL
) AS ranked
GROUP BY account
"""


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "lead_grades",
        sa.Column("lead_id", sa.Text, nullable=False),
        sa.Column("grade", sa.Text),
        sa.Column("fit", sa.Text),
        sa.Column("engagement", sa.Text),
        sa.Column("fit_points", sa.Float(53)),
        sa.Column("engagement_points", sa.Float(53)),
        sa.Column("account", sa.Text),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("log", sa.Text, nullable=False),
        sa.Column("kafka_partition", sa.Integer, nullable=False),
        sa.Column("kafka_offset", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("lead_id"),
    )
    op.create_index("ix_lead_grades_account", "lead_grades", ["account"])
    op.execute(GRADES)
    op.execute(ACCOUNTS)
