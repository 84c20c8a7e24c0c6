"""Rows of some leads in databases that the sink `sql` writes to, and their deletion."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from schemas.errors import FatalError, InputError, StartupError
from schemas.urls import mask_url
from stream.settings import Settings
from stream.sinks.sink import TargetUnavailableError

__all__ = ["SinkRows", "databases_of", "delete_rows", "find_rows"]


@dataclass(frozen=True, slots=True)
class SinkRows:
    """Rows of a lead in a table of a database.

    Attributes
    ----------
    lead
        The lead's index among those that were given.
    database
        Its URL, without a password.
    table
        The table.
    rows
        Number of rows.
    """

    lead: int
    database: str
    table: str
    rows: int


def databases_of(settings: Settings, named: Sequence[str]) -> list[str]:
    """Return the databases that are named, and the one of the settings of a sink `sql`."""
    own = [settings.sink_to] if settings.sink == "sql" and settings.sink_to else []
    return [*dict.fromkeys([*named, *own])]


def find_rows(databases: Sequence[str], ids: Sequence[str]) -> list[SinkRows]:
    """Return the rows of some leads, by database and table.

    Raises
    ------
    StartupError
        The packages of the extra `sql` are missing, or a database has no tables of the sink.
    FatalError
        A database does not answer, or this user may not read it.
    """
    places = {lead_id: index for index, lead_id in enumerate(ids)}
    found: list[SinkRows] = []
    for database in databases:
        with _connected(database) as (connection, tables):
            for table, leads in tables.count_rows(connection, ids).items():
                found += [
                    SinkRows(places[lead], mask_url(database), table, rows)
                    for lead, rows in sorted(leads.items(), key=lambda each: places[each[0]])
                ]
    return found


def delete_rows(databases: Sequence[str], ids: Sequence[str]) -> None:
    """Delete the rows of some leads, in one transaction of each database.

    Raises
    ------
    StartupError
        As in ``find_rows``.
    FatalError
        A database does not answer, or this user may not delete in it.
    """
    for database in databases:
        with _connected(database) as (connection, tables):
            tables.delete_leads(connection, ids)


@contextmanager
def _connected(database: str) -> Iterator[tuple[Any, Any]]:
    """Yield a connection in a transaction, and the module of the sink's tables."""
    try:
        from stream.sinks import sql_erasure
        from stream.sinks.sql_engine import RecordError, database_url, judged, open_engine
    except ImportError as error:
        raise StartupError(
            f"expected the packages of the sink sql, but {error.name} is missing: install them with"
            " pip install 'leadscore[sql]'"
        ) from error
    url = database_url(database, "--sql (of a sink sql: LEADSCORE_SINK_TO)")
    engine = open_engine(url)
    try:
        with judged(url), engine.begin() as connection:
            if not sql_erasure.has_tables(connection):
                raise StartupError(
                    f"expected the tables of the sink sql in {mask_url(database)}, found none: name"
                    " the database that `leadscore sink sql` writes to"
                )
            yield connection, sql_erasure
    except TargetUnavailableError as error:
        raise FatalError(f"expected the database to answer: {error}; run it again") from error
    except RecordError as error:
        raise InputError(f"expected ids that a database can hold ({error})") from error
    finally:
        engine.dispose()
