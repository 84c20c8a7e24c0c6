"""Rows of leads in databases of the sink `sql`."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.errors import FatalError, StartupError
from stream.erasure.sink_rows import SinkRows, databases_of, delete_rows, find_rows
from stream.settings import load_settings
from tests.sink_conformance import batch, opened, written
from tests.sql_stage import SqliteFile


@pytest.fixture
async def database(tmp_path: Path) -> str:
    stage = SqliteFile(tmp_path / "a.db", LEADSCORE_SINK_HISTORY="true")
    sink = await opened(stage)
    await written(sink, batch(0, 14))
    await sink.close()
    return stage.url


def test_rows_are_found_by_lead_and_deleted(database: str) -> None:
    ids = ["unknown", "lead-3", "lead-1"]
    assert find_rows([database], ids) == [
        SinkRows(1, database, "lead_score_history", 2),
        SinkRows(2, database, "lead_score_history", 2),
        SinkRows(1, database, "lead_scores", 1),
        SinkRows(2, database, "lead_scores", 1),
    ]
    delete_rows([database], ids)
    assert find_rows([database], ids) == []
    assert len(find_rows([database], ["lead-0"])) == 2


def test_a_database_without_the_tables_is_no_sinks(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="expected the tables of the sink sql"):
        find_rows([f"sqlite:///{tmp_path}/other.db"], ["lead-1"])


def test_a_database_that_does_not_answer_ends_the_erasure_without_its_password() -> None:
    with pytest.raises(FatalError, match="expected the database to answer") as raised:
        find_rows(["postgresql://me:geheim@127.0.0.1:9/crm"], ["lead-1"])
    assert "geheim" not in str(raised.value)


def test_the_database_of_a_sink_sql_is_one_of_them() -> None:
    sink = load_settings(sink="sql", sink_to="sqlite:///b.db")
    assert databases_of(sink, ["sqlite:///a.db", "sqlite:///b.db"]) == [
        *("sqlite:///a.db", "sqlite:///b.db")
    ]
    assert databases_of(load_settings(sink="jsonl", sink_to="/files"), []) == []


def test_a_text_that_is_no_url_is_refused_with_the_option_of_erase() -> None:
    with pytest.raises(StartupError, match="in --sql"):
        find_rows(["nonsense"], ["ann"])
