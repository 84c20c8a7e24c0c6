"""Erased leads are in no table any more; others stay."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from stream.sinks.sql_engine import database_url, open_engine
from stream.sinks.sql_erasure import count_rows, delete_leads, has_tables
from tests.sink_conformance import batch, opened, written
from tests.sql_stage import SqliteFile


async def test_all_rows_of_a_lead_are_deleted(tmp_path: Path) -> None:
    stage = SqliteFile(tmp_path / "a.db", LEADSCORE_SINK_HISTORY="true")
    sink = await opened(stage)
    await written(sink, batch(0, 21))
    await sink.close()
    engine = open_engine(database_url(stage.url))
    with engine.begin() as connection:
        assert count_rows(connection, ["lead-1", "unknown"]) == {
            "lead_grades": {},
            "lead_score_history": {"lead-1": 3},
            "lead_scores": {"lead-1": 1},
            "leads": {},
        }
        deleted = delete_leads(connection, ["lead-1", "lead-2", "unknown"])
    engine.dispose()
    assert deleted == {"lead_score_history": 6, "lead_scores": 2, "leads": 0, "lead_grades": 0}
    database = sqlite3.connect(stage.file)
    for table in ("lead_scores", "lead_score_history"):
        left = {row[0] for row in database.execute(f"SELECT lead_id FROM {table}")}
        assert left == {f"lead-{at}" for at in (0, 3, 4, 5, 6)}
    database.close()


async def test_more_leads_than_a_statement_has_parameters_are_deleted(tmp_path: Path) -> None:
    stage = SqliteFile(tmp_path / "a.db")
    sink = await opened(stage)
    await written(sink, batch(0, 7))
    await sink.close()
    ids = [*(f"unknown-{at}" for at in range(40_000)), "lead-1"]
    engine = open_engine(database_url(stage.url))
    with engine.begin() as connection:
        assert delete_leads(connection, ids)["lead_scores"] == 1
    engine.dispose()


def test_a_database_of_others_has_no_tables_of_the_sink(tmp_path: Path) -> None:
    engine = open_engine(database_url(f"sqlite:///{tmp_path}/a.db"))
    with engine.begin() as connection:
        assert not has_tables(connection)
    engine.dispose()
