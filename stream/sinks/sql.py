"""The sink `sql`: scores or leads in tables of PostgreSQL or SQLite.

A batch is one transaction. The newer record of a lead wins, by its place in the log, so repeats and
replays of a batch change nothing. The database cancels what a replaced writer has begun, or both
write the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, Table, text
from sqlalchemy.engine import URL

from agents.sales.rules import Rules, read_rules
from schemas.errors import StartupError
from stream.settings import PREFIX, Settings
from stream.sinks.rows import grade_row, lead_row, log_name, score_row
from stream.sinks.sink import WRITTEN, Gathering, Log, SinkBatch, SinkRecord, Verdict, refuse
from stream.sinks.sql_engine import RecordError, database_url, judged, open_engine
from stream.sinks.sql_notification import notification
from stream.sinks.sql_schema import ddl_of, migrate
from stream.sinks.sql_tables import GRADES, HISTORY, LEADS, SCORES
from stream.sinks.sql_upsert import insert_new, upsert
from stream.sinks.target import target_of

__all__ = ["SqlSink", "make_sink"]


def make_sink(settings: Settings) -> SqlSink:
    """Make the sink that the settings name.

    Raises
    ------
    StartupError
        No database is named, or another one than PostgreSQL or SQLite; or the rules of sales are
        not valid.
    """
    database = target_of(
        settings,
        "the URL of a database (postgresql://USER:PASSWORD@HOST/DATABASE, sqlite:///FILE)",
    )
    rules = settings.sink_sales_rules
    if rules is not None and settings.sink_content != "leads":
        raise StartupError(
            f"expected --content leads with {PREFIX}SINK_SALES_RULES: grades follow from the"
            " fields of leads"
        )
    return SqlSink(
        database_url(database),
        settings.sink_content,
        keeps_history=settings.sink_history,
        rules=None if rules is None else read_rules(rules),
    )


NEWER = "written_at"
"""Column by which rows of leads are compared, if they come from different logs."""


class _Row(NamedTuple):
    """A row with the index of its record in the batch."""

    position: int
    values: Mapping[str, Any]
    grade: Mapping[str, Any] | None
    """The lead's row in the table of grades; None: there are no rules."""


class SqlSink:
    """Writes rows to a database; see ``stream.sinks.sink.Sink``.

    Parameters
    ----------
    url
        The database.
    content
        What the records are: scores or leads.
    keeps_history
        Whether every score is kept, beside the latest one of each lead.
    rules
        How leads are graded; None: they are not.
    """

    gathering = Gathering()

    def __init__(
        self, url: URL, content: str, *, keeps_history: bool = False, rules: Rules | None = None
    ) -> None:
        self._url = url
        self._is_of_scores = content == "scores"
        self._keeps_history = keeps_history and self._is_of_scores
        self._rules = rules
        self._engine: Engine | None = None

    def plan(self) -> str:
        """Return the statements that create the tables."""
        return ddl_of(self._url.get_backend_name())

    async def open(self) -> None:
        """Connect, and run the migrations that the database lacks."""
        await asyncio.to_thread(self._open)

    async def write(self, batch: SinkBatch) -> Sequence[Verdict]:
        """Write a batch in one transaction; without the rows that the database refuses."""
        return await asyncio.to_thread(self._write, batch)

    async def close(self) -> None:
        """Close the connection."""
        if self._engine is not None:
            await asyncio.to_thread(self._engine.dispose)

    def _open(self) -> None:
        self._engine = self._engine or open_engine(self._url)
        with judged(self._url), self._engine.begin() as connection:
            migrate(connection)

    def _write(self, batch: SinkBatch) -> Sequence[Verdict]:
        verdicts = [WRITTEN] * len(batch.records)
        rows: list[_Row] = []
        for position, record in enumerate(batch.records):
            try:
                rows.append(self._row(batch.log, position, record))
            except ValueError as error:
                verdicts[position] = refuse(str(error))
        self._write_rows(batch.log, rows, verdicts)
        return verdicts

    def _row(self, log: Log, position: int, record: SinkRecord) -> _Row:
        place = {
            "log": log_name(log),
            "kafka_partition": log.partition,
            "kafka_offset": record.offset,
        }
        row = score_row(record) if self._is_of_scores else lead_row(record)
        grade = None if self._rules is None else grade_row(record, self._rules) | place
        return _Row(position, row | place, grade)

    def _write_rows(self, log: Log, rows: Sequence[_Row], verdicts: list[Verdict]) -> None:
        """Write rows; halves them until those that the database refuses are alone."""
        if not rows:
            return
        assert self._engine is not None, "the sink is open"
        try:
            with judged(self._url), self._engine.begin() as connection:
                self._execute(connection, log, [row.values for row in rows])
                if self._rules is not None:
                    upsert(connection, GRADES, [row.grade for row in rows if row.grade], NEWER)
        except RecordError as error:
            if len(rows) == 1:
                verdicts[rows[0].position] = refuse(
                    f"the database refuses a value of the record ({error})"
                )
                return
            half = len(rows) // 2
            self._write_rows(log, rows[:half], verdicts)
            self._write_rows(log, rows[half:], verdicts)

    def _execute(self, connection: Connection, log: Log, rows: Sequence[Mapping[str, Any]]) -> None:
        table, newer = self._table
        upsert(connection, table, rows, newer)
        if self._keeps_history:
            insert_new(connection, HISTORY, rows)
        if connection.dialect.name == "postgresql":
            connection.execute(
                text("SELECT pg_notify(:channel, :payload)"),
                {
                    "channel": f"leadscore_{'scores' if self._is_of_scores else 'leads'}",
                    "payload": notification(log, rows),
                },
            )

    @property
    def _table(self) -> tuple[Table, str]:
        """The table, and its column by which rows of different logs are compared."""
        return (SCORES, "scored_at") if self._is_of_scores else (LEADS, NEWER)
