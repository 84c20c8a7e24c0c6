"""Erasure of leads from the tables of the sink `sql`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import islice

from sqlalchemy import Connection, delete, func, inspect, select

from stream.sinks.sql_tables import METADATA

__all__ = ["count_rows", "delete_leads", "has_tables"]

AT_ONCE = 1000
"""Ids of one statement: databases limit its parameters."""


def has_tables(connection: Connection) -> bool:
    """Return whether the sink has created its tables in the database."""
    found = inspect(connection)
    return all(found.has_table(table.name) for table in METADATA.sorted_tables)


def count_rows(connection: Connection, lead_ids: Collection[str]) -> dict[str, dict[str, int]]:
    """Return the number of rows of each lead that has some, by table and lead."""
    found: dict[str, dict[str, int]] = {}
    for table in METADATA.sorted_tables:
        lead_id = table.c.lead_id
        for some in _parts(lead_ids):
            counts = select(lead_id, func.count()).where(lead_id.in_(some)).group_by(lead_id)
            rows = {str(lead): int(count) for lead, count in connection.execute(counts)}
            found.setdefault(table.name, {}).update(rows)
    return found


def delete_leads(connection: Connection, lead_ids: Collection[str]) -> dict[str, int]:
    """Delete all rows of some leads, in the transaction of the connection.

    Records of the leads that are still in Kafka, and are read again, bring the rows back.

    Returns
    -------
    dict
        Number of deleted rows by table.
    """
    return {
        table.name: sum(
            connection.execute(delete(table).where(table.c.lead_id.in_(some))).rowcount
            for some in _parts(lead_ids)
        )
        for table in METADATA.sorted_tables
    }


def _parts(lead_ids: Collection[str]) -> Iterator[Sequence[str]]:
    left = iter(lead_ids)
    while some := list(islice(left, AT_ONCE)):
        yield some
