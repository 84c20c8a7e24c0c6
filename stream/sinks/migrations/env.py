"""Runs the migrations of the sink `sql`; stream/sinks/sql_schema.py gives the connection."""

from __future__ import annotations

from alembic import context

VERSIONS = "leadscore_schema"
"""Table with the number of the last migration."""


def run() -> None:
    """Run the migrations, or print their statements."""
    if context.is_offline_mode():
        context.configure(
            dialect_name=context.config.attributes["dialect"],
            version_table=VERSIONS,
            literal_binds=True,
            transactional_ddl=True,
        )
    else:
        context.configure(
            connection=context.config.attributes["connection"],
            version_table=VERSIONS,
            transactional_ddl=True,
        )
    with context.begin_transaction():
        context.run_migrations()


run()
