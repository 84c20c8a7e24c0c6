"""Statements that write rows: in a batch, harmless if repeated, the newer record wins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    and_,
    bindparam,
    column,
    func,
    or_,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import JSON

from stream.sinks.sql_tables import PLACE

__all__ = ["dumps", "insert_new", "upsert"]

TableRow = Mapping[str, Any]


def upsert(connection: Connection, table: Table, rows: Sequence[TableRow], newer: str) -> None:
    """Insert rows by lead; an existing row is replaced by a later record only.

    Of one log and partition, the record with the higher offset is later. Records of different logs
    or partitions, as after the topic was created again, are compared by time.

    Parameters
    ----------
    connection
        In a transaction.
    table
        With the primary key ``lead_id``.
    rows
        In the order of their records; of a lead, the last one counts.
    newer
        The column with the time.
    """
    last = list({row["lead_id"]: row for row in rows}.values())
    insert, given = _insert(connection, table, last)
    new = insert.excluded
    is_same_log = and_(table.c.log == new.log, table.c.kafka_partition == new.kafka_partition)
    later: ColumnElement[bool] = or_(
        and_(is_same_log, new.kafka_offset > table.c.kafka_offset),
        and_(~is_same_log, new[newer] >= table.c[newer]),
    )
    values = {name: new[name] for name in table.c.keys() if name != "lead_id"}  # noqa: SIM118
    statement = insert.on_conflict_do_update(index_elements=["lead_id"], set_=values, where=later)
    connection.execute(statement, given)


def insert_new(connection: Connection, table: Table, rows: Sequence[TableRow]) -> None:
    """Insert rows by the place of their record; those that are there stay."""
    insert, given = _insert(connection, table, rows)
    connection.execute(insert.on_conflict_do_nothing(index_elements=list(PLACE)), given)


def _insert(connection: Connection, table: Table, rows: Sequence[TableRow]) -> tuple[Any, Any]:
    """Return an insert without its conflict clause, and its parameters."""
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table), rows
    # One parameter for all rows: the server parses JSON faster than a client binds each value.
    names = list(table.c.keys())
    columns = [column(name, table.c[name].type) for name in names]
    given = func.json_to_recordset(bindparam("rows", type_=JSON())).table_valued(*columns)
    source = select(*given.render_derived(name="r", with_types=True).c)
    insert = postgresql.insert(table).from_select(names, source)
    return insert, {"rows": rows}


def dumps(rows: Any) -> str:
    """Return rows as JSON: times in ISO 8601."""
    return orjson.dumps(rows).decode()
