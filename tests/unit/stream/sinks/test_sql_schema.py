"""Migrations: run once, under a lock, whole or not at all; the tables are those of the sink."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, inspect
from sqlalchemy.engine import make_url

from stream.sinks.sql_engine import open_engine
from stream.sinks.sql_schema import ddl_of, migrate
from stream.sinks.sql_tables import METADATA


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_engine(make_url(f"sqlite:///{tmp_path}/a.db"))
    yield engine
    engine.dispose()


def test_a_second_run_changes_nothing(engine: Engine) -> None:
    for _ in range(2):
        with engine.begin() as connection:
            migrate(connection)
    with engine.connect() as connection:
        [[version]] = connection.exec_driver_sql("SELECT * FROM leadscore_schema")
    assert version == "0004"


def test_the_tables_are_those_that_the_sink_writes_to(engine: Engine) -> None:
    with engine.begin() as connection:
        migrate(connection)
    found = inspect(engine)
    for name, table in METADATA.tables.items():
        columns = {column["name"]: column["nullable"] for column in found.get_columns(name)}
        assert columns == {column.name: column.nullable for column in table.columns}, name
        key = found.get_pk_constraint(name)["constrained_columns"]
        assert set(key) == set(table.primary_key.columns.keys())
    assert found.get_view_names() == [
        "crm_accounts",
        "crm_accounts_decayed",
        "crm_lead_grades",
        "crm_lead_scores",
    ]


def test_a_migration_that_ends_early_leaves_nothing(engine: Engine) -> None:
    with engine.connect() as connection:
        transaction = connection.begin()
        migrate(connection)
        transaction.rollback()  # as after a kill before the commit
    assert inspect(engine).get_table_names() == []
    with engine.begin() as connection:
        migrate(connection)


def test_the_ddl_of_postgresql_refuses_writes_to_the_view() -> None:
    ddl = ddl_of("postgresql")
    assert "JSONB" in ddl
    assert "INSTEAD OF INSERT OR UPDATE OR DELETE ON crm_lead_scores" in ddl
    assert "TRIGGER" not in ddl_of("sqlite")
