"""The first migration: tables with their keys, the index of the history, the view."""

from __future__ import annotations

from stream.sinks.sql_schema import ddl_of


def test_history_is_found_by_lead_and_keyed_by_place() -> None:
    ddl = ddl_of("postgresql")
    assert "CREATE INDEX ix_lead_score_history_lead_id ON lead_score_history (lead_id)" in ddl
    assert "PRIMARY KEY (log, kafka_partition, kafka_offset)" in ddl
    assert ddl.count("PRIMARY KEY (lead_id)") == 3  # with that of the second migration


def test_the_view_has_no_columns_of_the_log() -> None:
    view = ddl_of("sqlite").split("CREATE VIEW crm_lead_scores")[1].split("CREATE")[0]
    assert "kafka_offset" not in view
    assert "request_id" not in view
