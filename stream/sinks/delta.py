"""The sink `delta`: scores or leads in a Delta table, exactly once.

Each commit carries an application transaction: the log as its id, the last offset as its version.
Readers of the table see the rows and the version at once, so after a crash the version says which
records the table has. delta-rs records versions, but two writers of one log could both commit the
same records: on a local disk a lock keeps them apart; in an object store the consumer group does,
but for a worker that was replaced and is not dead yet.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Schema, Transaction, write_deltalake
from deltalake.exceptions import (
    CommitFailedError,
    DeltaError,
    DeltaProtocolError,
    SchemaMismatchError,
)

from schemas.errors import FatalError
from schemas.urls import mask_url
from stream.settings import Settings
from stream.sinks.delta_schema import SCHEMAS, missing_columns
from stream.sinks.rows import lead_row, log_name, score_row
from stream.sinks.sink import (
    WRITTEN,
    Gathering,
    Log,
    SinkBatch,
    SinkRecord,
    TargetUnavailableError,
    Verdict,
    refuse,
)
from stream.sinks.target import target_of

__all__ = ["DeltaSink", "application_of", "make_sink"]

log = logging.getLogger(__name__)


def make_sink(settings: Settings) -> DeltaSink:
    """Make the sink that the settings name.

    Raises
    ------
    StartupError
        No table is named.
    """
    return DeltaSink(
        target_of(settings, "the folder or URL of a Delta table"),
        settings.sink_content,
        name=settings.sink_label,
        compact_commits=settings.sink_compact_commits,
    )


def application_of(name: str, where: Log) -> str:
    """Return the id of the application transactions of a log."""
    return f"{name}/{log_name(where)}/{where.partition}"


class DeltaSink:
    """Appends to a Delta table; see ``stream.sinks.sink.Sink``.

    Parameters
    ----------
    table
        Folder or URL.
    content
        What the records are: scores or leads.
    name
        Name of the sink: part of the ids of its transactions.
    compact_commits
        Number of own commits after which small files are compacted.
    """

    gathering = Gathering(records=50_000, seconds=30.0)

    def __init__(self, table: str, content: str, *, name: str, compact_commits: int = 50) -> None:
        self._to = table
        self._folder = None if "://" in table else Path(table)
        self._content = content
        self._schema = SCHEMAS[content]
        self._name = name
        self._compact_commits = compact_commits
        self._commits = 0
        self._table: DeltaTable | None = None

    def plan(self) -> str:
        """Return the table and its columns."""
        return f"{mask_url(self._to)}: a Delta table with these columns\n{self._schema}"

    async def open(self) -> None:
        """Open the table, or create it; add the columns that one of an earlier version lacks."""
        await asyncio.to_thread(self._open)

    async def write(self, batch: SinkBatch) -> Sequence[Verdict]:
        """Append the records that the table does not have yet, in one commit."""
        return await asyncio.to_thread(self._write, batch)

    async def close(self) -> None:
        """Do nothing: a table holds no connection."""

    def _open(self) -> None:
        with self._judged():
            table = DeltaTable.create(self._to, self._schema, mode="ignore")
            present = {field.name for field in table.schema().fields}
            missing = missing_columns(self._schema, present)
            if len(missing) > 0:  # if another sink adds them meanwhile, this one opens once more
                table.alter.add_columns(Schema.from_arrow(missing).fields)
            self._table = table

    def _write(self, batch: SinkBatch) -> Sequence[Verdict]:
        assert self._table is not None, "the sink is open"
        verdicts: list[Verdict] = [WRITTEN] * len(batch.records)
        rows: list[tuple[int, dict[str, Any]]] = []
        for position, record in enumerate(batch.records):
            try:
                rows.append((position, self._row(batch.log, record)))
            except ValueError as error:
                verdicts[position] = refuse(str(error))
        fitting = self._fitting(rows, verdicts)
        with self._judged(), self._locked(batch.log):
            self._append(batch.log, fitting)
        return verdicts

    def _row(self, where: Log, record: SinkRecord) -> dict[str, Any]:
        place = {
            "log": log_name(where),
            "kafka_partition": where.partition,
            "kafka_offset": record.offset,
        }
        if self._content == "scores":
            return score_row(record) | place
        row = lead_row(record)
        return row | {"fields": orjson.dumps(row["fields"]).decode()} | place

    def _fitting(
        self, rows: Sequence[tuple[int, dict[str, Any]]], verdicts: list[Verdict]
    ) -> list[dict[str, Any]]:
        """Return the rows that the columns can hold; halves them to find the others."""
        try:
            self._table_of([row for _, row in rows])
        except (ValueError, TypeError, OverflowError, pa.ArrowException) as error:
            if len(rows) == 1:
                verdicts[rows[0][0]] = refuse(
                    f"the record does not fit the columns of the table ({type(error).__name__})"
                )
                return []
            half = len(rows) // 2
            return self._fitting(rows[:half], verdicts) + self._fitting(rows[half:], verdicts)
        return [row for _, row in rows]

    def _table_of(self, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
        return pa.Table.from_pylist(rows, schema=self._schema)

    def _append(self, where: Log, rows: Sequence[Mapping[str, Any]]) -> None:
        assert self._table is not None
        self._table.update_incremental()
        application = application_of(self._name, where)
        written = self._table.transaction_version(application)
        new = [row for row in rows if written is None or row["kafka_offset"] > written]
        if not new:
            return
        transaction = Transaction(application, new[-1]["kafka_offset"])
        write_deltalake(
            self._table,
            self._table_of(new),
            mode="append",
            commit_properties=CommitProperties(app_transactions=[transaction]),
        )
        self._commits += 1
        if self._commits % self._compact_commits == 0:
            self._compact()

    def _compact(self) -> None:
        """Replace small files by large ones; a reader sees the same rows."""
        assert self._table is not None
        try:
            self._table.optimize.compact()
        except CommitFailedError:  # another sink compacts the table, too
            log.info("compaction of the table is left to another writer")

    @contextmanager
    def _locked(self, where: Log) -> Iterator[None]:
        """Hold the lock of a log, where the table is on a disk of this machine."""
        if self._folder is None:
            yield
            return
        name = f".leadscore-{where.topic}-{where.partition}.lock"
        with (self._folder / name).open("ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise TargetUnavailableError(
                    f"another process writes partition {where.partition} to the table"
                ) from None
            yield

    @contextmanager
    def _judged(self) -> Iterator[None]:
        """Turn errors of delta-rs and of the file system into verdicts."""
        where = mask_url(self._to)
        try:
            yield
        except (SchemaMismatchError, DeltaProtocolError) as error:
            raise FatalError(
                f"expected a Delta table of this sink at {where}, but its columns or its protocol"
                f" differ ({type(error).__name__}): name another one with --to"
            ) from error
        except (DeltaError, OSError) as error:
            raise TargetUnavailableError(f"{where}: {type(error).__name__}") from error
