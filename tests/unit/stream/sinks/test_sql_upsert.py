"""Upserts: the later record wins, by its offset in one log and by time in others."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select
from sqlalchemy.engine import make_url

from stream.sinks.sql_engine import open_engine
from stream.sinks.sql_schema import migrate
from stream.sinks.sql_tables import LEADS
from stream.sinks.sql_upsert import upsert

START = datetime(2026, 11, 29, tzinfo=UTC)


def row(offset: int, seconds: int, log: str = "a", partition: int = 0) -> dict[str, Any]:
    return {
        "lead_id": "L",
        "fields": {"offset": offset},
        "written_at": START + timedelta(seconds=seconds),
        "log": log,
        "kafka_partition": partition,
        "kafka_offset": offset,
    }


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    engine = open_engine(make_url(f"sqlite:///{tmp_path}/a.db"))
    with engine.begin() as connection:
        migrate(connection)
        yield connection
    engine.dispose()


@pytest.mark.parametrize(
    ("before", "after", "wins"),
    [
        (row(5, 0), row(6, -9), True),
        (row(5, 0), row(5, 9), False),
        (row(5, 0), row(4, 9), False),
        (row(5, 0), row(4, 9, log="b"), True),
        (row(5, 0), row(6, -9, log="b"), False),
        (row(5, 0), row(4, 9, partition=1), True),
    ],
)
def test_the_later_record_wins(
    connection: Connection, before: dict[str, Any], after: dict[str, Any], wins: bool
) -> None:
    upsert(connection, LEADS, [before], "written_at")
    upsert(connection, LEADS, [after], "written_at")
    [found] = connection.execute(select(LEADS.c.kafka_offset, LEADS.c.log))
    winner = after if wins else before
    assert tuple(found) == (winner["kafka_offset"], winner["log"])


def test_the_last_row_counts_of_a_lead_that_a_batch_has_twice(
    connection: Connection,
) -> None:
    upsert(connection, LEADS, [row(5, 0), row(6, 0)], "written_at")
    assert connection.execute(select(LEADS.c.kafka_offset)).scalar_one() == 6
