"""The fourth migration: the grade of a scored event is beside its score."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

from stream.settings import load_settings
from stream.sinks.sink import SinkBatch
from stream.sinks.sql import make_sink
from testing.sink_writer import LOG, record
from tests.sink_conformance import written


async def test_the_crms_view_has_the_grade_of_the_newest_score(tmp_path: Path) -> None:
    settings = load_settings(sink="sql", sink_to=f"sqlite:///{tmp_path}/crm.db", sink_history=True)
    sink = make_sink(settings)
    await sink.open()
    graded = replace(record(0), grade="B3")
    await written(sink, SinkBatch(LOG, [graded, record(1)]))
    await written(sink, SinkBatch(LOG, [replace(graded, offset=50, grade="A1")]))
    await sink.close()
    database = sqlite3.connect(tmp_path / "crm.db")
    latest = database.execute("SELECT lead_id, grade FROM crm_lead_scores ORDER BY 1").fetchall()
    history = database.execute("SELECT grade FROM lead_score_history ORDER BY kafka_offset")
    assert latest == [("lead-0", "A1"), ("lead-1", None)]
    assert history.fetchall() == [("B3",), (None,), ("A1",)]
    database.close()
