"""The environment of the migrations: numbers are in a table of their own name."""

from __future__ import annotations

from stream.sinks.sql_schema import ddl_of


def test_the_number_of_the_last_migration_has_a_table() -> None:
    ddl = ddl_of("postgresql")
    assert "CREATE TABLE leadscore_schema" in ddl
    assert "alembic_version" not in ddl
    assert ddl.index("BEGIN") < ddl.index("CREATE TABLE") < ddl.index("COMMIT")
