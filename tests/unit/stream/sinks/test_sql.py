"""The sink `sql` on SQLite: conformance, history, leads, the view."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

import stream.sinks.sql_engine as engine_module
from schemas.errors import StartupError
from stream.settings import load_settings
from stream.sinks.sink import SinkBatch, SinkRecord, WriteResult
from stream.sinks.sql import make_sink
from testing.sink_writer import LOG, record
from tests.sink_conformance import Check, batch, each_check, killed, opened, written
from tests.sql_stage import SqliteFile


@pytest.fixture
def stage(tmp_path: Path) -> SqliteFile:
    return SqliteFile(tmp_path / "scores.db")


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "CONNECT_SECONDS", 0.05)


@each_check
async def test_it_conforms(check: Check, stage: SqliteFile) -> None:
    await check(stage)


async def test_a_writer_that_is_killed_leaves_the_latest_score_of_each_lead(
    stage: SqliteFile,
) -> None:
    await killed(stage, records=3000, size=50, kills=1, chance=Random(3))


async def test_all_rows_of_a_batch_but_the_refused_ones_are_written(stage: SqliteFile) -> None:
    sink = await opened(stage)
    records = [
        replace(record(at), lead_id=f"l{at}") if at % 5 else replace(stage.refused(at))
        for at in range(40)
    ]
    verdicts = await sink.write(SinkBatch(LOG, records))
    refused = [at for at, verdict in enumerate(verdicts) if verdict.outcome is WriteResult.REFUSED]
    assert refused == list(range(0, 40, 5))
    assert len(await stage.rows()) == 32
    await sink.close()


async def test_history_keeps_every_score_once(tmp_path: Path) -> None:
    stage = SqliteFile(tmp_path / "scores.db", LEADSCORE_SINK_HISTORY="true")
    sink = await opened(stage)
    await written(sink, batch(0, 20), batch(10, 30))
    await sink.close()
    [[rows]] = sqlite3.connect(stage.file).execute("SELECT count(*) FROM lead_score_history")
    assert rows == 30


async def test_the_crm_reads_a_view_that_it_cannot_write_to(stage: SqliteFile) -> None:
    sink = await opened(stage)
    await written(sink, batch(0, 3))
    await sink.close()
    database = sqlite3.connect(stage.file)
    [row] = database.execute("SELECT score, category FROM crm_lead_scores WHERE lead_id='lead-2'")
    assert row == (0.02, "Low")
    with pytest.raises(sqlite3.OperationalError, match="view"):
        database.execute("UPDATE crm_lead_scores SET score = 1")
    database.close()


async def test_leads_have_a_table_with_their_latest_fields(tmp_path: Path) -> None:
    stage = SqliteFile(tmp_path / "leads.db", LEADSCORE_SINK_CONTENT="leads")
    sink = await opened(stage)
    leads = [
        SinkRecord(at, 1_790_000_000_000 + at, "L-1", {"lead_id": "L-1", "age": 40 + at})
        for at in range(3)
    ]
    await written(sink, SinkBatch(LOG, leads), SinkBatch(LOG, leads[:1]))
    await sink.close()
    [row] = sqlite3.connect(stage.file).execute("SELECT lead_id, fields ->> 'age' FROM leads")
    assert row == ("L-1", 42)


@pytest.mark.parametrize(
    ("to", "sentence"),
    [
        ("no url", "expected the URL of a database"),
        ("mysql://h/d", "begins with mysql"),
        ("", "LEADSCORE_SINK_TO"),
    ],
)
def test_other_databases_are_refused(to: str, sentence: str) -> None:
    with pytest.raises(StartupError, match=sentence):
        make_sink(load_settings(sink="sql", sink_to=to))


def test_rules_of_sales_need_the_leads(tmp_path: Path) -> None:
    settings = load_settings(sink="sql", sink_to="sqlite:///x", sink_sales_rules=tmp_path / "s")
    with pytest.raises(StartupError, match="--content leads"):
        make_sink(settings)


@pytest.mark.parametrize("to", ["postgresql://u:secret@h/d", "sqlite:///x.db"])
def test_the_plan_is_the_ddl(to: str) -> None:
    plan = make_sink(load_settings(sink="sql", sink_to=to)).plan()
    for table in ("lead_scores", "lead_score_history", "leads", "crm_lead_scores"):
        assert table in plan
    assert ("JSONB" in plan) == to.startswith("postgresql")
    assert "secret" not in plan
