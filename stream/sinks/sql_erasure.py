"""Erasure of leads from the tables of the sink `sql`."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, delete

from stream.sinks.sql_tables import METADATA

__all__ = ["delete_leads"]


def delete_leads(connection: Connection, lead_ids: Collection[str]) -> dict[str, int]:
    """Delete all rows of some leads, in the transaction of the connection.

    Records of the leads that are still in Kafka, and are read again, bring the rows back.

    Returns
    -------
    dict
        Number of deleted rows by table.
    """
    return {
        table.name: connection.execute(
            delete(table).where(table.c.lead_id.in_(list(lead_ids)))
        ).rowcount
        for table in METADATA.sorted_tables
    }
