"""Creates the view of accounts whose leads' scores lose half of their weight with a half-life."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

DAYS_BETWEEN = {
    "postgresql": "EXTRACT(EPOCH FROM ({later} - {earlier})) / 86400.0",
    "sqlite": "(julianday({later}) - julianday({earlier}))",
}
# A power that is too small for a double is an error in PostgreSQL.
VIEW = """
CREATE VIEW crm_accounts_decayed AS
SELECT account, COUNT(*) AS leads, MAX(decayed_score) AS best_score,
       MAX(CASE WHEN by_score = 1 THEN lead_id END) AS best_lead_id,
       SUM(decayed_score) AS score_sum, MAX(last_event_at) AS last_event_at,
       MAX(half_life_days) AS half_life_days
FROM (
    SELECT weighted.*, ROW_NUMBER() OVER (
               PARTITION BY account ORDER BY decayed_score DESC, lead_id
           ) AS by_score
    FROM (
        SELECT aged.*, CASE WHEN half_lives > 100 THEN 0.0
                            ELSE score * POWER(0.5, half_lives) END AS decayed_score
        FROM (
            SELECT dated.*, CAST({days} AS DOUBLE PRECISION) / half_life_days AS half_lives
            FROM (
                SELECT g.account, s.lead_id, s.score, g.written_at,
                       MAX(g.written_at) OVER (PARTITION BY g.account) AS last_event_at,
                       MAX(g.half_life_days) OVER (PARTITION BY g.account) AS half_life_days
                FROM lead_grades g JOIN lead_scores s ON s.lead_id = g.lead_id
                WHERE g.account IS NOT NULL
            ) AS dated
        ) AS aged
        WHERE half_life_days IS NOT NULL
    ) AS weighted
) AS ranked
GROUP BY account
"""


def upgrade() -> None:
    """Create it, and the column with the half-life."""
    op.add_column("lead_grades", sa.Column("half_life_days", sa.Float(53)))
    days = DAYS_BETWEEN[op.get_context().dialect.name]
    op.execute(VIEW.format(days=days.format(later="last_event_at", earlier="written_at")))
