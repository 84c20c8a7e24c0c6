"""The sink `delta`: conformance, kills, compaction, and what other readers see."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pytest
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError

from schemas.errors import FatalError
from stream.settings import load_settings
from stream.sinks.delta import DeltaSink, application_of, make_sink
from stream.sinks.sink import SinkBatch, SinkRecord, TargetUnavailableError, WriteResult
from testing.sink_writer import LOG, record
from tests.sink_conformance import (
    Check,
    Row,
    Stage,
    batch,
    each_check,
    expected,
    killed,
    opened,
    written,
)


class LocalTable(Stage):
    """A table on the local disk."""

    keeps_latest = False

    def __init__(self, folder: Path, **options: str) -> None:
        self.folder = folder
        self.environment: Mapping[str, str] = {
            "LEADSCORE_SINK": "delta",
            "LEADSCORE_SINK_TO": str(folder),
        } | options

    def sink(self) -> DeltaSink:
        return make_sink(
            load_settings(
                **{
                    name.removeprefix("LEADSCORE_").lower(): value
                    for name, value in self.environment.items()
                }
            )
        )

    async def rows(self) -> list[Row]:
        table = DeltaTable(self.folder).to_pyarrow_table(
            columns=["lead_id", "score", "kafka_offset", "kafka_partition"]
        )
        found = sorted(table.to_pylist(), key=lambda row: row["kafka_offset"])
        return [Row(row["lead_id"], row["score"], row["kafka_offset"]) for row in found]

    @asynccontextmanager
    async def away(self) -> AsyncIterator[None]:
        away = self.folder.with_name("away")
        if self.folder.exists():
            self.folder.rename(away)
        self.folder.write_text("a file where the folder was")
        try:
            yield
        finally:
            self.folder.unlink()
            if away.exists():
                away.rename(self.folder)

    def refused(self, offset: int) -> SinkRecord:
        return replace(record(offset), event={**record(offset).event, "latency_ms": 2**70})


@pytest.fixture
def stage(tmp_path: Path) -> LocalTable:
    return LocalTable(tmp_path / "scores")


@each_check
async def test_it_conforms(check: Check, stage: LocalTable) -> None:
    await check(stage)


async def test_a_writer_that_is_killed_leaves_every_row_once(tmp_path: Path) -> None:
    stage = LocalTable(tmp_path / "scores", LEADSCORE_SINK_COMPACT_COMMITS="5")
    await killed(stage, records=2000, size=100, kills=2, chance=Random(11))


async def test_small_files_are_compacted_and_the_rows_stay(tmp_path: Path) -> None:
    stage = LocalTable(tmp_path / "scores", LEADSCORE_SINK_COMPACT_COMMITS="4")
    sink = await opened(stage)
    for at in range(4):
        await written(sink, batch(at * 5, at * 5 + 5))
    assert len(DeltaTable(stage.folder).file_uris()) == 1
    assert await stage.rows() == expected(stage, range(20))
    await written(sink, batch(10, 25))
    assert await stage.rows() == expected(stage, range(25))


async def test_the_version_of_the_transaction_is_the_last_offset(stage: LocalTable) -> None:
    sink = await opened(stage)
    await written(sink, batch(0, 5), batch(5, 9))
    table = DeltaTable(stage.folder)
    assert table.transaction_version(application_of("delta-scores", LOG)) == 8


async def test_duckdb_reads_the_table(stage: LocalTable) -> None:
    sink = await opened(stage)
    await written(sink, batch(0, 30))
    scores = DeltaTable(stage.folder).to_pyarrow_dataset()
    found = duckdb.query(
        "SELECT count(*), count(DISTINCT lead_id), min(reasons[1].feature), max(scored_at)"
        " > max(created_at) FROM scores"
    ).fetchall()
    assert scores is not None
    assert found == [(30, 7, "age", True)]


async def earlier_table(stage: LocalTable, records: int) -> None:
    """Make the table that a sink of an earlier version has written: it has no grades."""
    present = LocalTable(stage.folder.with_name("present"))
    await written(await opened(present), batch(0, records))
    rows = DeltaTable(present.folder).to_pyarrow_table().drop_columns("grade")
    transaction = Transaction(application_of("delta-scores", LOG), records - 1)
    properties = CommitProperties(app_transactions=[transaction])
    DeltaTable.create(stage.folder, rows.schema)
    write_deltalake(stage.folder, rows, mode="append", commit_properties=properties)


async def test_a_table_without_grades_continues_with_them(stage: LocalTable) -> None:
    await earlier_table(stage, records=3)
    sink = await opened(stage)
    graded = [replace(record(at), grade="B2") for at in range(2, 5)]
    await written(sink, SinkBatch(LOG, graded), batch(5, 6))
    await (await opened(stage)).write(batch(5, 6))
    assert await stage.rows() == expected(stage, range(6))
    table = DeltaTable(stage.folder).to_pyarrow_table().sort_by("kafka_offset")
    assert table["grade"].to_pylist() == [None, None, None, "B2", "B2", None]
    assert table.schema.field("grade").nullable


async def test_one_of_two_sinks_that_add_grades_at_once_opens_again(
    stage: LocalTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    await earlier_table(stage, records=3)
    other = await opened(stage)
    opens = DeltaTable.create

    def as_before(*given: Any, **options: Any) -> DeltaTable:
        monkeypatch.undo()
        opens(*given, **options)
        return DeltaTable(stage.folder, version=1)

    monkeypatch.setattr(DeltaTable, "create", as_before)
    sink = stage.sink()
    with pytest.raises(TargetUnavailableError, match=CommitFailedError.__name__):
        await sink.open()
    await sink.open()
    await written(sink, batch(3, 4))
    await written(other, batch(4, 5))
    assert await stage.rows() == expected(stage, range(5))


async def test_a_table_of_others_is_refused(stage: LocalTable) -> None:
    leads = LocalTable(stage.folder, LEADSCORE_SINK_CONTENT="leads")
    await opened(leads)
    sink = await opened(stage)
    with pytest.raises(FatalError, match="name another one with --to"):
        await sink.write(batch(0, 1))


async def test_fields_of_a_lead_are_json(tmp_path: Path) -> None:
    stage = LocalTable(tmp_path / "leads", LEADSCORE_SINK_CONTENT="leads")
    sink = await opened(stage)
    lead = SinkRecord(3, 1_790_000_000_000, "L-1", {"lead_id": "L-1", "age": 40})
    [verdict] = await sink.write(SinkBatch(LOG, [lead]))
    assert verdict.outcome is WriteResult.WRITTEN
    [row] = DeltaTable(stage.folder).to_pyarrow_table().to_pylist()
    assert row["fields"] == '{"lead_id":"L-1","age":40}'
