"""The schema of the sink's database: numbered migrations, run under a lock."""

from __future__ import annotations

import io

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

__all__ = ["ddl_of", "migrate"]

LOCK = 0x1EAD5C0E
"""Key of PostgreSQL's advisory lock: one process migrates at a time."""


def migrate(connection: Connection) -> None:
    """Run the migrations that the database lacks, in the transaction of the connection.

    Parameters
    ----------
    connection
        In a transaction. SQLite locks the file for it (``BEGIN IMMEDIATE``); on PostgreSQL an
        advisory lock is taken until its end.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def ddl_of(dialect: str) -> str:
    """Return the statements of all migrations for a database that has none."""
    out = io.StringIO()
    config = _config(out)
    config.attributes["dialect"] = dialect
    command.upgrade(config, "head", sql=True)
    return out.getvalue()


def _config(out: io.StringIO | None = None) -> Config:
    config = Config(output_buffer=out or io.StringIO())
    config.set_main_option("script_location", "stream.sinks:migrations")
    config.set_main_option("path_separator", "os")
    return config
