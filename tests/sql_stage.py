"""Stages of the sink `sql` for the conformance checks: any database, and SQLite."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from sqlalchemy import create_engine, select

from stream.settings import load_settings
from stream.sinks.sink import SinkRecord
from stream.sinks.sql import SqlSink, make_sink
from stream.sinks.sql_engine import database_url
from stream.sinks.sql_tables import SCORES
from testing.sink_writer import record
from tests.sink_conformance import Row, Stage


class Database(Stage):
    """A database that keeps the latest score per lead."""

    keeps_latest = True

    def __init__(self, url: str, **options: str) -> None:
        self.url = url
        self.environment: Mapping[str, str] = {
            "LEADSCORE_SINK": "sql",
            "LEADSCORE_SINK_TO": url,
        } | options

    def sink(self) -> SqlSink:
        return make_sink(
            load_settings(
                **{
                    name.removeprefix("LEADSCORE_").lower(): value
                    for name, value in self.environment.items()
                }
            )
        )

    async def rows(self) -> list[Row]:
        engine = create_engine(database_url(self.url))
        columns = SCORES.c.lead_id, SCORES.c.score, SCORES.c.kafka_offset
        try:
            with engine.connect() as connection:
                found = connection.execute(select(*columns).order_by(SCORES.c.lead_id))
                return [Row(*row) for row in found]
        finally:
            engine.dispose()

    def refused(self, offset: int) -> SinkRecord:
        return replace(record(offset), event={**record(offset).event, "category": None})


class SqliteFile(Database):
    """A SQLite file; while it is unavailable, its folder is one that no file can be made in."""

    def __init__(self, file: Path, **options: str) -> None:
        super().__init__(f"sqlite:///{file}", **options)
        self.file = file

    @asynccontextmanager
    async def away(self) -> AsyncIterator[None]:
        """Hold the file's lock in another connection, as a backup or a shell may."""
        engine = create_engine(f"sqlite:///{self.file}")
        try:
            with engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA journal_mode=WAL")
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                yield
                connection.rollback()
        finally:
            engine.dispose()
