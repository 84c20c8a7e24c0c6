"""Connections to the sink's database, and verdicts on its errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    DataError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
)

from schemas.errors import FatalError, StartupError
from stream.settings import PREFIX
from stream.sinks.sink import TargetUnavailableError
from stream.sinks.sql_upsert import dumps

__all__ = ["RecordError", "database_url", "judged", "open_engine"]

CONNECT_SECONDS = 5
STATEMENT_MS = 60_000
"""A write that takes longer is cancelled by the server and tried again."""
LOCK_MS = 10_000
"""A write that waits longer for a lock is cancelled by the server and tried again."""


class RecordError(Exception):
    """The database refuses a value of one of the rows."""


def database_url(to: str, given_by: str = f"--to or {PREFIX}SINK_TO") -> URL:
    """Return the URL of a database, with the driver of LeadScore.

    Parameters
    ----------
    to
        The URL.
    given_by
        The option or setting that has it, for the error.

    Raises
    ------
    StartupError
        It is none of PostgreSQL or SQLite.
    """
    expected = (
        "expected the URL of a database, postgresql://USER:PASSWORD@HOST/DATABASE or"
        f" sqlite:///FILE, in {given_by}"
    )
    try:
        url = make_url(to)
    except ArgumentError:
        raise StartupError(expected) from None
    backend = url.get_backend_name()
    if backend not in ("postgresql", "sqlite"):
        raise StartupError(f"{expected}, but it begins with {backend}")
    return url.set(drivername="postgresql+psycopg") if backend == "postgresql" else url


def open_engine(url: URL) -> Engine:
    """Make the engine; it connects when it is used, with one connection."""
    if url.get_backend_name() == "sqlite":
        wait = {"timeout": CONNECT_SECONDS}
        engine = create_engine(url, json_serializer=dumps, connect_args=wait)
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    limits = f"-c statement_timeout={STATEMENT_MS} -c lock_timeout={LOCK_MS}"
    return create_engine(
        url,
        json_serializer=dumps,
        pool_size=1,
        max_overflow=0,
        connect_args={
            "connect_timeout": CONNECT_SECONDS,
            "keepalives_idle": 5,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 15_000,
            "options": limits,
            "application_name": "leadscore-sink",
        },
    )


def _set_up_sqlite(connection: Any, _: Any) -> None:
    # Transactions are begun here, not by the driver: else it would commit before each DDL.
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")


def _begin_sqlite(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


@contextmanager
def judged(url: URL) -> Iterator[None]:
    """Turn errors of the database into verdicts.

    Raises
    ------
    RecordError
        A value of a row is refused.
    TargetUnavailableError
        Another attempt may succeed.
    FatalError
        It will not: a table is missing, or this user may not write to it.
    """
    where = url.render_as_string(hide_password=True)
    try:
        yield
    except (DataError, IntegrityError) as error:
        raise RecordError(type(error.orig).__name__) from error
    except (OperationalError, InterfaceError, InternalError) as error:
        raise TargetUnavailableError(f"{where}: {_reason(error)}") from error
    except DatabaseError as error:
        raise FatalError(
            f"expected to write to {where}, but the database refuses: {_reason(error)}. Give this"
            " user its rights on the tables (docs/sinks.md#sql)"
        ) from error
    except DBAPIError as error:
        raise TargetUnavailableError(f"{where}: {_reason(error)}") from error
    except (OverflowError, UnicodeError, TypeError, ValueError) as error:
        raise RecordError(type(error).__name__) from error


def _reason(error: DBAPIError) -> str:
    """Return the kind of an error and the database's code: its text may quote values."""
    code = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "sqlite_errorname", None)
    return " ".join(str(part) for part in (type(error.orig).__name__, code) if part)
